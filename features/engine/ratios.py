"""Features that are one aggregate divided by another: shares, sums, means, mean gaps, momentum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from features.engine.stack_layout import StackLayout, StackRow
from features.engine.tallies import LEASTS
from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY

# Kinds of ratios by their denominator, made from the count `whole`; also the blocks of the stack, in order.
#   shares: whole.
#   known sums: 1 where whole is above 0, so that the numerator is kept.
#   momenta: part + (whole - part) / 3, the earlier windows scaled to the length of the recent window.
#   gaps: whole - 1.
RatioKind = Literal["shares", "known sums", "momenta", "gaps"]
_RATIO_KINDS: Final[tuple[RatioKind, ...]] = ("shares", "known sums", "momenta", "gaps")

# Number of windows that momentum compares: the recent one and those before it.
MOMENTUM_WINDOWS: Final = 4


@dataclass(frozen=True, slots=True)
class RatioPlan:
    """All ratios of a scope.

    Attributes:
        at: rows of the stack.
        operands: (2 x ratios,) rows of the stack with the numerators (unused for gaps), then the
            denominators.
        sums: which ratios are known sums.
        momenta: which ratios are momenta.
        gaps: which ratios are mean gaps.
        lasts: (gaps,) rows of the least ages among the extremes.
        firsts: (gaps,) rows of the greatest ages among the extremes.
    """

    at: slice
    operands: Ints
    sums: slice
    momenta: slice
    gaps: slice
    lasts: Ints
    firsts: Ints


@dataclass(slots=True)
class RatioBuilder:
    """Collects the ratios that features request."""

    requests: dict[RatioKind, list[tuple[StackRow, StackRow]]] = field(
        default_factory=lambda: {kind: [] for kind in _RATIO_KINDS}
    )
    extremes: list[tuple[StackRow, StackRow]] = field(default_factory=list)

    def ratio(self, kind: RatioKind, part: StackRow, whole: StackRow) -> StackRow:
        """Gives the row of a ratio, which is NaN where the denominator is not above 0."""
        self.requests[kind].append((part, whole))
        return StackRow(kind, len(self.requests[kind]) - 1)

    def mean_gap(self, last: StackRow, first: StackRow, count: StackRow) -> StackRow:
        """Gives the row of the mean gap, in days, between `count` rows from the first to the last."""
        self.extremes.append((last, first))
        return self.ratio("gaps", count, count)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        return ((kind, len(pairs)) for kind, pairs in self.requests.items())

    def plan(self, layout: StackLayout) -> RatioPlan | None:
        """Gives the plan for all requests; None where there are none."""
        pairs = [pair for kind in _RATIO_KINDS for pair in self.requests[kind]]
        if not pairs:
            return None
        own = StackLayout(self.blocks())
        lasts, firsts = (
            np.array([layout.index(pair[i]) - layout.rows(LEASTS).start for pair in self.extremes], np.int64)
            for i in (0, 1)
        )
        return RatioPlan(
            layout.rows(_RATIO_KINDS[0], _RATIO_KINDS[-1]),
            np.array([layout.index(pair[i]) for i in (0, 1) for pair in pairs]),
            own.rows("known sums"),
            own.rows("momenta"),
            own.rows("gaps"),
            lasts,
            firsts,
        )


def compute_ratios(plan: RatioPlan, extremes: Ints, stack: Floats) -> None:
    """Computes the ratios into the stack.

    Args:
        plan: the ratios.
        extremes: (slots, examples) from `tally`.
        stack: (rows of the stack, examples) that holds the operands and receives the ratios.
    """
    operands, count = stack.take(plan.operands, axis=0), len(plan.operands) >> 1
    part, whole = operands[:count], operands[count:]
    if plan.sums.start < plan.sums.stop:
        counts = whole[plan.sums]
        np.minimum(counts, 1.0, out=counts)
    if plan.momenta.start < plan.momenta.stop:
        recent, all_windows = part[plan.momenta], whole[plan.momenta]
        all_windows -= recent
        all_windows /= MOMENTUM_WINDOWS - 1
        all_windows += recent
    if len(plan.firsts):
        # A greatest age is stored with a minus. Where there are no rows the sum wraps around and is not used.
        span = extremes.take(plan.firsts, axis=0) + extremes.take(plan.lasts, axis=0)
        np.divide(span, -US_PER_DAY, out=part[plan.gaps])
        counts = whole[plan.gaps]
        counts -= 1.0
    # A denominator of 0 becomes NaN, which passes through the division without a warning.
    np.copyto(whole, np.nan, where=whole <= 0.0)
    np.divide(part, whole, out=stack[plan.at])
