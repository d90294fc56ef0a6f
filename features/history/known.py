"""What is known at a moment: the only module that compares `available_at` with `as_of`.

Known means `available_at <= as_of`: a row that becomes known at the moment of the prediction counts.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history.categories import compact
from features.history.lead_history import (
    CONVERTED,
    OPEN,
    Attribute,
    Bools,
    Categories,
    Floats,
    Interactions,
    Ints,
    LeadHistory,
    Links,
    Outcomes,
)
from features.history.outcomes import lead_of_rows
from features.history.subset import (
    keep_accounts,
    keep_attributes,
    keep_interactions,
    keep_links,
    keep_outcomes,
)
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


def has_row(history: LeadHistory, as_of: int) -> Bools:
    """Tells which leads have a row at a moment: those created by then that are no alias of another lead.

    Args:
        history: any history.
        as_of: microseconds UTC.

    Returns:
        (leads,) whether the lead is scored at `as_of`.
    """
    is_there = is_known(history.created_at, as_of)
    return is_there if history.links is None else is_there & ~is_known(history.links.linked_at, as_of)


def is_still_own(history: LeadHistory, lead: Ints, as_of: Ints | int) -> Bools:
    """Tells for each example whether its lead is no alias of another lead at its moment, (n,)."""
    if history.links is None:
        return np.ones(len(lead), np.bool_)
    return ~is_known(history.links.linked_at[lead], as_of)


def created_known(history: LeadHistory, lead: Ints, as_of: Ints | int) -> Ints:
    """Finds the creation of each example's lead that counts at `as_of`.

    It is the earliest of the lead and of the leads that are known to be its aliases.

    Args:
        history: any history.
        lead: (n,) row of each example's lead.
        as_of: one moment, or (n,) moments.

    Returns:
        (n,) microseconds UTC.
    """
    own: Ints = history.created_at.take(lead)
    if history.links is None:
        return own
    starts, known = history.links.creation_starts, history.links.creation_available_at
    return _last_known(starts, known, history.links.creation, lead, as_of, own)


def survivor_known(history: LeadHistory, lead: Ints, as_of: Ints | int) -> Ints:
    """Finds the lead that each lead is an alias of as known at `as_of`; itself where it is none.

    Args:
        history: any history.
        lead: (n,) rows of leads.
        as_of: one moment, or (n,) moments.

    Returns:
        (n,) rows of leads.
    """
    if history.links is None:
        return lead
    return _last_known(
        history.links.starts, history.links.available_at, history.links.survivor, lead, as_of, lead
    )


def _last_known(
    starts: Ints, available_at: Ints, values: Ints, lead: Ints, as_of: Ints | int, own: Ints
) -> Ints:
    """Takes the value of the last known row of each lead, else its own."""
    known = count_known(available_at, starts[lead], starts[lead + 1], as_of)
    found = values[np.where(known > 0, starts[lead] + known - 1, 0)] if len(values) else own
    return np.where(known > 0, found, own)


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


def conversions_of_leads(history: LeadHistory, as_of: int) -> Bools:
    """Tells which rows are conversions that count, each once: not of leads that are aliases by then, (rows,).

    Their conversions are among those of their survivors.
    """
    counts = counting_conversions(history.outcomes, as_of)
    return counts & is_still_own(history, lead_of_rows(history.outcomes), as_of)


def taken_over(history: LeadHistory) -> Bools:
    """Tells which outcomes a lead took over from an alias that was a lead of its own, (rows,)."""
    outcomes = history.outcomes
    if history.links is None:
        return np.zeros(len(outcomes.outcome), np.bool_)
    moments = {*zip(history.links.survivor.tolist(), history.links.available_at.tolist(), strict=True)}
    rows = zip(lead_of_rows(outcomes).tolist(), outcomes.available_at.tolist(), strict=True)
    return np.array([row in moments for row in rows], np.bool_)


def first_created(history: LeadHistory) -> Ints:
    """Finds the earliest creation of each lead, its aliases and its survivor, (leads,) microseconds UTC."""
    leads = np.arange(history.leads_count)
    survivor = survivor_known(history, leads, NEVER_US)
    of_survivors = created_known(history, survivor, NEVER_US)
    return np.minimum(created_known(history, leads, NEVER_US), of_survivors)


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
    return LeadHistory(
        lead_ids=history.lead_ids.filter(pa.array(is_lead)),
        created_at=history.created_at[is_lead],
        account=account,
        attributes=keep_attributes(
            history.attributes, is_lead, partial(is_known, as_of=as_of), history.text_rule
        ),
        interactions=_known_interactions(history.interactions, is_lead, as_of),
        account_interactions=None if accounts is None else _known_interactions(accounts, is_account, as_of),
        outcomes=_known_outcomes(history.outcomes, is_lead, as_of),
        observed_until=min(history.observed_until, as_of),
        settings=history.settings,
        links=None if history.links is None else _known_links(history.links, is_lead, as_of),
        account_ids=_kept_ids(history.account_ids, is_lead),
    )


def current_at(history: LeadHistory, as_of: int) -> LeadHistory:
    """Removes everything that is not known at `as_of`, and the leads that are aliases of others by then.

    Their rows are those of the leads that they are aliases of: here every row and outcome is there once.

    Args:
        history: any history.
        as_of: microseconds UTC.
    """
    return without_aliases(known_at(history, as_of))


def without_aliases(history: LeadHistory) -> LeadHistory:
    """Removes the leads that are aliases of others, at whatever moment they become it."""
    links = history.links
    if links is None:
        return history
    is_lead = links.linked_at == NEVER_US
    accounts = history.account_interactions
    account, is_account = keep_accounts(
        history.account[is_lead], 0 if accounts is None else len(accounts.starts) - 1
    )
    return replace(
        history,
        lead_ids=history.lead_ids.filter(pa.array(is_lead)),
        created_at=created_known(history, np.flatnonzero(is_lead), NEVER_US),
        account=account,
        attributes=keep_attributes(
            history.attributes, is_lead, partial(is_known, as_of=NEVER_US), history.text_rule
        ),
        interactions=keep_interactions(
            history.interactions, is_lead, np.ones(len(history.interactions.value), np.bool_)
        ),
        account_interactions=None
        if accounts is None
        else keep_interactions(accounts, is_account, np.ones(len(accounts.value), np.bool_)),
        outcomes=keep_outcomes(history.outcomes, is_lead, np.ones(len(history.outcomes.outcome), np.bool_)),
        links=None,
        account_ids=_kept_ids(history.account_ids, is_lead),
    )


def _kept_ids(account_ids: Categories | None, is_lead: Bools) -> Categories | None:
    return None if account_ids is None else compact(account_ids.codes[is_lead], account_ids.values)


def _known_links(links: Links, is_lead: Bools, as_of: int) -> Links | None:
    known = keep_links(
        links,
        is_lead,
        is_known(links.available_at, as_of),
        is_known(links.creation_available_at, as_of),
    )
    if not len(known.survivor):
        return None
    is_linked = is_known(known.linked_at, as_of)
    return replace(known, linked_at=np.where(is_linked, known.linked_at, NEVER_US))


def _known_interactions(interactions: Interactions, is_group: Bools, as_of: int) -> Interactions:
    return keep_interactions(interactions, is_group, is_known(interactions.available_at, as_of))


def _known_outcomes(outcomes: Outcomes, is_lead: Bools, as_of: int) -> Outcomes:
    known = keep_outcomes(outcomes, is_lead, is_known(outcomes.available_at, as_of))
    is_corrected = is_known(known.corrected_at, as_of)
    return replace(known, corrected_at=np.where(is_corrected, known.corrected_at, NEVER_US))
