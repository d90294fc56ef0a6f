"""Makes the outcome of a single lead out of its own rows: what a store knows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from features.columns import OPEN, Outcomes
from features.outcome_rows import OUTCOMES
from features.times import NEVER_US


class KnownOutcome(NamedTuple):
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


def outcomes_of_lead(outcomes: Sequence[KnownOutcome], *, created_at: int) -> Outcomes:
    """Keeps the first known outcome, as reading a table that holds these rows would.

    Args:
        outcomes: of the lead, in any order; those before its creation do not count.
        created_at: microseconds UTC.

    Returns:
        The outcomes of one lead.

    >>> kept = outcomes_of_lead([KnownOutcome("lost", 5, 9), KnownOutcome("converted", 7, 8)], created_at=0)
    >>> kept.outcome.tolist(), kept.available_at.tolist()
    ([1], [8])
    """
    rows = [
        (max(one.available_at, one.occurred_at), one.occurred_at, OUTCOMES[one.outcome], *_amount(one))
        for one in outcomes
        if one.occurred_at >= created_at
    ]
    return _outcomes(*min(rows)) if rows else _NONE


def _outcomes(known: int, occurred_at: int, outcome: int, _: bool, amount: float) -> Outcomes:
    return Outcomes(
        outcome=np.array([outcome], np.int8),
        occurred_at=np.array([occurred_at]),
        available_at=np.array([known]),
        amount=np.array([amount]),
        has_available_at=True,
    )


_NONE: Final = _outcomes(NEVER_US, NEVER_US, OPEN, True, math.nan)
for _shared in (_NONE.outcome, _NONE.occurred_at, _NONE.available_at, _NONE.amount):
    _shared.setflags(write=False)


def _amount(one: KnownOutcome) -> tuple[bool, float]:
    """A missing number comes last."""
    return (True, math.nan) if one.amount is None else (False, one.amount)
