"""Draws the terms of a scorecard: curves with the training examples under them, pairs as maps."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Plot

from training.evaluation.term_views import Axis, TermView
from training.report.style import DARK, GREY, PALE, WARM

COLUMNS: Final = 3
_ROWS: Final = 4
# Inches; each curve stands above a low plot of how often each code occurs.
_WIDTH, _HEIGHT = 3.35, 2.75
_MOST_TICKS: Final = 9
_LONGEST_NAME: Final = 12
_LONGEST_LINE: Final = 42


def curve_pages(views: Sequence[TermView]) -> Iterator[list[TermView]]:
    """Divides the terms of one feature into plots of a dozen."""
    for start in range(0, len(views), COLUMNS * _ROWS):
        yield list(views[start : start + COLUMNS * _ROWS])


def highest_points(views: Sequence[TermView]) -> float:
    """The most that a term adds or takes away, which the scales of all plots depend on."""
    return float(max(np.abs(view.points).max() for view in views)) if views else 1.0


def draw_curves(views: Sequence[TermView], *, most: float, time_bin: str) -> Plot:
    """Draws the terms of one feature each.

    Args:
        views: of one plot; see `curve_pages`.
        most: of all plots; see `highest_points`.
        time_bin: the first one, in words.
    """
    rows = -(-len(views) // COLUMNS)
    plot = Plot(figsize=(COLUMNS * _WIDTH, rows * _HEIGHT))
    for place, view in enumerate(views):
        upper, lower = _places(plot, place, rows)
        _draw_curve(upper, lower, view, most=most, legend=time_bin if place == 0 else None)
    return plot


def draw_pair(view: TermView) -> Plot:
    """Draws a term of two features as a map; where no training example lies, it is left blank."""
    first, second = view.axes
    plot = Plot(figsize=(7.2, 5.2), layout="constrained")
    axes = plot.subplots()
    seen = np.ma.masked_where(view.share == 0, view.points)
    reach = float(np.abs(view.points).max()) or 1.0
    # Its lightness rises throughout, so that a black-and-white print distinguishes high from low.
    mesh = axes.pcolormesh(seen, cmap="cividis", vmin=-reach, vmax=reach, edgecolors="white", linewidth=0.4)
    axes.set(xlabel=second.label, ylabel=first.label)
    for ticks, axis in ((axes.set_xticks, second), (axes.set_yticks, first)):
        chosen = _chosen(axis)
        ticks(chosen + 0.5, [axis.codes[code][:_LONGEST_NAME] for code in chosen])
    axes.tick_params(axis="x", rotation=35)
    plot.colorbar(mesh, label="points, log-odds")
    return plot


def _places(plot: Plot, place: int, rows: int) -> tuple[Axes, Axes]:
    """Makes the two axes of one term; placed by hand, as a layout engine takes longer than the drawing."""
    row, column = divmod(place, COLUMNS)
    left, width = (column + 0.19) / COLUMNS, 0.77 / COLUMNS
    bottom = 1 - (row + 1) / rows
    upper = plot.add_axes((left, bottom + 0.42 / rows, width, 0.43 / rows))
    return upper, plot.add_axes((left, bottom + 0.24 / rows, width, 0.15 / rows), sharex=upper)


def _draw_curve(upper: Axes, lower: Axes, view: TermView, *, most: float, legend: str | None) -> None:
    """Draws what each code adds, and below it how many examples have the code."""
    axis = view.axes[0]
    places = np.arange(len(axis.codes))
    upper.axhline(0, color=GREY, linewidth=0.8)
    upper.step(places, view.early, where="mid", color=WARM, linestyle=":", linewidth=1.2, label=legend)
    upper.step(places, view.points, where="mid", color=DARK, linewidth=1.6, label="main horizon")
    reach = max(float(np.abs(view.points).max()), most / 6) * 1.15
    upper.set_ylim(-reach, reach)
    upper.set_title(_short(axis.label), fontsize=8.5, loc="left")
    upper.tick_params(labelsize=7, labelbottom=False)
    upper.set_ylabel("points,\nlog-odds", fontsize=7)
    if legend is not None:
        upper.legend(fontsize=6.5, frameon=False, loc="best")
    # One outline, not a bar for each code: drawing thousands of bars took longer than everything else.
    edges = np.append(places, len(places)) - 0.5
    lower.stairs(100 * axis.share, edges, fill=True, facecolor=PALE, edgecolor=DARK, linewidth=0.4)
    lower.set_ylabel("% of\nexamples", fontsize=6.5)
    lower.tick_params(labelsize=7)
    chosen = _chosen(axis)
    names = [axis.codes[code][:_LONGEST_NAME] for code in chosen]
    lower.set_xticks(chosen, names, fontsize=6.5, rotation=35, ha="right", rotation_mode="anchor")


def _chosen(axis: Axis) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Chooses the codes with a tick: the first, the last and some between."""
    count = len(axis.codes)
    return np.unique(np.linspace(0, count - 1, min(count, _MOST_TICKS)).astype(np.int64))


def _short(label: str) -> str:
    """Breaks a label into the two lines that fit above a plot."""
    return "\n".join(textwrap.wrap(label, _LONGEST_LINE, max_lines=2, placeholder=" …"))
