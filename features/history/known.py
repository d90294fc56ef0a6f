"""What is known at a moment: the only module that compares `available_at` with `as_of`.

Known means `available_at <= as_of`: a row that becomes known at the moment of the prediction counts.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.lead_history import (
    CONVERTED,
    OPEN,
    Attribute,
    Bools,
    Floats,
    Interactions,
    Ints,
    LeadHistory,
    Outcomes,
)
from features.history.subset import keep_accounts, keep_attributes, keep_interactions, keep_outcomes
from features.times import NEVER_US

# Up to this many segments, one binary search per segment is faster than the vectorised search.
_FEW_SEGMENTS: Final = 16


def is_known(available_at: Ints | int, as_of: Ints | int) -> Bools:
    """Tells which rows are known.

    Args:
        available_at: one moment, or (n,) in microseconds UTC; NEVER_US for a row that never became known.
        as_of: one moment, or (n,) moments.

    Returns:
        () or (n,) True where `available_at <= as_of`.

    >>> is_known(np.array([9, 10, 11]), 10).tolist()
    [True, True, False]
    """
    return np.asarray(available_at <= as_of)


def known_of_account(available_at: Ints, created_at: Ints) -> Ints:
    """Finds when interactions of leads become known for their account: not before the lead is created.

    Until then nobody knows that the lead belongs to the account. `serving.store.evidence` states the same
    rule in SQL, for the rows of one account in the store.

    Args:
        available_at: (rows,) microseconds UTC at which each row became known for its lead.
        created_at: (rows,) microseconds UTC at which the lead of each row was created.

    Returns:
        (rows,) microseconds UTC.

    >>> known_of_account(np.array([9, 10, 11]), np.array([10, 10, 10])).tolist()
    [10, 10, 11]
    """
    return np.maximum(available_at, created_at)


def count_known(available_at: Ints, starts: Ints, ends: Ints, as_of: Ints | int) -> Ints:
    """Counts, for each example, the known rows of its segment: they are the first rows of the segment.

    It is a binary search over all segments at once; the longest segment sets the number of steps.

    Args:
        available_at: (rows,) microseconds UTC, rising within each segment.
        starts: (n,) first row of each example's segment.
        ends: (n,) row after the last of each example's segment.
        as_of: one moment, or (n,) moments.

    Returns:
        (n,) number of known rows.

    >>> known = np.array([1, 5, 5, 9, 2])
    >>> count_known(known, np.array([0, 0, 4]), np.array([4, 4, 5]), np.array([5, 4, 1])).tolist()
    [3, 1, 0]
    """
    if len(starts) <= _FEW_SEGMENTS:
        moments = [as_of] * len(starts) if isinstance(as_of, int) else as_of.tolist()
        segments = zip(starts.tolist(), ends.tolist(), moments, strict=True)
        counts = [available_at[a:b].searchsorted(moment, side="right") for a, b, moment in segments]
        return np.array(counts, dtype=np.int64)
    low, high = starts.copy(), ends.copy()
    longest = int((high - low).max(initial=0))
    for _ in range(longest.bit_length()):
        middle = (low + high) >> 1
        is_open = low < high
        # A finished search points past its last row: it reads row 0 instead, and the result is not used.
        known = is_open & is_known(available_at[np.where(is_open, middle, 0)], as_of)
        low = np.where(known, middle + 1, low)
        high = np.where(is_open & ~known, middle, high)
    return low - starts


def attribute_values(attribute: Attribute, lead: Ints, as_of: Ints | int) -> Floats:
    """Finds the value of an attribute known at `as_of`: the last known change, else the value at creation.

    Args:
        attribute: one attribute of all leads.
        lead: (n,) row of each example's lead.
        as_of: one moment, or (n,) moments.

    Returns:
        (n,) numbers or codes, NaN where the value is missing or was cleared.
    """
    values = attribute.values[lead]
    changes = attribute.changes
    if changes is None:
        return values
    starts = changes.starts[lead]
    known = count_known(changes.available_at, starts, changes.starts[lead + 1], as_of)
    last = np.where(known > 0, starts + known - 1, 0)
    return np.where(known > 0, changes.values[last], values)


def outcome_known(history: LeadHistory, lead: Ints, as_of: Ints | int) -> npt.NDArray[np.int8]:
    """Finds the outcome of each example's lead that is known at `as_of`: OPEN, CONVERTED or LOST.

    Args:
        history: the history.
        lead: (n,) row of each example's lead.
        as_of: one moment, or (n,) moments.

    Returns:
        (n,) int8 codes.
    """
    outcomes = history.outcomes
    if not len(outcomes.outcome):
        return np.full(len(lead), OPEN, np.int8)
    starts, ends = outcomes.starts.take(lead), outcomes.starts.take(lead + 1)
    known = count_known(outcomes.available_at, starts, ends, as_of)
    # A correction comes last, so the last known row is never one that was corrected away.
    last = outcomes.outcome.take(np.where(known > 0, starts + known - 1, 0))
    return np.where(known > 0, last, np.int8(OPEN))


def counting_conversions(outcomes: Outcomes, as_of: int) -> Bools:
    """Tells which rows are conversions that count in the state known at a moment.

    Returns:
        (rows,) whether the row is a conversion, known at `as_of` and not corrected away by then.
    """
    is_conversion: Bools = outcomes.outcome == CONVERTED
    is_conversion &= is_known(outcomes.available_at, as_of)
    return is_conversion & ~is_known(outcomes.corrected_at, as_of)


def known_at(history: LeadHistory, as_of: int) -> LeadHistory:
    """Removes everything that is not known at `as_of`: later leads and all rows that become known later.

    Args:
        history: any history.
        as_of: microseconds UTC.

    Returns:
        To the last byte the history read from tables that hold only the rows known at `as_of`.
    """
    is_lead = is_known(history.created_at, as_of)
    accounts = history.account_interactions
    account, is_account = keep_accounts(
        history.account[is_lead], 0 if accounts is None else len(accounts.starts) - 1
    )
    changes = {
        name: is_known(attribute.changes.available_at, as_of)
        for name, attribute in history.attributes.items()
        if attribute.changes is not None
    }
    return LeadHistory(
        lead_ids=history.lead_ids.filter(pa.array(is_lead)),
        created_at=history.created_at[is_lead],
        account=account,
        attributes=keep_attributes(history.attributes, is_lead, changes),
        interactions=_known_interactions(history.interactions, is_lead, as_of),
        account_interactions=None if accounts is None else _known_interactions(accounts, is_account, as_of),
        outcomes=_known_outcomes(history.outcomes, is_lead, as_of),
        observed_until=min(history.observed_until, as_of),
        settings=history.settings,
    )


def _known_interactions(interactions: Interactions, is_group: Bools, as_of: int) -> Interactions:
    return keep_interactions(interactions, is_group, is_known(interactions.available_at, as_of))


def _known_outcomes(outcomes: Outcomes, is_lead: Bools, as_of: int) -> Outcomes:
    known = keep_outcomes(outcomes, is_lead, is_known(outcomes.available_at, as_of))
    is_corrected = is_known(known.corrected_at, as_of)
    return replace(known, corrected_at=np.where(is_corrected, known.corrected_at, NEVER_US))
