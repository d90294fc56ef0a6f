"""Features that follow from tallies alone: counts, shares, days since, gaps, momentum."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np

from features.columns import Floats, Ints
from features.selections import EVERYTHING, selection_of
from features.spec import Feature
from features.tallies import Tallies, TallyBuilder
from features.times import US_PER_DAY

# Earlier windows of momentum, and the first of them that is not recent.
_MOMENTUM_WINDOWS: Final = 4

# Rows of the tallies that a feature is made of, and how.
Rows = tuple[int, ...]
Ask = Callable[[TallyBuilder, Feature], Rows]
Make = Callable[[Tallies, Sequence[Ints]], Floats]


def _ask_count(tallies: TallyBuilder, feature: Feature) -> Rows:
    return (tallies.count(selection_of(feature), feature.window_days),)


def _make_count(tallies: Tallies, rows: Sequence[Ints]) -> Floats:
    counts: Floats = tallies.counts.take(rows[0], axis=0).astype(np.float64)
    return counts


def _ask_share(tallies: TallyBuilder, feature: Feature) -> Rows:
    return (*_ask_count(tallies, feature), tallies.count(EVERYTHING, feature.window_days))


def _make_share(tallies: Tallies, rows: Sequence[Ints]) -> Floats:
    return _divide(tallies.counts.take(rows[0], axis=0), tallies.counts.take(rows[1], axis=0))


def _ask_last(tallies: TallyBuilder, feature: Feature) -> Rows:
    return (tallies.least(selection_of(feature)),)


def _ask_first(tallies: TallyBuilder, feature: Feature) -> Rows:
    return (tallies.greatest(selection_of(feature)),)


def _make_days(tallies: Tallies, rows: Sequence[Ints]) -> Floats:
    days: Floats = tallies.days.take(rows[0], axis=0)
    return days


def _ask_gap(tallies: TallyBuilder, feature: Feature) -> Rows:
    selection = selection_of(feature)
    return tallies.count(selection, None), tallies.least(selection), tallies.greatest(selection)


def _make_gap(tallies: Tallies, rows: Sequence[Ints]) -> Floats:
    gaps = tallies.counts.take(rows[0], axis=0) - 1
    # The greatest age is there with a minus; where there are no rows the sum overflows, and is not used.
    span = -(tallies.extremes.take(rows[2], axis=0) + tallies.extremes.take(rows[1], axis=0))
    return _divide(span / US_PER_DAY, gaps)


def _ask_momentum(tallies: TallyBuilder, feature: Feature) -> Rows:
    selection, window = selection_of(feature), feature.window_days or 0.0
    return tallies.count(selection, window), tallies.count(selection, _MOMENTUM_WINDOWS * window)


def _make_momentum(tallies: Tallies, rows: Sequence[Ints]) -> Floats:
    recent, whole = tallies.counts.take(rows[0], axis=0), tallies.counts.take(rows[1], axis=0)
    pace = (whole - recent) / (_MOMENTUM_WINDOWS - 1)
    return _divide(recent, recent + pace)


def momentum_window(window_days: float) -> float:
    """Gives the longer window that momentum needs."""
    return _MOMENTUM_WINDOWS * window_days


RATIOS: Final[Mapping[str, tuple[Ask, Make]]] = MappingProxyType(
    {
        "count": (_ask_count, _make_count),
        "share": (_ask_share, _make_share),
        "days_since_last": (_ask_last, _make_days),
        "days_since_first": (_ask_first, _make_days),
        "mean_gap": (_ask_gap, _make_gap),
        "momentum": (_ask_momentum, _make_momentum),
    }
)


def _divide(part: Ints | Floats, whole: Ints | Floats) -> Floats:
    # Nothing divided by nothing is missing: NaN passes through a division without a warning.
    quotient: Floats = part / np.where(whole > 0, whole, np.nan)
    return quotient
