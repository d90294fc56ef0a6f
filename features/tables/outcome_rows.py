"""Reads the table `outcomes`: the outcomes of each lead, in the order in which they became known.

`features.history.outcomes.outcomes_of` applies the same rule to the rows of a few leads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.joins import Joins
from features.history.lead_history import OPEN, OUTCOMES, Bools, Codes, Floats, Ints, Outcomes
from features.history.merging import outcome_passes
from features.history.outcomes import settle, tie_rank
from features.parsing.text_columns import Texts, as_categories
from features.parsing.time_columns import NO_TIME
from features.tables.joining import lead_rows
from features.tables.lead_rows import Leads
from features.tables.outcome_days import NO_OUTCOME_DAYS, OutcomeDays, owners_of
from features.tables.row_order import order_rows, starts_of_groups
from features.tables.table_reader import Rows, known_from, starts_of, usable_rows
from features.times import NEVER_US


def read_outcomes(rows: Rows, leads: Leads | None) -> tuple[Outcomes, OutcomeDays] | None:
    """Reads the outcomes, reports findings, and finds which rows are corrected by later rows.

    Rows are ordered by when they became known: removing rows that are not yet known never changes the state
    at a moment. An outcome from before the creation of its lead counts from the creation on.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.

    Returns:
        The outcomes, and the days of those that have a date only; None where a finding stops everything.
    """
    sent = read_usable_outcomes(rows, leads)
    if sent is None or leads is None:
        return None
    usable, lead, outcome, amount = sent.usable, sent.lead, sent.outcome, sent.amount
    source, outcome_id = as_categories(sent.source), as_categories(sent.outcome_id)
    occurred_at, known = sent.occurred_at, sent.available_at
    days = days_of_outcomes(rows, leads, sent)
    # The row -1 of an unknown lead reads the appended 0.
    created_at = np.append(leads.created_at, 0)[lead]
    is_before = occurred_at < created_at
    rows.report_at("D022", usable[is_before[usable]], column="occurred_at")
    # Ids are unique within their source.
    ids = outcome_id.codes.astype(np.int64) * (len(source.values) + 1) + source.codes + 1
    ids = np.where(outcome_id.codes < 0, -1, ids)
    as_sent = _Found(lead, ids, outcome, occurred_at, known, amount, outcome_id.codes, source.codes)
    found = as_sent.since(created_at)
    ordered = usable[found.take(usable).order()]
    found = found.take(ordered)
    changes, corrected_at = found.settled()
    rows.report_at("D023", ordered[~changes], column="lead_id")
    is_void = changes & (corrected_at <= found.available_at)
    rows.report_at("D110", ordered[is_void], column="outcome_id")
    if leads.joins is not None and leads.is_lead is not None:
        found = _joined(found, as_sent.take(ordered), leads.joins, leads.created_at, leads.is_lead)
        changes, corrected_at = found.settled()
    kept = found.take(np.flatnonzero(changes))
    outcomes = Outcomes(
        starts=starts_of_groups(kept.lead, len(leads.ids) if leads.is_lead is None else leads.is_lead.sum()),
        outcome=kept.outcome,
        occurred_at=kept.occurred_at,
        available_at=kept.available_at,
        corrected_at=corrected_at[changes],
        amount=kept.amount,
        has_available_at="available_at" in rows.columns.column_names,
    )
    return outcomes, days


class _Found(NamedTuple):
    """Columns of rows of outcomes; ids are equal for equal ids, -1 where there is none."""

    lead: Ints
    ids: Ints
    outcome: npt.NDArray[np.int8]
    occurred_at: Ints
    available_at: Ints
    amount: Floats
    outcome_id: Codes
    source: Codes

    def take(self, rows: Ints) -> _Found:
        """Takes rows by their positions."""
        return _Found._make(column[rows] for column in self)

    def since(self, created_at: Ints) -> _Found:
        """Moves outcomes from before the creation of their lead, (rows,), to the creation."""
        return self._replace(
            occurred_at=np.maximum(self.occurred_at, created_at),
            available_at=np.maximum(self.available_at, created_at),
        )

    def order(self) -> Ints:
        """Orders the rows of each lead by when they became known."""
        ties = (self.occurred_at, self.outcome_id, self.source, tie_rank(self.outcome), self.amount)
        return order_rows(self.lead, self.available_at, ties)

    def settled(self) -> tuple[Bools, Ints]:
        """Settles the rows, which are in order; see `features.history.outcomes.settle`."""
        return settle(self.lead, self.ids, self.outcome, self.occurred_at, self.available_at, self.amount)


def _joined(found: _Found, as_sent: _Found, joins: Joins, created_at: Ints, is_lead: Bools) -> _Found:
    """Repeats outcomes for the leads that their ids joined, known from then on; see `outcome_passes`.

    Args:
        found: the rows, as they are outcomes of their own leads.
        as_sent: the same rows, not moved to the creation of their leads.
        joins: of the ids.
        created_at: (ids,) microseconds UTC.
        is_lead: (ids,) whether the id is a lead.
    """
    passing = as_sent.take(np.flatnonzero(joins.linked_at[as_sent.lead] < NEVER_US))
    passing = passing.since(joins.moved_to(created_at)[passing.lead])
    passing = passing.take(passing.order())
    row, pair = joins.pairs_of(passing.lead)
    passes = outcome_passes(row, pair, passing.lead, passing.outcome, passing.available_at, joins)
    row, pair = row[passes], pair[passes]
    lead, own = joins.lead[pair], passing.lead[row]
    # The creation of the earlier one counts; an id that is no lead has none.
    created = np.where(is_lead[own], np.minimum(created_at[own], created_at[lead]), created_at[lead])
    taken = passing.take(row)
    known = np.maximum(taken.available_at, joins.at[pair])
    taken = taken._replace(lead=lead, occurred_at=np.maximum(taken.occurred_at, created), available_at=known)
    of_leads = found.take(np.flatnonzero(is_lead[found.lead]))
    whole = _Found._make(np.concatenate([*both]) for both in zip(of_leads, taken, strict=True))
    whole = whole._replace(lead=lead_rows(is_lead)[whole.lead])
    return whole.take(whole.order())


@dataclass(frozen=True, slots=True)
class SentOutcomes:
    """The rows of the table as they were sent, in the order of the table; each column is (rows,).

    Attributes:
        usable: positions of the rows that can be used, rising.
        lead: row of the lead, -1 where it is unknown.
        outcome: code of the outcome.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC, never before `occurred_at`.
        amount: NaN where missing.
        source: the system that recorded it.
        outcome_id: its id there.
        is_day: whether `occurred_at` was a date only, of which it is the end.
    """

    usable: Ints
    lead: Ints
    outcome: npt.NDArray[np.int8]
    occurred_at: Ints
    available_at: Ints
    amount: Floats
    source: Texts
    outcome_id: Texts
    is_day: Bools


def read_usable_outcomes(rows: Rows, leads: Leads | None) -> SentOutcomes | None:
    """Reads the rows and reports those that cannot be used; None where a finding stops everything."""
    (outcome, is_unknown), amount = _read_outcome(rows), rows.numbers("amount")
    (occurred_at, is_day), available_at = rows.times_and_days("occurred_at"), rows.times("available_at")
    source, outcome_id = rows.texts("source"), rows.texts("outcome_id")
    if leads is None or not rows.is_sound:
        return None
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"outcome": is_unknown, "occurred_at": occurred_at == NO_TIME})
    known = known_from(rows, occurred_at, available_at, usable, is_day)
    return SentOutcomes(usable, lead, outcome, occurred_at, known, amount, source, outcome_id, is_day)


def days_of_outcomes(rows: Rows, leads: Leads, sent: SentOutcomes) -> OutcomeDays:
    """Finds the days of the outcomes that have a date only."""
    of_day = sent.usable[sent.is_day[sent.usable]]
    if not len(of_day):
        return NO_OUTCOME_DAYS
    ends = sent.occurred_at[of_day]
    owner = owners_of(len(leads.ids), leads.joins)
    return OutcomeDays(sent.lead[of_day], starts_of(ends, rows.settings), ends, owner)


def _read_outcome(rows: Rows) -> tuple[npt.NDArray[np.int8], Bools]:
    """Reads the codes of the outcomes, and finds empty cells."""
    texts = rows.texts("outcome")
    names = [*texts.values.to_pylist(), None]
    is_unknown = np.array([name is not None and name not in OUTCOMES for name in names])
    rows.report("D013", is_unknown[texts.codes], column="outcome")
    codes = np.array([OUTCOMES.get(name, OPEN) for name in names], np.int8)
    return codes[texts.codes], texts.codes < 0
