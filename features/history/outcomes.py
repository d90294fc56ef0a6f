"""The outcome of each lead from a few rows: which one counts, and the columns of a history.

`features.tables.outcome_rows` applies the same rule to a whole table.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from features.history.lead_history import OPEN, OUTCOMES, Outcomes
from features.times import NEVER_US


class OutcomeInput(NamedTuple):
    """One outcome as the service receives it.

    Attributes:
        outcome: converted or lost.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC.
        amount: amount of the conversion; None where unknown.
    """

    outcome: str
    occurred_at: int
    available_at: int
    amount: float | None = None


def no_outcomes(leads_count: int) -> Outcomes:
    """Builds the outcomes of leads that are all open."""
    never = np.full(leads_count, NEVER_US)
    return Outcomes(np.full(leads_count, OPEN, np.int8), never, never.copy(), np.full(leads_count, np.nan))


def first_outcome(outcomes: Iterable[OutcomeInput], *, created_at: int) -> OutcomeInput | None:
    """Finds the first known outcome of a lead, as reading a table of these rows finds it.

    Args:
        outcomes: of the lead, in any order; an outcome before the creation of the lead does not count.
        created_at: microseconds UTC.

    Returns:
        The outcome that counts, with `available_at` not before `occurred_at`; None while the lead is open.

    >>> first_outcome([OutcomeInput("lost", 5, 9), OutcomeInput("converted", 7, 8)], created_at=0)
    OutcomeInput(outcome='converted', occurred_at=7, available_at=8, amount=None)
    """
    rows = [
        row._replace(available_at=max(row.available_at, row.occurred_at))
        for row in outcomes
        if row.occurred_at >= created_at
    ]
    return min(rows, key=_order, default=None)


def outcomes_of(outcomes: Sequence[OutcomeInput | None]) -> Outcomes:
    """Builds the columns from the outcome of each lead, None where it is open."""
    if not any(outcomes):
        return _all_open(len(outcomes))
    rows = [_OPEN if outcome is None else outcome for outcome in outcomes]
    return Outcomes(
        outcome=np.array([OUTCOMES.get(row.outcome, OPEN) for row in rows], np.int8),
        occurred_at=np.array([row.occurred_at for row in rows]),
        available_at=np.array([row.available_at for row in rows]),
        amount=np.array([math.nan if row.amount is None else row.amount for row in rows]),
        has_available_at=True,
    )


@lru_cache(maxsize=64)
def _all_open(leads_count: int) -> Outcomes:
    outcomes = no_outcomes(leads_count)
    for column in (outcomes.outcome, outcomes.occurred_at, outcomes.available_at, outcomes.amount):
        column.setflags(write=False)
    return outcomes


_OPEN: Final = OutcomeInput("open", NEVER_US, NEVER_US)


def _order(row: OutcomeInput) -> tuple[int, int, int, bool, float]:
    """Sort key; a missing amount comes last."""
    has_no_amount = row.amount is None
    return row.available_at, row.occurred_at, OUTCOMES[row.outcome], has_no_amount, row.amount or 0.0
