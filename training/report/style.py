"""Shared parts of the plots: colours, error bars, axes in percent.

Plots need no screen and no clock: the same figures give the same bytes. Lines differ in marker and stroke,
not only in colour, so a black-and-white print can be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

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


def legend_above(axes: Axes) -> None:
    """Puts the legend above a plot whose lines may be anywhere in it."""
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)
