"""Reads the table `outcomes`: what came of each lead first, as it became known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from features.history.lead_history import OPEN, OUTCOMES, Ints, Outcomes
from features.history.outcomes import no_outcomes
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows
from features.tables.table_reader import Rows, known_from, usable_rows


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
    outcome, amount = _read_outcome(rows), rows.numbers("amount")
    occurred_at, available_at = rows.times("occurred_at"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return None
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"outcome": outcome == OPEN, "occurred_at": occurred_at == NO_TIME})
    is_before = occurred_at[usable] < leads.created_at[lead[usable]]
    rows.report_at("D022", usable[is_before], column="occurred_at")
    usable = usable[~is_before]
    known = known_from(rows, occurred_at, available_at, usable)
    ties = [column[usable] for column in (occurred_at, outcome, amount)]
    first = _first_of_each(rows, usable[order_rows(lead[usable], known[usable], ties)], lead)
    outcomes = no_outcomes(len(leads.ids))
    outcomes.outcome[lead[first]] = outcome[first]
    outcomes.occurred_at[lead[first]] = occurred_at[first]
    outcomes.available_at[lead[first]] = known[first]
    outcomes.amount[lead[first]] = amount[first]
    return replace(outcomes, has_available_at="available_at" in rows.columns.column_names)


def _read_outcome(rows: Rows) -> npt.NDArray[np.int8]:
    texts = rows.texts("outcome")
    words = [*texts.values.to_pylist(), None]
    is_unknown = np.array([word is not None and word not in OUTCOMES for word in words])
    rows.report("D013", is_unknown[texts.codes], column="outcome")
    return np.array([OUTCOMES.get(word, OPEN) for word in words], np.int8)[texts.codes]


def _first_of_each(rows: Rows, ordered: Ints, lead: Ints) -> Ints:
    """Keeps the first row of each lead and reports the others."""
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = lead[ordered][1:] != lead[ordered][:-1]
    rows.report_at("D023", ordered[~is_first], column="lead_id")
    return ordered[is_first]
