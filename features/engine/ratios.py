"""Features that are one number of the stack divided by another: shares, sums, means, gaps, momentum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from features.engine.stack_layout import Layout, Place
from features.engine.tallies import LEASTS
from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY

# How the whole is made of the number that is named; also the blocks of the stack, in their order.
#   shares: the number itself.
#   known sums: 1 where it is above 0, so that the part remains.
#   momenta: part + (number - part) / 3, the earlier windows at the length of the recent one.
#   gaps: one less than the number.
How = Literal["shares", "known sums", "momenta", "gaps"]
_HOWS: Final[tuple[How, ...]] = ("shares", "known sums", "momenta", "gaps")

# Windows that momentum looks at: the recent one and those before it.
MOMENTUM_WINDOWS: Final = 4


@dataclass(frozen=True, slots=True)
class QuotientPlan:
    """What is divided by what.

    Attributes:
        at: rows of the stack.
        rows: (2 x quotients,) rows of the stack that are divided (of gaps any), then those that they are
            divided by.
        sums: which of these are known sums.
        momenta: which are momenta.
        gaps: which are gaps.
        lasts: (gaps,) rows of the youngest among the extremes.
        firsts: (gaps,) rows of the oldest.
    """

    at: slice
    rows: Ints
    sums: slice
    momenta: slice
    gaps: slice
    lasts: Ints
    firsts: Ints


@dataclass(slots=True)
class QuotientBuilder:
    """Collects quotients, and tells each where it will stand."""

    asked: dict[How, list[tuple[Place, Place]]] = field(default_factory=lambda: {how: [] for how in _HOWS})
    extremes: list[tuple[Place, Place]] = field(default_factory=list)

    def divide(self, how: How, part: Place, whole: Place) -> Place:
        """Gives the place of a quotient, NaN where the whole is not above 0."""
        self.asked[how].append((part, whole))
        return Place(how, len(self.asked[how]) - 1)

    def gap(self, last: Place, first: Place, count: Place) -> Place:
        """Gives the place of the mean gap between so many rows, from the first to the last, in days."""
        self.extremes.append((last, first))
        return self.divide("gaps", count, count)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        return ((how, len(pairs)) for how, pairs in self.asked.items())

    def plan(self, layout: Layout) -> QuotientPlan | None:
        """Gives the plan for all that was asked for; None where nothing was."""
        pairs = [pair for how in _HOWS for pair in self.asked[how]]
        if not pairs:
            return None
        own = Layout(self.blocks())
        lasts, firsts = (
            np.array([layout.row(pair[i]) - layout.part(LEASTS).start for pair in self.extremes], np.int64)
            for i in (0, 1)
        )
        return QuotientPlan(
            layout.part(_HOWS[0], _HOWS[-1]),
            np.array([layout.row(pair[i]) for i in (0, 1) for pair in pairs]),
            own.part("known sums"),
            own.part("momenta"),
            own.part("gaps"),
            lasts,
            firsts,
        )


def divide(plan: QuotientPlan, extremes: Ints, stack: Floats) -> None:
    """Divides what stands in the stack.

    Args:
        plan: what is divided.
        extremes: (slots, examples) from `tally`.
        stack: (rows of the stack, examples).
    """
    taken, count = stack.take(plan.rows, axis=0), len(plan.rows) >> 1
    part, whole = taken[:count], taken[count:]
    if plan.sums.start < plan.sums.stop:
        counts = whole[plan.sums]
        np.minimum(counts, 1.0, out=counts)
    if plan.momenta.start < plan.momenta.stop:
        recent, all_windows = part[plan.momenta], whole[plan.momenta]
        all_windows -= recent
        all_windows /= MOMENTUM_WINDOWS - 1
        all_windows += recent
    if len(plan.firsts):
        # The oldest stands there with a minus; where there are no rows the sum overflows, and is not used.
        span = extremes.take(plan.firsts, axis=0) + extremes.take(plan.lasts, axis=0)
        np.divide(span, -US_PER_DAY, out=part[plan.gaps])
        counts = whole[plan.gaps]
        counts -= 1.0
    # Nothing divided by nothing is missing: NaN passes through a division without a warning.
    np.copyto(whole, np.nan, where=whole <= 0.0)
    np.divide(part, whole, out=stack[plan.at])
