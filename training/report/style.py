"""Shared parts of the plots: colours, error bars, axes in percent.

Plots need no screen and no clock: the same figures give the same bytes. Lines differ in marker and stroke,
not only in colour, so a black-and-white print can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from features.history.lead_history import Floats
from training.metrics.bootstrap import Estimate

DARK: Final = "#14507a"
WARM: Final = "#c8641b"
GREY: Final = "#808080"
PALE: Final = "#cfd8df"
CAPS: Final = 3.0
_MOST_TICKS: Final = 16


def errorbars(
    axes: Axes,
    places: Sequence[float],
    figures: Sequence[Estimate],
    *,
    label: str | None = None,
    marker: str = "o",
    line: str = "",
    colour: str = DARK,
) -> None:
    """Draws figures with their intervals."""
    values = [figure.value for figure in figures]
    axes.errorbar(
        places,
        values,
        yerr=reach(figures),
        fmt=f"{marker}{line}",
        color=colour,
        capsize=CAPS,
        ms=5,
        label=label,
    )


def percent(axis: Any) -> None:
    """Labels an axis in percent, with as many digits as its ticks need."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def reach(figures: Sequence[Estimate]) -> Floats:
    """Gives the lengths of the intervals below and above: (2, figures), none below 0.

    Where all leads are of one account every replicate is the same sum, and rounding may leave the value a
    last digit outside its interval.
    """
    lengths = [
        [figure.value - figure.low for figure in figures],
        [figure.high - figure.value for figure in figures],
    ]
    kept: Floats = np.maximum(np.array(lengths), 0.0)
    return kept


def name_places(axes: Axes, names: Sequence[str]) -> None:
    """Labels positions along the lower axis, only some where there are many."""
    step = max(1, -(-len(names) // _MOST_TICKS))
    axes.set_xticks(np.arange(len(names))[::step], list(names)[::step], rotation=35, ha="right", fontsize=8)


def legend_above(axes: Axes, *, columns: int = 1) -> None:
    """Puts the legend above a plot whose lines may be anywhere in it."""
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2, ncols=columns)


def scale_by_root(axes: Axes, highest: float) -> None:
    """Draws both axes by their square root, from 0 on: most probabilities are near zero and spread by it."""
    for set_scale in (axes.set_xscale, axes.set_yscale):
        set_scale("function", functions=(_root, np.square))
    axes.set(xlim=(0, highest), ylim=(0, highest))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(_RootTicks(highest))


class _RootTicks(MaxNLocator):
    """Ticks at even distances on an axis drawn by its square root."""

    def __init__(self, highest: float) -> None:
        super().__init__(7)
        self._highest = highest

    def __call__(self) -> list[float]:
        """Gives the positions of the ticks."""
        even = np.square(np.linspace(0, np.sqrt(self._highest), 7))
        return sorted({float(f"{value:.1g}") for value in even})


def _root(values: Floats) -> Floats:
    """Takes the root; of negative values, which margins reach, the negative root."""
    rooted: Floats = np.sign(values) * np.sqrt(np.abs(values))
    return rooted
