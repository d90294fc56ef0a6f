"""The rule of outcomes: their order, which are corrected away, and which counts for a lead.

`features.tables.outcome_rows` applies it to a whole table, `outcomes_of` to the rows of a few leads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.lead_history import CONVERTED, OPEN, OUTCOMES, Bools, Floats, Ints, Outcomes
from features.times import NEVER_US


class OutcomeInput(NamedTuple):
    """One outcome as the service receives it.

    Attributes:
        outcome: converted, lost or reopened.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC.
        amount: amount of the conversion; None where unknown.
        outcome_id: id at the source; a later row with the same source and id corrects it. None: no id.
        source: system that recorded it; None where unknown.
    """

    outcome: str
    occurred_at: int
    available_at: int
    amount: float | None = None
    outcome_id: str | None = None
    source: str | None = None

    def from_creation(self, created_at: int) -> OutcomeInput:
        """Moves an outcome from before the creation of its lead to the creation."""
        occurred_at = max(self.occurred_at, created_at)
        return self._replace(occurred_at=occurred_at, available_at=max(self.available_at, occurred_at))


class LeadOutcomes(NamedTuple):
    """One outcome of each lead: its first conversion that counts, else its last state.

    Attributes:
        outcome: (leads,) int8, OPEN, CONVERTED or LOST.
        occurred_at: (leads,) microseconds UTC, NEVER_US while open.
        available_at: (leads,) microseconds UTC, NEVER_US while open.
        amount: (leads,) amount of the conversion, NaN where unknown.
    """

    outcome: npt.NDArray[np.int8]
    occurred_at: Ints
    available_at: Ints
    amount: Floats


def no_outcomes(leads_count: int) -> Outcomes:
    """Builds the outcomes of leads that are all open."""
    none = np.empty(0, np.int64)
    starts = np.zeros(leads_count + 1, np.int64)
    return Outcomes(starts, np.empty(0, np.int8), none, none.copy(), none.copy(), np.empty(0))


def lead_of_rows(outcomes: Outcomes) -> Ints:
    """Gives the lead of each row of outcomes, (rows,)."""
    return np.repeat(np.arange(len(outcomes.starts) - 1), np.diff(outcomes.starts))


def one_of_each(outcomes: Outcomes) -> LeadOutcomes:
    """Finds the first conversion of each lead that is not corrected away, else its last state."""
    lead = lead_of_rows(outcomes)
    last = outcomes.starts[1:][np.diff(outcomes.starts) > 0] - 1
    counts = np.flatnonzero((outcomes.outcome == CONVERTED) & (outcomes.corrected_at == NEVER_US))
    # The rows of a lead rise by available_at: written in reverse order, the first conversion is kept.
    rows = np.concatenate((last[outcomes.outcome[last] != OPEN], counts[::-1]))
    leads_count = len(outcomes.starts) - 1
    found = LeadOutcomes(
        outcome=np.full(leads_count, OPEN, np.int8),
        occurred_at=np.full(leads_count, NEVER_US),
        available_at=np.full(leads_count, NEVER_US),
        amount=np.full(leads_count, np.nan),
    )
    found.outcome[lead[rows]] = outcomes.outcome[rows]
    found.occurred_at[lead[rows]] = outcomes.occurred_at[rows]
    found.available_at[lead[rows]] = outcomes.available_at[rows]
    found.amount[lead[rows]] = outcomes.amount[rows]
    return found


def closed_from(outcomes: Outcomes) -> Ints:
    """Finds when the last outcome of each lead became known; NEVER_US for a lead whose last state is open.

    Returns:
        (leads,) microseconds UTC; the lead may have been closed and reopened before.
    """
    closed_at = np.full(len(outcomes.starts) - 1, NEVER_US)
    has_rows = np.diff(outcomes.starts) > 0
    last = outcomes.starts[1:][has_rows] - 1
    closed_at[has_rows] = np.where(outcomes.outcome[last] == OPEN, NEVER_US, outcomes.available_at[last])
    return closed_at


def settle(
    lead: Ints,
    ids: Ints,
    outcome: npt.NDArray[np.int8],
    occurred_at: Ints,
    available_at: Ints,
    amount: Floats,
) -> tuple[Bools, Ints]:
    """Finds which rows of outcomes change the state of a lead, and when each of them was corrected away.

    A later row corrects an earlier row with the same id; an equal row changes nothing. A row with a new id
    changes nothing where the lead already has its state.

    Args:
        lead: (rows,) in the order of (lead, available_at, occurred_at, the rest).
        ids: (rows,) equal for equal ids, -1 where there is none.
        outcome: (rows,) CONVERTED, LOST or OPEN.
        occurred_at: (rows,) microseconds UTC.
        available_at: (rows,) microseconds UTC.
        amount: (rows,) NaN where unknown.

    Returns:
        (rows,) whether the row changes the state, and (rows,) when it was corrected, NEVER_US where it was
        not.

    >>> of = np.array([0, 0]), np.array([4, 4]), np.array([1, 2], np.int8), np.array([1, 1]), np.array([1, 9])
    >>> changes, corrected_at = settle(*of, np.array([5.0, np.nan]))
    >>> changes.tolist(), corrected_at.tolist()[0]
    ([True, True], 9)
    """
    before, after = _pairs_of_an_id(lead, ids)
    is_correction = np.zeros(len(lead), np.bool_)
    is_correction[after] = True
    is_same = (outcome[before] == outcome[after]) & (occurred_at[before] == occurred_at[after])
    is_same &= (amount[before] == amount[after]) | (np.isnan(amount[before]) & np.isnan(amount[after]))
    changes = np.ones(len(lead), np.bool_)
    changes[after[is_same]] = False
    rest = np.flatnonzero(changes)
    state = np.full(len(rest), OPEN, np.int8)
    is_next = lead[rest][1:] == lead[rest][:-1]
    state[1:][is_next] = outcome[rest][:-1][is_next]
    changes[rest[(outcome[rest] == state) & ~is_correction[rest]]] = False
    corrected_at = np.full(len(lead), NEVER_US)
    kept = np.flatnonzero(changes)
    before, after = _pairs_of_an_id(lead[kept], ids[kept])
    corrected_at[kept[before]] = available_at[kept[after]]
    return changes, corrected_at


def _pairs_of_an_id(lead: Ints, ids: Ints) -> tuple[Ints, Ints]:
    """Finds the rows whose id occurs again later, and for each the next row with that id."""
    order = np.lexsort((ids, lead))
    order = order[ids[order] >= 0]
    before, after = order[:-1], order[1:]
    is_same = (lead[before] == lead[after]) & (ids[before] == ids[after])
    return before[is_same], after[is_same]


def tie_rank(outcome: Any) -> Any:
    """Ranks outcomes of the same moment: a loss first, a conversion last, so that the conversion holds."""
    return (outcome + 1) % 3


def current_outcome(outcomes: Sequence[OutcomeInput], *, created_at: int) -> OutcomeInput | None:
    """Finds the current outcome of a lead, as reading a table of these rows finds it.

    Args:
        outcomes: of the lead, in any order.
        created_at: microseconds UTC.

    Returns:
        The last known outcome; None while the lead is open.

    >>> current_outcome([OutcomeInput("lost", 5, 9), OutcomeInput("converted", 7, 8)], created_at=6)
    OutcomeInput(outcome='lost', occurred_at=6, available_at=9, amount=None, outcome_id=None, source=None)
    """
    last = max((row.from_creation(created_at) for row in outcomes), key=order_of, default=None)
    return None if last is None or OUTCOMES[last.outcome] == OPEN else last


def outcomes_of(outcomes: Sequence[Sequence[OutcomeInput]], created_at: Sequence[int]) -> Outcomes:
    """Builds the columns that reading a table of the same rows gives, to the last bit.

    Args:
        outcomes: rows of each lead, in any order.
        created_at: creation of each lead, microseconds UTC.
    """
    if not any(outcomes):
        return _all_open(len(outcomes))
    ordered = [
        sorted((row.from_creation(created) for row in rows), key=order_of)
        for rows, created in zip(outcomes, created_at, strict=True)
    ]
    rows = [row for of_lead in ordered for row in of_lead]
    codes = {(row.source, row.outcome_id): code for code, row in enumerate(rows)}
    lead = np.repeat(np.arange(len(ordered)), [len(of_lead) for of_lead in ordered])
    outcome = np.array([OUTCOMES[row.outcome] for row in rows], np.int8)
    occurred_at = np.array([row.occurred_at for row in rows])
    available_at = np.array([row.available_at for row in rows])
    amount = np.array([math.nan if row.amount is None else row.amount for row in rows])
    ids = [-1 if row.outcome_id is None else codes[row.source, row.outcome_id] for row in rows]
    changes, corrected_at = settle(lead, np.array(ids, np.int64), outcome, occurred_at, available_at, amount)
    return Outcomes(
        starts=np.concatenate(([0], np.cumsum(np.bincount(lead[changes], minlength=len(ordered))))),
        outcome=outcome[changes],
        occurred_at=occurred_at[changes],
        available_at=available_at[changes],
        corrected_at=corrected_at[changes],
        amount=amount[changes],
        has_available_at=True,
    )


@lru_cache(maxsize=64)
def _all_open(leads_count: int) -> Outcomes:
    none = no_outcomes(leads_count)
    for column in (none.starts, none.outcome, none.occurred_at, none.available_at, none.corrected_at):
        column.setflags(write=False)
    return none


def order_of(row: OutcomeInput) -> tuple[int, int, str, str, int, bool, float]:
    """Sort key of a row, as in a table: missing texts come first, missing numbers last."""
    texts = row.outcome_id or "", row.source or ""
    rank = tie_rank(OUTCOMES[row.outcome])
    return row.available_at, row.occurred_at, *texts, rank, row.amount is None, row.amount or 0.0
