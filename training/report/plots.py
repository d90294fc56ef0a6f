"""Plots of an evaluation: calibration, gains, origins, segments, baselines and the learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot
from matplotlib.ticker import FuncFormatter, MaxNLocator

from features.history.lead_history import Floats
from training.evaluation.calibration import ReliabilityBin
from training.evaluation.figures import Evaluation, SegmentFigures
from training.evaluation.gains import AT_CAPACITY, Gain
from training.evaluation.learning_curve import LearningPoint
from training.metrics.bootstrap import Estimate
from training.report.style import (
    CAPS,
    DARK,
    GREY,
    PALE,
    WARM,
    errorbars,
    legend_above,
    name_places,
    percent,
    reach,
    scale_by_root,
)


def draw_reliability(bins: Sequence[ReliabilityBin], probability: Floats, *, horizon_days: float) -> Plot:
    """Draws observed against predicted in bins of equal mass, above a histogram of the predictions."""
    plot = Plot(figsize=(6.4, 6.4), layout="constrained")
    upper, lower = plot.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    highest = draw_bins(upper, bins, exact="exactly as promised", observed="happened, 95 %")
    upper.set(ylabel=f"converted within {horizon_days:g} days")
    upper.legend(loc="upper left", frameon=False)
    edges = np.square(np.linspace(0, np.sqrt(highest), 31))
    counts, _ = np.histogram(np.clip(probability, 0, highest), bins=edges)
    lower.stairs(counts, edges, fill=True, facecolor=PALE, edgecolor=DARK, linewidth=0.6)
    lower.set(xlabel=f"promised probability within {horizon_days:g} days", ylabel="test examples")
    for axis in (upper.xaxis, upper.yaxis, lower.xaxis):
        percent(axis)
    return plot


def draw_bins(axes: Axes, bins: Sequence[ReliabilityBin], *, exact: str, observed: str) -> float:
    """Draws observed against predicted beside the line where both agree; gives where the axes end.

    Args:
        axes: of the plot.
        bins: of equal mass.
        exact: label of the line.
        observed: label of the bins.
    """
    highest = 1.08 * max(max(bin_.predicted, bin_.observed.high) for bin_ in bins)
    axes.plot([0, highest], [0, highest], color=GREY, linestyle="--", linewidth=1, label=exact)
    errorbars(axes, [bin_.predicted for bin_ in bins], [bin_.observed for bin_ in bins], label=observed)
    scale_by_root(axes, highest)
    return highest


def draw_gains(curve: Floats, gains: Mapping[str, Gain]) -> Plot:
    """Draws the share of the conversions among the leads called first, and their lift."""
    plot = Plot(figsize=(9.2, 4.0), layout="constrained")
    left, right = plot.subplots(1, 2)
    marked = [(name, gain) for name, gain in gains.items() if name != AT_CAPACITY]
    shares = [gain.share for _, gain in marked]
    left.plot(curve[:, 0], curve[:, 1], color=DARK, label="by probability")
    left.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="in any order")
    errorbars(left, shares, [gain.conversions for _, gain in marked], marker="o")
    right.axhline(1, color=GREY, linestyle="--", linewidth=1)
    errorbars(right, shares, [gain.lift for _, gain in marked], marker="o", line="-")
    if (capacity := gains.get(AT_CAPACITY)) is not None:
        errorbars(
            left, [capacity.share], [capacity.conversions], marker="D", colour=WARM, label="at sales capacity"
        )
        errorbars(right, [capacity.share], [capacity.lift], marker="D", colour=WARM)
    left.set(
        xlabel="share of open leads called, best first", ylabel="share of all conversions", ylim=(0, 1.02)
    )
    right.set(xlabel="share of open leads called, best first", ylabel="times as often as all leads")
    right.set_ylim(bottom=0)
    left.legend(loc="lower right", frameon=False)
    for axis in (left.xaxis, left.yaxis, right.xaxis):
        percent(axis)
    right.xaxis.set_major_locator(MaxNLocator(5))
    return plot


def draw_origins(records: Sequence[Mapping[str, Any]], *, horizon_days: float) -> Plot:
    """Draws predicted and observed of each origin, and the level shifts, over time."""
    plot = Plot(figsize=(9.2, 4.3), layout="constrained")
    left, right = plot.subplots(1, 2)
    names = [record["test_from"][:10] for record in records]
    places = np.arange(len(names))
    left.plot(places, [_mean(record, "promised") for record in records], "s--", color=WARM, label="promised")
    observed = [Estimate(**record["happened"]) for record in records]
    errorbars(left, places.tolist(), observed, line="-", label="happened, 95 %")
    left.set(ylabel=f"converts within {horizon_days:g} days", ylim=(0, None))
    percent(left.yaxis)
    needed = [np.nan if record["level_shift"] is None else record["level_shift"] for record in records]
    right.axhline(0, color=GREY, linestyle="--", linewidth=1)
    right.plot(places, needed, "o-", color=DARK, label="would have set the level right")
    right.plot(
        places,
        [record["level_shift_applied"] for record in records],
        "s--",
        color=WARM,
        label="known and added",
    )
    right.set(ylabel="level shift, log-odds")
    for axes in (left, right):
        axes.set_xlabel("first day of the test window")
        legend_above(axes)
        name_places(axes, names)
    return plot


def _mean(record: Mapping[str, Any], name: str) -> float:
    """Gives the mean per example of an origin."""
    return float(record[name]) / max(1, int(record["examples"]))


def draw_segment(groups: Mapping[str, SegmentFigures], *, horizon_days: float) -> Plot:
    """Draws predicted and observed of the groups of a segment, and their numbers of examples."""
    plot = Plot(figsize=(9.2, 0.9 + 0.42 * max(4, len(groups))), layout="constrained")
    left, right = plot.subplots(1, 2, sharey=True, width_ratios=(2.2, 1))
    places = np.arange(len(groups))[::-1]
    figures = [group.observed for group in groups.values()]
    left.errorbar(
        [figure.value for figure in figures],
        places,
        xerr=reach(figures),
        fmt="o",
        color=DARK,
        capsize=CAPS,
        label="happened, 95 %",
    )
    left.plot(
        [group.predicted for group in groups.values()], places, "D", color=WARM, mfc="none", label="promised"
    )
    left.set(xlabel=f"converts within {horizon_days:g} days", xlim=(0, None))
    left.set_yticks(places, [f"{name}" for name in groups])
    left.legend(frameon=False, loc="best")
    percent(left.xaxis)
    right.barh(
        places, [group.examples for group in groups.values()], color=PALE, edgecolor=DARK, linewidth=0.6
    )
    right.set(xlabel="test examples")
    right.xaxis.set_major_locator(MaxNLocator(4))
    return plot


def draw_weeks(groups: Mapping[str, SegmentFigures], *, horizon_days: float) -> Plot:
    """Draws predicted and observed by week."""
    plot = Plot(figsize=(9.2, 4.2), layout="constrained")
    upper, lower = plot.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    places = np.arange(len(groups), dtype=np.float64)
    errorbars(upper, places.tolist(), [group.observed for group in groups.values()], label="happened, 95 %")
    upper.plot(
        places,
        [group.predicted for group in groups.values()],
        "D--",
        color=WARM,
        mfc="none",
        label="promised",
    )
    upper.set(ylabel=f"converts within {horizon_days:g} days", ylim=(0, None))
    upper.legend(frameon=False)
    percent(upper.yaxis)
    lower.bar(
        places, [group.examples for group in groups.values()], color=PALE, edgecolor=DARK, linewidth=0.6
    )
    lower.set(xlabel="week of the prediction, by its Monday", ylabel="test examples")
    name_places(lower, list(groups))
    return plot


def draw_baselines(evaluation: Evaluation, names: Mapping[str, str]) -> Plot:
    """Draws the difference of the scorecard's log loss from that of each baseline."""
    plot = Plot(figsize=(8.2, 1.1 + 0.42 * len(evaluation.differences)), layout="constrained")
    axes = plot.subplots()
    differences = list(evaluation.differences.items())
    places = np.arange(len(differences))[::-1]
    losses = [evaluation.baselines[name]["log_loss"].value for name, _ in differences]
    figures = [_relative_to(figure, loss) for (_, figure), loss in zip(differences, losses, strict=True)]
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
    axes.errorbar(
        [figure.value for figure in figures], places, xerr=reach(figures), fmt="o", color=DARK, capsize=CAPS
    )
    axes.set_yticks(places, [names.get(name, name) for name, _ in differences])
    axes.set(xlabel="log loss of the scorecard against it, 95 %; left of zero the scorecard is better")
    axes.set_ylim(-0.6, len(differences) - 0.4)
    percent(axes.xaxis)
    return plot


def draw_learning(points: Sequence[LearningPoint]) -> Plot:
    """Draws the log loss against the number of training leads."""
    plot = Plot(figsize=(6.4, 3.6), layout="constrained")
    axes = plot.subplots()
    errorbars(
        axes,
        [float(point.leads) for point in points],
        [_relative(point, points[-1]) for point in points],
        line="-",
    )
    axes.axhline(0, color=GREY, linestyle="--", linewidth=1)
    axes.set(xlabel="leads learnt from", ylabel="log loss above that of all leads")
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    percent(axes.yaxis)
    return plot


def _relative_to(figure: Estimate, whole: float) -> Estimate:
    """Divides a figure by a whole."""
    return Estimate(figure.value / whole, figure.low / whole, figure.high / whole, figure.n)


def _relative(point: LearningPoint, all_leads: LearningPoint) -> Estimate:
    """Divides a point of the learning curve by the loss of all leads."""
    return _relative_to(point.against_all, all_leads.log_loss.value)
