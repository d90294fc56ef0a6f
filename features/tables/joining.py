"""Gives the rows under aliases to the leads that they belong to, known from the link on.

The rules of outcomes and attributes are in `features.history.merging`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.history.known import known_of_account
from features.history.lead_history import Bools, Ints
from features.tables.interaction_rows import InteractionRows
from features.tables.lead_rows import Leads


def join_interactions(rows: InteractionRows, leads: Leads) -> tuple[InteractionRows, InteractionRows]:
    """Repeats interactions for each lead that they belong to for some time.

    Args:
        rows: `lead` is the row of the id among the leads.
        leads: with their joins.

    Returns:
        The rows of leads and those of accounts, in which `lead` is the row among the leads alone. An account
        has every interaction once, from when the first of its leads has it.
    """
    if leads.joins is None or leads.is_lead is None:
        return rows, rows
    row, pair = leads.joins.pairs_of(rows.lead)
    own = np.flatnonzero(leads.is_lead[rows.lead])
    row, lead = np.concatenate((own, row)), np.concatenate((rows.lead[own], leads.joins.lead[pair]))
    at = np.concatenate((rows.available_at[own], leads.joins.at[pair]))
    joined = replace(
        _take(rows, row),
        lead=lead_rows(leads.is_lead)[lead],
        available_at=np.maximum(rows.available_at[row], at),
    )
    if leads.account is None:
        return joined, joined
    known = known_of_account(joined.available_at, leads.created_at[lead])
    is_repeated = _repeats(row, leads.account.codes[lead].astype(np.int64), known)
    return joined, joined if not is_repeated.any() else joined.keep(~is_repeated)


def lead_rows(is_lead: Bools) -> Ints:
    """Gives the row of each id among the leads alone, -1 for an id that is no lead."""
    return np.where(is_lead, np.cumsum(is_lead) - 1, -1)


def _repeats(row: Ints, account: Ints, known: Ints) -> Bools:
    """Tells which rows an account has already through another of its leads, no later."""
    counts = np.bincount(row)
    several = np.flatnonzero((counts[row] > 1) & (account >= 0))
    order = several[np.lexsort((known[several], account[several], row[several]))]
    is_next = (row[order][1:] == row[order][:-1]) & (account[order][1:] == account[order][:-1])
    found = np.zeros(len(row), np.bool_)
    found[order[1:][is_next]] = True
    return found


def _take(rows: InteractionRows, row: Ints) -> InteractionRows:
    """Takes rows by their positions, some of them several times; every row remains at least once."""
    return InteractionRows(
        lead=rows.lead[row],
        occurred_at=rows.occurred_at[row],
        available_at=rows.available_at[row],
        kind=rows.kind._replace(codes=rows.kind.codes[row]),
        direction=rows.direction[row],
        channel=rows.channel._replace(codes=rows.channel.codes[row]),
        campaign=rows.campaign._replace(codes=rows.campaign.codes[row]),
        value=rows.value[row],
        automated=None if rows.automated is None else rows.automated[row],
    )
