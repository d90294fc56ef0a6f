"""Moves prepared rows into the tables of the service, each exactly once.

What contradicts stored rows is refused and counted: the rows that came first stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEAD_ALIASES, LEADS, OUTCOMES
from serving.database.engine import insert_into
from serving.database.schema import ACCOUNT_CHANGES
from serving.database.writer import Receipt
from serving.intake.erasures import erased_among, erased_leads, has_erasures
from serving.intake.items import erased_hash
from serving.loading.prepared import PREPARED, Batch, Counts
from serving.loading.row_fates import (
    DUPLICATE,
    ERASED,
    OTHER_ACCOUNT,
    OTHER_CONTENT,
    OTHER_CREATION,
    OTHER_VALUE,
    STORED,
)
from serving.loading.value_rows import OF_EXPORT

Condition = sa.ColumnElement[bool]


def write_leads(
    connection: sa.Connection,
    receipt: Receipt,
    batch: Batch,
    *,
    salt: bytes,
    target_of: Mapping[str, str],
) -> Counts:
    """Writes leads with their attributes, outcomes and interactions.

    Args:
        connection: in a transaction that writes, of a session that has the prepared rows.
        receipt: of the transaction; the rows keep their own `available_at`.
        batch: which rows.
        salt: of the hashes of erased ids.
        target_of: the id that each alias of the history is linked to; rows of an alias of an erased lead are
            left out, too.

    Returns:
        Numbers of rows by table, and by what became of them.
    """
    move = _Move(connection, receipt, batch, _left_out(connection, batch, salt, target_of))
    leads = _move_leads(move)
    are_new = leads[STORED] == move.count(LEADS) and not _has_values_of_aliases(connection, batch)
    counts = {
        "leads": leads,
        "attribute_changes": _move_changes(move, are_new=are_new),
        "outcomes": _move_each_once(move, OUTCOMES, ("outcome", "occurred_at", "amount"), are_new=are_new),
        "interactions": _move_each_once(move, INTERACTIONS, ("content",), are_new=are_new),
    }
    for table, places in move.left_out.items():
        counts[table][ERASED] = len(places)
    return counts


class _Move:
    """Moves the rows of one batch in one transaction."""

    def __init__(
        self, connection: sa.Connection, receipt: Receipt, batch: Batch, left_out: dict[str, list[int]]
    ) -> None:
        self.connection = connection
        self.left_out = left_out
        self._receipt = receipt
        self._batch = batch

    def count(self, table: sa.Table) -> int:
        """Number of rows that should be moved."""
        start, end = self._batch.ranges[table.name]
        return end - start - len(self.left_out[table.name])

    def which(self, table: sa.Table) -> Condition:
        """Selects the prepared rows of a table that should be moved."""
        (start, end), place = self._batch.ranges[table.name], PREPARED[table.name].c.place
        chosen = (place >= start) & (place < end)
        left_out = self.left_out[table.name]
        return chosen & place.not_in(left_out) if left_out else chosen

    def run(self, source: sa.Table, target: sa.Table, *conditions: Condition, are_new: bool = False) -> int:
        """Inserts rows whose key is not stored; returns their number.

        Looking for the key before each insert takes PostgreSQL as long as the inserts themselves: rows that
        should be new are inserted as they are, and looked for only where one of them is stored.
        """
        own = PREPARED[source.name].c
        cells = [self._cell(own, column) for column in target.c]
        rows = sa.select(*cells).where(self.which(source), *conditions).order_by(own.place)
        names = [column.name for column in target.c]
        insert = insert_into(self.connection.dialect.name, target).from_select(names, rows)
        insert = insert.execution_options(preserve_rowcount=True)
        if are_new and self.connection.dialect.name != "sqlite":
            with suppress(sa.exc.IntegrityError), self.connection.begin_nested():
                return int(self.connection.execute(insert).rowcount)
        return int(self.connection.execute(insert.on_conflict_do_nothing()).rowcount)

    def select_count(self, source: sa.Table, target: sa.Table, *conditions: Condition) -> int:
        """Counts pairs of a prepared row and a stored one."""
        counted = sa.select(sa.func.count()).select_from(
            PREPARED[source.name].join(target, sa.and_(*conditions))
        )
        return self.connection.execute(counted.where(self.which(source))).scalar_one()

    def _cell(self, own: Any, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        if column.name == "sequence":
            return sa.literal(self._receipt.sequence, sa.BigInteger)
        if column.name not in own:
            return sa.null()
        found: sa.ColumnElement[Any] = own[column.name]
        return found


def _move_leads(move: _Move) -> dict[str, int]:
    own, stored = PREPARED["leads"].c, LEADS.c
    is_stored = sa.exists().where(stored.lead_id == own.lead_id)
    move.run(LEADS, ACCOUNT_CHANGES, ~is_stored)
    total = move.count(LEADS)
    inserted = move.run(LEADS, LEADS)
    if inserted == total:
        return {STORED: inserted}
    is_same = stored.lead_id == own.lead_id
    is_other = stored.created_at != own.created_at
    others = move.select_count(LEADS, LEADS, is_same, is_other)
    has_other_account = stored.account_id.is_distinct_from(own.account_id)
    accounts = move.select_count(LEADS, LEADS, is_same, ~is_other, has_other_account)
    left = total - inserted - others - accounts
    return {STORED: inserted, DUPLICATE: left, OTHER_CREATION: others, OTHER_ACCOUNT: accounts}


def _move_changes(move: _Move, *, are_new: bool) -> dict[str, int]:
    own, stored = PREPARED["attribute_changes"].c, ATTRIBUTE_CHANGES.c
    names = ("lead_id", "attribute", "available_at")
    is_same = sa.and_(*(stored[name] == own[name] for name in names))
    total = move.count(ATTRIBUTE_CHANGES)
    # Leads that are new have no values yet.
    conditions: list[Condition] = []
    if not are_new:
        conditions = [~sa.exists().where(is_same), ~_is_unchanged()]
    inserted = move.run(ATTRIBUTE_CHANGES, ATTRIBUTE_CHANGES, *conditions)
    differs = sa.or_(*(stored[name].is_distinct_from(own[name]) for name in ("type", "value")))
    return _counted(move, ATTRIBUTE_CHANGES, total, inserted, is_same, differs, OTHER_VALUE)


def _is_unchanged() -> Condition:
    """Finds values of this export that the store has had since an earlier one: they say the same again.

    Of an id that is linked every value is kept: one of the other id may lie between the two.
    """
    prepared = PREPARED["attribute_changes"]
    own, stored = prepared.c, ATTRIBUTE_CHANGES.c
    later, links = ATTRIBUTE_CHANGES.alias(), LEAD_ALIASES.c
    is_equal = sa.and_(*(stored[name] == own[name] for name in ("lead_id", "attribute", "type", "value")))
    is_replaced = sa.exists().where(
        later.c.lead_id == own.lead_id,
        later.c.attribute == own.attribute,
        later.c.available_at > stored.available_at,
        later.c.available_at <= own.available_at,
    )
    is_replaced = is_replaced.correlate(prepared, ATTRIBUTE_CHANGES)
    has_it = sa.exists().where(is_equal, stored.available_at < own.available_at, ~is_replaced)
    is_linked = sa.exists().where((links.alias_id == own.lead_id) | (links.lead_id == own.lead_id))
    return own[OF_EXPORT] & has_it.correlate(prepared) & ~is_linked.correlate(prepared)


def _move_each_once(move: _Move, table: sa.Table, content: Sequence[str], *, are_new: bool) -> dict[str, int]:
    own, stored = PREPARED[table.name].c, table.c
    is_same = sa.and_(*(stored[key.name] == own[key.name] for key in table.primary_key))
    total = move.count(table)
    inserted = move.run(table, table, are_new=are_new)
    differs = sa.or_(*(stored[name].is_distinct_from(own[name]) for name in content))
    return _counted(move, table, total, inserted, is_same, differs, OTHER_CONTENT)


def _counted(
    move: _Move,
    table: sa.Table,
    total: int,
    inserted: int,
    is_same: Condition,
    differs: Condition,
    other: str,
) -> dict[str, int]:
    if inserted == total:
        return {STORED: inserted}
    others = move.select_count(table, table, is_same, differs)
    return {STORED: inserted, DUPLICATE: total - inserted - others, other: others}


def _has_values_of_aliases(connection: sa.Connection, batch: Batch) -> bool:
    """Tells whether values are under ids that are no leads: they may be stored, though all leads are new."""
    (start, end), own = batch.ranges["attribute_changes"], PREPARED["attribute_changes"].c
    (first, last), leads = batch.ranges["leads"], PREPARED["leads"].c
    ids = sa.select(leads.lead_id).where(leads.place >= first, leads.place < last)
    chosen = sa.select(own.place).where(own.place >= start, own.place < end, own.lead_id.not_in(ids))
    return connection.execute(chosen.limit(1)).first() is not None


def _left_out(
    connection: sa.Connection, batch: Batch, salt: bytes, target_of: Mapping[str, str]
) -> dict[str, list[int]]:
    """Finds the places of the rows of erased leads and aliases, and of erased interactions, by table."""
    left_out: dict[str, list[int]] = {name: [] for name in PREPARED}
    if not has_erasures(connection):
        return left_out
    ids = {row.lead_id for name in PREPARED for row in _prepared(connection, batch, name, "lead_id")}
    stands_for = {id_: _chain(id_, target_of) for id_ in ids}
    erased_ids = erased_leads(connection, salt, {*ids}.union(*stands_for.values()))
    gone = {id_ for id_, chain in stands_for.items() if not erased_ids.isdisjoint(chain)}
    for name, places in left_out.items():
        rows = _prepared(connection, batch, name, "lead_id")
        places.extend(row.place for row in rows if row.lead_id in gone)
    hashes = {
        row.place: erased_hash(salt, row.source, row.interaction_id)
        for row in _prepared(connection, batch, "interactions", "source", "interaction_id")
    }
    erased = erased_among(connection, hashes.values())
    places = left_out["interactions"]
    places.extend({place for place, hashed in hashes.items() if hashed in erased} - {*places})
    return left_out


def _chain(id_: str, target_of: Mapping[str, str]) -> list[str]:
    """Follows the links of an id to their end.

    >>> _chain("v", {"v": "w", "w": "a"})
    ['v', 'w', 'a']
    """
    chain = [id_]
    while (target := target_of.get(chain[-1])) is not None and target not in chain:
        chain.append(target)
    return chain


def _prepared(connection: sa.Connection, batch: Batch, table: str, *names: str) -> Sequence[Any]:
    (start, end), own = batch.ranges[table], PREPARED[table].c
    chosen = sa.select(own.place, *(own[name] for name in names))
    return connection.execute(chosen.where(own.place >= start, own.place < end)).all()
