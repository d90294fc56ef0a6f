"""Plots of the monitor: expected and observed by week, complete cohorts, and what moved the mean score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from matplotlib.figure import Figure as Plot

from training.evaluation.calibration import ReliabilityBin
from training.evaluation.segments import WEEK
from training.monitoring.cohorts import Cohort
from training.monitoring.movement import Movement
from training.monitoring.result import MonitorResult
from training.report.plots import draw_bins
from training.report.style import (
    DARK,
    GREY,
    PALE,
    WARM,
    errorbars,
    legend_above,
    name_places,
    percent,
)

# Features with a bar of their own; the others share one.
_MOVES: Final = 12
# Weeks of fewer expected conversions have no ratio worth a mark.
_LEAST_EXPECTED: Final = 1.0
# Log-odds; what moves them less is no more than rounding.
_LEAST_MOVE: Final = 5e-4
_HALF: Final = 0.38


def draw_monitor(result: MonitorResult) -> Iterator[tuple[str, Plot]]:
    """Draws what there is to draw, by name: `weeks`, `moved` and `reliability`."""
    weeks = [cohort for cohort in result.cohorts.by.get(WEEK, ()) if cohort.expected >= _LEAST_EXPECTED]
    if weeks:
        yield "weeks", draw_cohort_weeks(weeks)
    movement = result.movement
    if movement is not None and any(abs(move.points) >= _LEAST_MOVE for move in movement.moves):
        yield "moved", draw_moves(movement)
    if result.complete is not None:
        yield "reliability", draw_complete(result.complete.reliability, horizon_days=result.horizon_days)


def draw_cohort_weeks(weeks: Sequence[Cohort]) -> Plot:
    """Draws observed over expected of each week, above the conversions; open marks are not over yet."""
    plot = Plot(figsize=(9.2, 5.2), layout="constrained")
    upper, lower = plot.subplots(2, 1, sharex=True, height_ratios=(2, 1.4))
    upper.axhline(1, color=GREY, linestyle="--", linewidth=1)
    for is_over, label, face in ((True, "horizon over, 95 %", DARK), (False, "so far, 95 %", "white")):
        places = [place for place, week in enumerate(weeks) if (week.complete_share == 1) is is_over]
        if places:
            figures = [weeks[place].ratio for place in places]
            errorbars(upper, places, figures)
            values = [figure.value for figure in figures]
            upper.plot(places, values, "o", color=DARK, mfc=face, label=label, zorder=3)
    # The interval of a young week may reach far; it is cut, not the others pressed together.
    upper.set(
        ylabel="observed / expected", ylim=(0, max(2.0, 1.25 * max(week.ratio.value for week in weeks)))
    )
    legend_above(upper, columns=2)
    lower.bar(
        np.arange(len(weeks)),
        [week.observed for week in weeks],
        color=PALE,
        edgecolor=DARK,
        linewidth=0.6,
        label="observed",
    )
    expected = [week.expected for week in weeks]
    lower.plot(np.arange(len(weeks)), expected, "D--", color=WARM, mfc="none", label="expected")
    lower.set(xlabel="week of the score, by its Monday", ylabel="conversions so far", ylim=(0, None))
    lower.legend(frameon=False, loc="best")
    name_places(lower, [week.name for week in weeks])
    return plot


def draw_moves(movement: Movement) -> Plot:
    """Draws by how many points each feature moved the mean, because of other leads and of the same ones."""
    rows = _rows(movement)
    plot = Plot(figsize=(9.2, 1.4 + 0.4 * len(rows)), layout="constrained")
    axes = plot.subplots()
    places = np.arange(len(rows), dtype=np.float64)[::-1]
    axes.axvline(0, color=GREY, linestyle="--", linewidth=1)
    of_mix, of_same = ([row[part] for row in rows] for part in (1, 2))
    bars = ((_HALF / 2, of_mix, PALE, "other leads"), (-_HALF / 2, of_same, DARK, "same leads"))
    for above, moved, colour, label in bars:
        axes.barh(
            places + above, moved, color=colour, edgecolor=DARK, linewidth=0.6, height=_HALF, label=label
        )
    axes.plot(np.add(of_mix, of_same), places, "D", color=WARM, mfc="none", label="both")
    axes.set_yticks(places, [row[0] for row in rows])
    axes.set(xlabel=f"moved the mean log-odds by; all together {movement.total:+.3f}")
    legend_above(axes, columns=3)
    return plot


def _rows(movement: Movement) -> list[tuple[str, float, float]]:
    """Lists name, part of other leads and part of the same ones; they add up to the whole movement."""
    shown, rest = movement.moves[:_MOVES], movement.moves[_MOVES:]
    rows = [(move.feature, move.mix, move.within) for move in shown]
    if rest:
        parts = (sum(getattr(move, part) for move in rest) for part in ("mix", "within"))
        rows.append((f"{len(rest)} others", *parts))
    beside = {"another version": movement.other_version, "rows changed since": movement.not_reproduced}
    rows += [(name, 0.0, moved) for name, moved in beside.items() if abs(moved) >= _LEAST_MOVE]
    return rows


def draw_complete(bins: Sequence[ReliabilityBin], *, horizon_days: float) -> Plot:
    """Draws observed against expected of the last complete horizon, in bins of equal mass."""
    plot = Plot(figsize=(6.4, 5.2), layout="constrained")
    axes = plot.subplots()
    draw_bins(axes, bins, exact="exactly as expected", observed="observed, 95 %")
    axes.set(
        xlabel=f"expected probability within {horizon_days:g} days",
        ylabel=f"converted within {horizon_days:g} days",
    )
    axes.legend(loc="upper left", frameon=False)
    for axis in (axes.xaxis, axes.yaxis):
        percent(axis)
    return plot
