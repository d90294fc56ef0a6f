"""Plots of an evaluation: promised against happened, what the first leads hold, drift, the widest terms.

Drawn without a screen and without a clock: the same figures give the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot

from features.columns import Floats
from features.spec import FeatureSet
from features.times import to_datetime
from models.hazards import sigmoid
from models.scorecard import Scorecard, Term, bin_weights
from training.judged import Judged
from training.labels import Bools
from training.metrics import CALIBRATION_BINS, captured, equal_mass_bins

_DPI: Final = 100
_TOP_TERMS: Final = 9
_COLOUR: Final = "#1f5f8b"
_CONTRAST: Final = "#c44e52"


def draw_report(
    judged: Judged, scorecard: Scorecard, feature_set: FeatureSet, *, folder: Path
) -> tuple[Path, ...]:
    """Draws every plot as a PNG file.

    Args:
        judged: what was promised and what happened.
        scorecard: the final fit.
        feature_set: for the labels of its features.
        folder: exists.

    Returns:
        The files.
    """
    probability = sigmoid(judged.promised)
    plots = {
        "reliability": draw_reliability(probability, judged.converted, horizon_days=judged.horizon_days),
        "gains": draw_gains(probability, judged.converted),
        "origins": draw_origins(judged),
        "terms": draw_terms(scorecard, feature_set),
    }
    return tuple(_save(plot, folder / f"{name}.png") for name, plot in plots.items())


def draw_reliability(probability: Floats, converted: Bools, *, horizon_days: float) -> Plot:
    """Draws promised against happened over bins of equal mass."""
    plot, axes = _one_plot(f"Promised against happened, {horizon_days:g} days")
    bin_of = equal_mass_bins(probability)
    count = np.bincount(bin_of, minlength=CALIBRATION_BINS)
    filled = count > 0
    promised = np.bincount(bin_of, probability, CALIBRATION_BINS)[filled] / count[filled]
    happened = np.bincount(bin_of, converted, CALIBRATION_BINS)[filled] / count[filled]
    highest = max(promised.max(), happened.max()) * 1.05
    axes.plot([0, highest], [0, highest], color="grey", linewidth=1)
    axes.plot(promised, happened, marker="o", color=_COLOUR)
    axes.set_xlabel("promised probability, mean of the bin")
    axes.set_ylabel("share that converted")
    return plot


def draw_gains(probability: Floats, converted: Bools) -> Plot:
    """Draws which part of the conversions the first leads hold, and the lift."""
    plot = _plot(2)
    left, right = plot.subplots(1, 2)
    shares = np.linspace(0.01, 1, 100)
    amount = converted.astype(np.float64)
    found = np.array([captured(probability, amount, share=share) for share in shares])
    left.plot(shares, found, color=_COLOUR)
    left.plot([0, 1], [0, 1], color="grey", linewidth=1)
    left.set(title="Conversions found", xlabel="share of leads called first", ylabel="share of conversions")
    right.plot(shares, found / shares, color=_COLOUR)
    right.axhline(1, color="grey", linewidth=1)
    right.set(title="Lift", xlabel="share of leads called first", ylabel="times the base rate")
    return plot


def draw_origins(judged: Judged) -> Plot:
    """Draws promised and happened of each origin, in time."""
    plot, axes = _one_plot("Promised and happened over the origins")
    count = np.bincount(judged.origin, minlength=len(judged.origins))
    promised = np.bincount(judged.origin, sigmoid(judged.promised), len(judged.origins)) / count
    happened = np.bincount(judged.origin, judged.converted, len(judged.origins)) / count
    labels = [f"{to_datetime(origin.at):%Y-%m-%d}" for origin in judged.origins]
    axes.plot(labels, promised, marker="o", color=_COLOUR, label="promised")
    axes.plot(labels, happened, marker="s", color=_CONTRAST, label="happened")
    axes.set_ylim(bottom=0)
    axes.set(xlabel="origin", ylabel="share that converts")
    axes.tick_params(axis="x", rotation=30)
    axes.legend()
    return plot


def draw_terms(scorecard: Scorecard, feature_set: FeatureSet) -> Plot:
    """Draws the log-odds that each code of the widest terms adds around the average lead."""
    labels = {feature.name: feature.label for feature in feature_set.features}
    curves = [(term, _term_curve(scorecard, term)) for term in scorecard.terms if len(term.features) == 1]
    curves.sort(key=lambda pair: -float(np.ptp(pair[1])))
    plot = _plot(3)
    for axes, (term, curve) in zip(plot.subplots(3, 3).flat, curves[:_TOP_TERMS], strict=False):
        bins = scorecard.bins[term.features[0]]
        axes.step(np.arange(len(curve)), curve, where="mid", color=_COLOUR)
        axes.axhline(0, color="grey", linewidth=1)
        axes.set_title(labels.get(bins.name, bins.name)[:44], fontsize=9)
        ticks = _code_names(bins.type, bins.edges, bins.categories)
        shown = np.unique(np.linspace(0, len(ticks) - 1, 6).astype(int))
        axes.set_xticks(shown, [ticks[code][:12] for code in shown], fontsize=7, rotation=30)
    return plot


def _term_curve(scorecard: Scorecard, term: Term) -> Floats:
    """Weights the time bins below the main horizon by their hazard, as the slope of the log-odds does."""
    weights = bin_weights(scorecard, scorecard.horizon_days) * sigmoid(scorecard.average)
    curve: Floats = (term.table * (weights / weights.sum())).sum(axis=1)
    return curve


def _code_names(feature_type: str, edges: Floats, categories: tuple[str, ...]) -> list[str]:
    """Names every code for people."""
    if feature_type == "category":
        return ["missing", *categories, "other"]
    if feature_type == "boolean":
        return ["missing", "no", "yes"]
    return ["missing", f"< {edges[0]:g}" if len(edges) else "any", *(f">= {edge:g}" for edge in edges)]


def _plot(columns: int) -> Plot:
    """Prepares an empty plot."""
    return Plot(figsize=(4.2 * columns, 3.6 * max(1, columns - 1)), dpi=_DPI, layout="constrained")


def _one_plot(title: str) -> tuple[Plot, Axes]:
    """Prepares a plot of one pair of axes."""
    plot = Plot(figsize=(6, 4.5), dpi=_DPI, layout="constrained")
    axes = plot.subplots()
    axes.set_title(title)
    return plot, axes


def _save(plot: Plot, path: Path) -> Path:
    """Writes a PNG without the name of the program and its version, so that bytes repeat."""
    plot.savefig(path, format="png", metadata={"Software": None})
    return path
