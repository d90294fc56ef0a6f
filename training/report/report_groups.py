"""Plots beside each other: groups of leads, weeks, other models, and parts of the leads learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure as Plot
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training.evaluation.figures import Evaluation, Group
from training.evaluation.learning_curve import LearningPoint
from training.metrics.bootstrap import Figure
from training.report.style import CAPS, DARK, GREY, PALE, WARM, errorbars, name_places, percent, reach


def draw_part(groups: Mapping[str, Group], *, horizon_days: float) -> Plot:
    """Draws promised and happened of the groups of a part, and how much is known of them."""
    plot = Plot(figsize=(9.2, 0.9 + 0.42 * max(4, len(groups))), layout="constrained")
    left, right = plot.subplots(1, 2, sharey=True, width_ratios=(2.2, 1))
    places = np.arange(len(groups))[::-1]
    figures = [group.happened for group in groups.values()]
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
        [group.promised for group in groups.values()], places, "D", color=WARM, mfc="none", label="promised"
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


def draw_weeks(groups: Mapping[str, Group], *, horizon_days: float) -> Plot:
    """Draws promised and happened week by week."""
    plot = Plot(figsize=(9.2, 4.2), layout="constrained")
    upper, lower = plot.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    places = np.arange(len(groups), dtype=np.float64)
    errorbars(upper, places.tolist(), [group.happened for group in groups.values()], label="happened, 95 %")
    upper.plot(
        places, [group.promised for group in groups.values()], "D--", color=WARM, mfc="none", label="promised"
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


def draw_yardsticks(evaluation: Evaluation, names: Mapping[str, str]) -> Plot:
    """Draws by how much the log loss of the scorecard is below that of each yardstick."""
    plot = Plot(figsize=(8.2, 1.1 + 0.42 * len(evaluation.differences)), layout="constrained")
    axes = plot.subplots()
    told = list(evaluation.differences.items())
    places = np.arange(len(told))[::-1]
    losses = [evaluation.yardsticks[name]["log_loss"].value for name, _ in told]
    figures = [_part(figure, loss) for (_, figure), loss in zip(told, losses, strict=True)]
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
    axes.errorbar(
        [figure.value for figure in figures], places, xerr=reach(figures), fmt="o", color=DARK, capsize=CAPS
    )
    axes.set_yticks(places, [names.get(name, name) for name, _ in told])
    axes.set(xlabel="log loss of the scorecard against it, 95 %; left of zero the scorecard is better")
    axes.set_ylim(-0.6, len(told) - 0.4)
    percent(axes.xaxis)
    return plot


def draw_learning(points: Sequence[LearningPoint]) -> Plot:
    """Draws the log loss against the number of leads learnt from."""
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


def _part(figure: Figure, whole: float) -> Figure:
    """Tells a figure as a part of something."""
    return Figure(figure.value / whole, figure.low / whole, figure.high / whole, figure.n)


def _relative(point: LearningPoint, all_leads: LearningPoint) -> Figure:
    """Tells a point of the learning curve as a part of the loss of all leads."""
    return _part(point.against_all, all_leads.log_loss.value)
