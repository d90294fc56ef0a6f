"""Reads the table `outcomes`: the first known outcome of each lead.

`features.history.outcomes.first_outcome` applies the same rule to the rows of one lead.
"""

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
    """Reads the outcomes, reports findings and keeps the first known outcome of each lead.

    The outcome that became known first counts: removing rows that are not yet known never changes which
    outcome counts at a moment.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.

    Returns:
        None where a finding stops everything.
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
    names = [*texts.values.to_pylist(), None]
    is_unknown = np.array([name is not None and name not in OUTCOMES for name in names])
    rows.report("D013", is_unknown[texts.codes], column="outcome")
    return np.array([OUTCOMES.get(name, OPEN) for name in names], np.int8)[texts.codes]


def _first_of_each(rows: Rows, ordered: Ints, lead: Ints) -> Ints:
    """Keeps the first row of each lead and reports the other rows."""
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = lead[ordered][1:] != lead[ordered][:-1]
    rows.report_at("D023", ordered[~is_first], column="lead_id")
    return ordered[is_first]
