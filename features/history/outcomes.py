"""Makes the outcomes of a few leads out of their own rows: what a store knows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from features.history.lead_history import OPEN, OUTCOMES, Outcomes
from features.times import NEVER_US


class OutcomeInput(NamedTuple):
    """One outcome as it comes.

    Attributes:
        outcome: converted or lost.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC.
        amount: what a conversion brought, if known.
    """

    outcome: str
    occurred_at: int
    available_at: int
    amount: float | None = None


def no_outcomes(leads_count: int) -> Outcomes:
    """Makes the outcomes of leads that are all open."""
    never = np.full(leads_count, NEVER_US)
    return Outcomes(np.full(leads_count, OPEN, np.int8), never, never.copy(), np.full(leads_count, np.nan))


def first_outcome(outcomes: Iterable[OutcomeInput], *, created_at: int) -> OutcomeInput | None:
    """Finds the first known outcome of a lead, as reading a table that holds these rows would.

    Args:
        outcomes: of the lead, in any order; those before its creation do not count.
        created_at: microseconds UTC.

    Returns:
        The one that counts, known when it occurred at the earliest; None while the lead is open.

    >>> first_outcome([OutcomeInput("lost", 5, 9), OutcomeInput("converted", 7, 8)], created_at=0)
    OutcomeInput(outcome='converted', occurred_at=7, available_at=8, amount=None)
    """
    rows = [
        OutcomeInput(one.outcome, one.occurred_at, max(one.available_at, one.occurred_at), one.amount)
        for one in outcomes
        if one.occurred_at >= created_at
    ]
    return min(rows, key=_order, default=None)


def outcomes_of(outcomes: Sequence[OutcomeInput | None]) -> Outcomes:
    """Makes columns of the outcome of each lead, None where it is open."""
    if not any(outcomes):
        return _all_open(len(outcomes))
    rows = [_OPEN if one is None else one for one in outcomes]
    return Outcomes(
        outcome=np.array([OUTCOMES.get(one.outcome, OPEN) for one in rows], np.int8),
        occurred_at=np.array([one.occurred_at for one in rows]),
        available_at=np.array([one.available_at for one in rows]),
        amount=np.array([math.nan if one.amount is None else one.amount for one in rows]),
        has_available_at=True,
    )


@lru_cache(maxsize=64)
def _all_open(leads_count: int) -> Outcomes:
    made = no_outcomes(leads_count)
    for shared in (made.outcome, made.occurred_at, made.available_at, made.amount):
        shared.setflags(write=False)
    return made


_OPEN: Final = OutcomeInput("open", NEVER_US, NEVER_US)


def _order(one: OutcomeInput) -> tuple[int, int, int, bool, float]:
    """A missing number comes last."""
    has_no_amount = one.amount is None
    return one.available_at, one.occurred_at, OUTCOMES[one.outcome], has_no_amount, one.amount or 0.0
