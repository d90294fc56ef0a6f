"""Reads the table `interactions`: kind, lead, time and content of each interaction, without duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from features.history.categories import compact
from features.history.kinds import DIRECTION_OF_KIND
from features.history.known import known_of_account
from features.history.lead_history import DIRECTIONS, NO_DIRECTION, Bools, Categories, Codes, Floats, Ints
from features.history.machine_made import UNSAID, Marks
from features.parsing.text_columns import as_categories
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads
from features.tables.outcome_days import OutcomeDays
from features.tables.table_reader import Rows, known_from, usable_rows


@dataclass(frozen=True, slots=True)
class InteractionRows:
    """Interactions of known leads in any order: each column is (rows,); `lead` is the row of the lead.

    `automated` is what `is_automated` says; None where it says nothing of any row.
    """

    lead: Ints
    occurred_at: Ints
    available_at: Ints
    kind: Categories
    direction: npt.NDArray[np.int8]
    channel: Categories
    campaign: Categories
    value: Floats
    automated: Marks | None = None

    def keep(self, rows: Ints | Bools) -> InteractionRows:
        """Keeps some rows, given by rising positions or by a mask; nothing is copied where all are kept."""
        if rows.all() if rows.dtype == np.bool_ else len(rows) == len(self.lead):
            return self
        return InteractionRows(
            lead=self.lead[rows],
            occurred_at=self.occurred_at[rows],
            available_at=self.available_at[rows],
            kind=compact(self.kind.codes[rows], self.kind.values),
            direction=self.direction[rows],
            channel=compact(self.channel.codes[rows], self.channel.values),
            campaign=compact(self.campaign.codes[rows], self.campaign.values),
            value=self.value[rows],
            automated=None if self.automated is None else self.automated[rows],
        )

    def known_after(self, days: OutcomeDays) -> InteractionRows:
        """Makes rows of the day of an outcome known after it, where nobody knows which came first."""
        known = days.known_after(self.lead, self.occurred_at, self.available_at)
        return replace(self, available_at=known)

    def ties(self) -> list[npt.NDArray[Any]]:
        """Columns that order rows with the same `available_at`, the most important first."""
        codes: list[npt.NDArray[Any]] = [
            self.kind.codes,
            self.direction,
            self.channel.codes,
            self.campaign.codes,
        ]
        return [self.occurred_at, *codes, self.value]


def read_interactions(
    rows: Rows, leads: Leads | None, *, duplicates: Ints | None = None
) -> InteractionRows | None:
    """Reads the interactions, reports findings and leaves out rows that cannot be used.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.
        duplicates: rows that duplicate a row of another partition; None: there are none.

    Returns:
        None where a finding stops everything.
    """
    counted = read_counted(rows, leads, duplicates=duplicates)
    return None if counted is None else counted[0]


def read_counted(
    rows: Rows, leads: Leads | None, *, duplicates: Ints | None = None
) -> tuple[InteractionRows, Ints] | None:
    """Reads the interactions that count, and their positions in the table; see `read_interactions`."""
    usable = _read_usable(rows, leads)
    if usable is not None and duplicates is not None:
        usable = usable.without(duplicates)
    if usable is None or leads is None:
        return None
    first = _find_first(rows, usable, leads)
    return usable.interactions.keep(first), usable.rows[first]


def find_duplicate_rows(rows: Rows, leads: Leads) -> Ints:
    """Finds and reports the rows that duplicate another row of the table.

    Returns:
        Positions of the rows, rising.
    """
    usable = _read_usable(rows, leads)
    if usable is None:
        return np.empty(0, np.int64)
    return usable.rows[~_find_first(rows, usable, leads)]


@dataclass(frozen=True, slots=True)
class _Usable:
    """Rows that can be used, their positions in the table, and the ids that identify duplicates."""

    interactions: InteractionRows
    rows: Ints
    source: Codes
    interaction_id: Codes

    def without(self, duplicates: Ints) -> _Usable:
        """Leaves out rows, given by their positions in the table."""
        kept = ~np.isin(self.rows, duplicates)
        return _Usable(
            self.interactions.keep(kept), self.rows[kept], self.source[kept], self.interaction_id[kept]
        )


def _read_usable(rows: Rows, leads: Leads | None) -> _Usable | None:
    kind = as_categories(rows.texts("kind"))
    channel, campaign = as_categories(rows.texts("channel")), as_categories(rows.texts("campaign"))
    source, interaction_id = rows.texts("source").codes, rows.texts("interaction_id").codes
    direction, value = _read_direction(rows), rows.numbers("value")
    (occurred_at, is_day), available_at = rows.times_and_days("occurred_at"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return None
    lead = leads.rows_of(rows.lead)
    usable = usable_rows(rows, lead, {"kind": kind.codes < 0, "occurred_at": occurred_at == NO_TIME})
    known = known_from(rows, occurred_at, available_at, usable, is_day)
    direction = with_usual_direction(direction, kind)
    interactions = InteractionRows(
        lead, occurred_at, known, kind, direction, channel, campaign, value, _read_automated(rows)
    )
    return _Usable(interactions.keep(usable), usable, source[usable], interaction_id[usable])


def with_usual_direction(direction: npt.NDArray[np.int8], kind: Categories) -> npt.NDArray[np.int8]:
    """Fills empty directions with the usual direction of the kind."""
    directions = [DIRECTION_OF_KIND.get(value, NO_DIRECTION) for value in kind.values]
    by_row = np.array([*directions, NO_DIRECTION], np.int8)[kind.codes]
    return np.where(direction == NO_DIRECTION, by_row, direction).astype(np.int8, copy=False)


def _read_direction(rows: Rows) -> npt.NDArray[np.int8]:
    texts = rows.texts("direction")
    names = texts.values.to_pylist()
    is_unknown = np.array([name not in DIRECTIONS for name in names] + [False])
    rows.report("D027", is_unknown[texts.codes], column="direction")
    return np.array([DIRECTIONS.get(name, NO_DIRECTION) for name in [*names, None]], np.int8)[texts.codes]


def _read_automated(rows: Rows) -> Marks | None:
    booleans = rows.booleans("is_automated")
    return None if booleans is None else np.where(np.isnan(booleans), UNSAID, booleans).astype(np.int8)


def _find_first(rows: Rows, usable: _Usable, leads: Leads) -> Bools:
    """Tells which rows duplicate no other row, and reports the duplicates.

    Rows of several leads are ordered by when they are known of an account: a row of a lead created later, or
    of an alias linked later, never displaces a row that is already known.
    """
    found = usable.interactions
    known = known_of_account(found.available_at, leads.seen_from[found.lead])
    order = [known, found.occurred_at, found.lead, *found.ties()[1:]]
    order += [] if found.automated is None else [found.automated]
    duplicated = find_duplicates(usable.source, usable.interaction_id, order)
    is_of_other_lead = (duplicated >= 0) & (found.lead[duplicated] != found.lead)
    rows.report_at("D025", usable.rows[(duplicated >= 0) & ~is_of_other_lead])
    rows.report_at("D026", usable.rows[is_of_other_lead])
    return duplicated < 0


def find_duplicates(source: Codes, interaction_id: Codes, order: Sequence[npt.NDArray[np.generic]]) -> Ints:
    """Finds, for each row, the row that it duplicates: the first in order with the same source and id.

    The row that became known first is kept, so that removing rows that are not yet known never changes which
    row is kept.

    Args:
        source: (rows,) codes; -1, no source, is a source of its own.
        interaction_id: (rows,) codes; rows with -1, no id, duplicate nothing.
        order: columns of (rows,) by which the first row is found, the most important first.

    Returns:
        (rows,) the row that is duplicated, -1 for a row that is kept.

    >>> find_duplicates(np.array([0, 0, 1]), np.array([7, 7, 7]), [np.array([2, 1, 0])]).tolist()
    [1, -1, -1]
    """
    duplicated = np.full(len(source), -1, np.int64)
    rows = _rows_with_shared_id(interaction_id)
    if not len(rows):
        return duplicated
    keys = [source[rows], interaction_id[rows]]
    ordered = rows[np.lexsort([*(column[rows] for column in reversed(order)), *keys])]
    is_first = _differs(source[ordered]) | _differs(interaction_id[ordered])
    first = ordered[is_first][np.cumsum(is_first) - 1]
    duplicated[ordered] = np.where(is_first, -1, first)
    return duplicated


def _rows_with_shared_id(interaction_id: Codes) -> Ints:
    counts = np.bincount(interaction_id + 1)
    counts[:1] = 0
    if not (counts > 1).any():
        return np.empty(0, np.int64)
    return np.flatnonzero(counts[interaction_id + 1] > 1)


def _differs(column: npt.NDArray[np.integer]) -> Bools:
    """Tells whether each row differs from the row before it."""
    return np.concatenate(([True], column[1:] != column[:-1]))
