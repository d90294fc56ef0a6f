"""Reads the table `outcomes`: what came of each lead first, as it became known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from features.columns import CONVERTED, LOST, OPEN, Ints, Outcomes
from features.lead_rows import Leads
from features.sorting import order_rows
from features.tables import Rows, known_from, usable_rows
from features.time_columns import NO_TIME
from features.times import NEVER_US

OUTCOMES: Final[Mapping[str, int]] = {"converted": CONVERTED, "lost": LOST}


def no_outcomes(leads_count: int) -> Outcomes:
    """Makes the outcomes of leads that are all open."""
    never = np.full(leads_count, NEVER_US)
    return Outcomes(np.full(leads_count, OPEN, np.int8), never, never.copy(), np.full(leads_count, np.nan))


def read_outcomes(rows: Rows, leads: Leads | None) -> Outcomes | None:
    """Reads the outcomes, reports their faults and keeps the first known one of each lead.

    Which one is first is decided by when it became known, so that leaving out what is not yet known never
    changes what counts at a moment.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read, and then only faults of columns are found.

    Returns:
        None where something stops.
    """
    texts, amount = rows.texts("outcome"), rows.numbers("amount")
    words = [*texts.values.to_pylist(), None]
    rows.report(
        "D013",
        np.array([word is not None and word not in OUTCOMES for word in words])[texts.codes],
        column="outcome",
    )
    outcome = np.array([OUTCOMES.get(word, OPEN) for word in words], np.int8)[texts.codes]
    occurred_at, available_at = rows.times("occurred_at"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return None
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"outcome": outcome == OPEN, "occurred_at": occurred_at == NO_TIME})
    usable = _after_creation(rows, usable, occurred_at, leads.created_at[lead])
    known = known_from(rows, occurred_at, available_at, usable)
    order = order_rows(
        lead[usable], known[usable], [column[usable] for column in (occurred_at, outcome, amount)]
    )
    first = usable[order]
    is_first = np.concatenate(([True], lead[first][1:] != lead[first][:-1]))[: len(first)]
    rows.report_at("D023", first[~is_first], column="lead_id")
    first = first[is_first]
    outcomes = no_outcomes(len(leads.ids))
    outcomes.outcome[lead[first]] = outcome[first]
    outcomes.occurred_at[lead[first]] = occurred_at[first]
    outcomes.available_at[lead[first]] = known[first]
    outcomes.amount[lead[first]] = amount[first]
    has_available_at = "available_at" in rows.columns.column_names
    return Outcomes(
        outcomes.outcome, outcomes.occurred_at, outcomes.available_at, outcomes.amount, has_available_at
    )


def _after_creation(rows: Rows, usable: Ints, occurred_at: Ints, created_at: Ints) -> Ints:
    is_before = occurred_at[usable] < created_at[usable]
    rows.report_at("D022", usable[is_before], column="occurred_at")
    return usable[~is_before]
