"""Reads the table `outcomes`: the outcomes of each lead, in the order in which they became known.

`features.history.outcomes.outcomes_of` applies the same rule to the rows of a few leads.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.history.lead_history import OPEN, OUTCOMES, Bools, Outcomes
from features.history.outcomes import settle, tie_rank
from features.parsing.text_columns import as_categories
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads
from features.tables.row_order import order_rows, starts_of_groups
from features.tables.table_reader import Rows, known_from, usable_rows


def read_outcomes(rows: Rows, leads: Leads | None) -> Outcomes | None:
    """Reads the outcomes, reports findings, and finds which rows are corrected by later rows.

    Rows are ordered by when they became known: removing rows that are not yet known never changes the state
    at a moment. An outcome from before the creation of its lead counts from the creation on.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.

    Returns:
        None where a finding stops everything.
    """
    (outcome, is_unknown), amount = _read_outcome(rows), rows.numbers("amount")
    occurred_at, available_at = rows.times("occurred_at"), rows.times("available_at")
    source, outcome_id = as_categories(rows.texts("source")), as_categories(rows.texts("outcome_id"))
    if leads is None or not rows.is_sound:
        return None
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"outcome": is_unknown, "occurred_at": occurred_at == NO_TIME})
    known = known_from(rows, occurred_at, available_at, usable)
    # The row -1 of an unknown lead reads the appended 0.
    created_at = np.append(leads.created_at, 0)[lead]
    is_before = occurred_at < created_at
    rows.report_at("D022", usable[is_before[usable]], column="occurred_at")
    occurred_at, known = np.maximum(occurred_at, created_at), np.maximum(known, created_at)
    # Ids are unique within their source.
    ids = outcome_id.codes.astype(np.int64) * (len(source.values) + 1) + source.codes + 1
    ids = np.where(outcome_id.codes < 0, -1, ids)
    rank = tie_rank(outcome)
    ties = [column[usable] for column in (occurred_at, outcome_id.codes, source.codes, rank, amount)]
    ordered = usable[order_rows(lead[usable], known[usable], ties)]
    changes, corrected_at = settle(
        lead[ordered], ids[ordered], outcome[ordered], occurred_at[ordered], known[ordered], amount[ordered]
    )
    rows.report_at("D023", ordered[~changes], column="lead_id")
    kept = ordered[changes]
    return Outcomes(
        starts=starts_of_groups(lead[kept], len(leads.ids)),
        outcome=outcome[kept],
        occurred_at=occurred_at[kept],
        available_at=known[kept],
        corrected_at=corrected_at[changes],
        amount=amount[kept],
        has_available_at="available_at" in rows.columns.column_names,
    )


def _read_outcome(rows: Rows) -> tuple[npt.NDArray[np.int8], Bools]:
    """Reads the codes of the outcomes, and finds empty cells."""
    texts = rows.texts("outcome")
    names = [*texts.values.to_pylist(), None]
    is_unknown = np.array([name is not None and name not in OUTCOMES for name in names])
    rows.report("D013", is_unknown[texts.codes], column="outcome")
    codes = np.array([OUTCOMES.get(name, OPEN) for name in names], np.int8)
    return codes[texts.codes], texts.codes < 0
