"""Reads the table `lead_aliases`: which ids are aliases of leads, and from when on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.joins import Joins, find_cycles, join_ids
from features.history.lead_history import Categories, Ints
from features.parsing.text_columns import Texts
from features.parsing.time_columns import NO_TIME
from features.tables.lead_rows import Leads
from features.tables.table_reader import Rows
from features.tables.written_attributes import cells_at_creation
from features.times import NEVER_US

ALIASES: Final = "lead_aliases"
# The creation of an id that is no lead: before every row under it.
_EVER: Final = np.iinfo(np.int64).min


def read_aliases(rows: Rows, leads: Leads | None) -> Leads | None:
    """Reads the aliases, reports findings and adds those that are no leads to the leads.

    The earliest link of an alias counts: a later one never changes what is known at a moment.

    Args:
        rows: the table.
        leads: the leads; None where they could not be read: then only the columns are checked.

    Returns:
        The leads with their joins; None where a finding stops everything.
    """
    alias, known = rows.texts("alias_id"), rows.times("available_at")
    if leads is None or not rows.is_sound:
        return None
    if not len(rows):
        return leads
    links = _read_links(rows, alias, known, leads.ids)
    ids, own, other, first = links.ids, links.own, links.other, links.first
    target, available_at = np.full(len(ids), -1), np.full(len(ids), NEVER_US)
    target[own[first]], available_at[own[first]] = other[first], known[first]
    rows.report_at("D101", links.usable[other[links.usable] != target[own[links.usable]]], column="lead_id")
    cycle = find_cycles(target)
    if len(cycle):
        names = ids.take(pa.array(cycle)).to_pylist()
        rows.findings.add("D100", table=ALIASES, column="lead_id", count=len(names), ids=names)
        return None
    row_of = pc.index_in(ids, leads.ids).fill_null(-1).to_numpy().astype(np.int64)
    created_at = np.append(leads.created_at, NEVER_US)[row_of]
    joins = join_ids(target, available_at, created_at)
    rows.report_at("D102", first[joins.linked_at[own[first]] == NEVER_US], column="lead_id")
    if not len(joins.id):
        return leads
    is_joined = joins.linked_at < NEVER_US
    count, ended = int(is_joined.sum()), int((is_joined & (row_of >= 0)).sum())
    linked = f"{count:,} id{'' if count == 1 else 's'}"
    rows.findings.add("D104", table=ALIASES, count=count, linked=linked, ended=f"{ended:,}")
    kept = np.flatnonzero(is_joined | (row_of >= 0))
    return _extended(leads, ids.take(pa.array(kept)), row_of[kept], joins.of(kept))


def read_first_links(rows: Rows) -> pa.Table:
    """Reads the links that count, an alias once: `alias_id`, `lead_id`, `available_at` in microseconds UTC.

    Args:
        rows: the table, of a history without a finding that stops everything.
    """
    alias, known = rows.texts("alias_id"), rows.times("available_at")
    links = _read_links(rows, alias, known, pa.array([], pa.string()))
    texts = [links.ids.take(pa.array(row_of[links.first])) for row_of in (links.own, links.other)]
    return pa.table([*texts, known[links.first]], ["alias_id", "lead_id", "available_at"])


@dataclass(frozen=True, slots=True)
class _Links:
    """The rows of the table by the ids that they name.

    Attributes:
        ids: sorted: of the leads, the aliases and what they are linked to.
        own: (rows,) the alias among the ids, -1 for an empty cell.
        other: (rows,) what it is linked to, likewise.
        usable: rows without a fault.
        first: of these the earliest of each alias.
    """

    ids: pa.Array
    own: Ints
    other: Ints
    usable: Ints
    first: Ints


def _read_links(rows: Rows, alias: Texts, known: Ints, leads: pa.Array) -> _Links:
    aliases, targets = (
        texts.values.take(pa.array(texts.codes, mask=texts.codes < 0)) for texts in (alias, rows.lead)
    )
    is_empty = {"alias_id": aliases.is_null(), "lead_id": targets.is_null()}
    for column, concerned in is_empty.items():
        rows.report("D020", np.asarray(concerned), column=column)
    rows.report("D020", known == NO_TIME, column="available_at")
    ids = pc.unique(pa.concat_arrays([leads.cast(pa.string()), aliases.drop_null(), targets.drop_null()]))
    ids = ids.take(pc.sort_indices(ids))
    own, other = (
        pc.index_in(texts, ids).fill_null(-1).to_numpy().astype(np.int64) for texts in (aliases, targets)
    )
    rows.report("D103", (own == other) & (own >= 0), column="lead_id")
    usable = np.flatnonzero((own >= 0) & (other >= 0) & (own != other) & (known != NO_TIME))
    first = usable[np.lexsort((other[usable], known[usable], own[usable]))]
    first = first[np.concatenate(([True], own[first][1:] != own[first][:-1]))[: len(first)]]
    return _Links(ids, own, other, usable, first)


def _extended(leads: Leads, ids: pa.Array, row_of: Ints, joins: Joins) -> Leads:
    """Adds the aliases that are no leads, without values; row -1 of an id that is no lead."""
    return replace(
        leads,
        ids=ids,
        created_at=np.append(leads.created_at, _EVER)[row_of],
        account=None
        if leads.account is None
        else Categories(np.append(leads.account.codes, np.int32(-1))[row_of], leads.account.values),
        attributes={name: cells_at_creation(each, row_of) for name, each in leads.attributes.items()},
        inferred={name: each.of(row_of) for name, each in leads.inferred.items()},
        joins=joins,
        is_lead=row_of >= 0,
    )


def only_leads(leads: Leads) -> Leads:
    """Removes the aliases that `read_aliases` added."""
    if leads.is_lead is None:
        return leads
    own = leads.is_lead
    return replace(
        leads,
        ids=leads.ids.filter(pa.array(own)),
        created_at=leads.created_at[own],
        account=None if leads.account is None else Categories(leads.account.codes[own], leads.account.values),
        attributes={
            name: cells_at_creation(each, np.flatnonzero(own)) for name, each in leads.attributes.items()
        },
        inferred={name: each.of(np.flatnonzero(own)) for name, each in leads.inferred.items()},
        joins=None,
        is_lead=None,
    )
