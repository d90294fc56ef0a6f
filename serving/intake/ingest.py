"""Stores interactions and outcomes exactly once, with a verdict per item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from features.sources.service_tables import INTERACTIONS, OUTCOMES
from serving.database.engine import insert_into
from serving.database.schema import QUARANTINE
from serving.database.statements import CompiledLookUp, insert_rows
from serving.database.writer import Receipt
from serving.intake.erasures import erased_among
from serving.intake.items import (
    ERASED_LEAD,
    Item,
    Key,
    Verdict,
    canonical,
    content_of_outcome,
    erased_hash,
    fingerprint,
    take_interaction,
    take_outcome,
)
from serving.intake.linked_ids import leads_of_ids

OTHER_CONTENT: Final = "The same id came before with another content; both are kept, the first one counts."

_CONTENTS: Final = CompiledLookUp(
    sa.select(INTERACTIONS.c.interaction_id, INTERACTIONS.c.content).where(
        INTERACTIONS.c.source == sa.bindparam("source")
    ),
    INTERACTIONS.c.interaction_id,
)
_OUTCOME_COLUMNS: Final = (
    *("available_at", "source", "lead_id", "outcome", "occurred_at", "amount", "outcome_id"),
)
_OUTCOMES: Final = CompiledLookUp(
    sa.select(*(OUTCOMES.c[name] for name in _OUTCOME_COLUMNS)), OUTCOMES.c.lead_id
)


def add_interactions(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    source: str,
    items: Sequence[object],
    shifts_us: Sequence[int] | None = None,
    backfill: bool = False,
) -> list[Verdict]:
    """Stores interactions; each is known from its receipt on.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        source: the system they come from.
        items: as they were sent.
        shifts_us: by how much the clock of the sender of each was behind; absent: not at all.
        backfill: whether each is known from its own `available_at` on instead.

    Returns:
        A verdict per item, in their order.
    """
    taken = [
        take_interaction(item, source=source, received_at=receipt.at, shift_us=shift_us, backfill=backfill)
        for item, shift_us in zip(items, shifts_us or repeat(0, len(items)), strict=True)
    ]
    return _add(
        connection, receipt, INTERACTIONS, taken, _stored_interactions, salt=salt, source=source, items=items
    )


def add_outcomes(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    salt: bytes,
    source: str,
    items: Sequence[object],
    backfill: bool = False,
) -> list[Verdict]:
    """Stores all distinct outcomes and corrections; each is known from its receipt on.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        source: the system they come from.
        items: as they were sent.
        backfill: whether each is known from its own `available_at` on instead.

    Returns:
        A verdict per item, in their order.
    """
    taken = [take_outcome(item, source=source, received_at=receipt.at, backfill=backfill) for item in items]
    return _add(connection, receipt, OUTCOMES, taken, _stored_outcomes, salt=salt, source=source, items=items)


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is stored of the items of a body, and what is to be written with them.

    Attributes:
        contents: by key.
        versions: of outcomes that have an id: contents by the moment from which each is known, by key.
    """

    contents: dict[Key, bytes]
    versions: defaultdict[Key, dict[int, bytes]] = field(default_factory=lambda: defaultdict(dict))


def _stored_interactions(connection: sa.Connection, items: Sequence[Item]) -> _Stored:
    source, ids = items[0].key[0], [item.key[1] for item in items]
    found = contents_of_source(connection, source, ids)
    return _Stored({(source, id_): content for id_, content in found.items()})


def contents_of_source(connection: sa.Connection, source: str, ids: Sequence[str]) -> dict[str, bytes]:
    """Reads the hashes of the contents of the stored ones among some interactions of a source, by id."""
    found = _CONTENTS.rows(connection, ids, {"source": source})
    return {id_: bytes(content) for id_, content in found}


def _stored_outcomes(connection: sa.Connection, items: Sequence[Item]) -> _Stored:
    stored = _Stored({})
    rows = _OUTCOMES.rows(connection, list({item.row["lead_id"] for item in items}))
    # Of one moment the outcome that occurred last counts, as it does wherever outcomes are read.
    for known_at, source, lead_id, outcome, occurred_at, amount, outcome_id in sorted(
        rows, key=itemgetter(0, 4)
    ):
        content = content_of_outcome(outcome, occurred_at, amount)
        if outcome_id is None:
            stored.contents[source, lead_id, outcome, str(occurred_at)] = content
        else:
            stored.versions[source, lead_id, outcome_id][known_at] = content
    return stored


def _add(
    connection: sa.Connection,
    receipt: Receipt,
    table: sa.Table,
    taken: Sequence[Item | Verdict],
    read_stored: Callable[[sa.Connection, Sequence[Item]], _Stored],
    *,
    salt: bytes,
    source: str,
    items: Sequence[object],
) -> list[Verdict]:
    valid = [item for item in taken if isinstance(item, Item)]
    if not valid:
        return [item for item in taken if isinstance(item, Verdict)]
    erased = erased_among(connection, (hashed for item in valid for hashed in _hashes(item, salt)))
    stored = read_stored(connection, valid)
    new: list[dict[str, Any]] = []
    quarantined: list[dict[str, Any]] = []
    verdicts = []
    for item, sent in zip(taken, items, strict=True):
        judged = item if isinstance(item, Verdict) else _judge(item, stored, erased, salt)
        if isinstance(judged, Item):
            new.append({**judged.row, "sequence": receipt.sequence})
        elif isinstance(item, Item) and judged.status == "quarantined":
            quarantined.append(quarantine_row(table.name, source, item, sent, received_at=receipt.at))
        verdicts.append(Verdict("stored") if isinstance(judged, Item) else judged)
    insert_rows(connection, table, new)
    if quarantined:
        connection.execute(insert_new(connection, QUARANTINE), quarantined)
    return _with_survivors(connection, taken, verdicts)


def _with_survivors(
    connection: sa.Connection, taken: Sequence[Item | Verdict], verdicts: Sequence[Verdict]
) -> list[Verdict]:
    """Names the leads that the aliases among the leads of the items stand for."""
    leads = [item.row["lead_id"] if isinstance(item, Item) else None for item in taken]
    survivors = leads_of_ids(connection, (lead_id for lead_id in leads if lead_id is not None))
    if not survivors:
        return list(verdicts)
    return [
        replace(verdict, lead_id=survivors.get(lead_id or ""))
        for lead_id, verdict in zip(leads, verdicts, strict=True)
    ]


def _judge(item: Item, stored: _Stored, erased: set[bytes], salt: bytes) -> Item | Verdict:
    """Decides about an item; one that is to be stored is added to the stored ones."""
    if erased and not erased.isdisjoint(_hashes(item, salt)):
        return Verdict("refused", faults=(ERASED_LEAD,))
    if item.has_versions:
        return _new_version(item, stored.versions[item.key])
    if item.key not in stored.contents:
        stored.contents[item.key] = item.content
        return item
    if stored.contents[item.key] == item.content:
        return Verdict("duplicate")
    return Verdict("quarantined", OTHER_CONTENT)


def _new_version(item: Item, versions: dict[int, bytes]) -> Item | Verdict:
    """Gives a version of an outcome a moment and a key of its own; all are stored: the past stays known.

    It is known at least a microsecond after the one that it corrects, whatever became of the clock: two come
    in one body or transaction, and a clock stands still or is set back. A backfilled one corrects what is
    known at its own moment.
    """
    known_at = item.row["available_at"]
    if item.is_backfilled:
        while versions.get(known_at, item.content) != item.content:
            known_at += 1
        is_known = known_at in versions
    else:
        latest = max(versions, default=None)
        is_known = latest is not None and versions[latest] == item.content
        known_at = known_at if latest is None else max(known_at, latest + 1)
    if is_known:
        return Verdict("duplicate")
    versions[known_at] = item.content
    return replace(
        item, row={**item.row, "available_at": known_at, "key": fingerprint(*item.key, str(known_at))}
    )


def quarantine_row(table: str, source: str, item: Item, sent: object, *, received_at: int) -> dict[str, Any]:
    """Makes the row of quarantine of an item whose id came before with another content."""
    return {
        # The same content again is quarantined once.
        "key": fingerprint(table, *item.key, item.content.hex()),
        "source": source,
        "lead_id": item.row["lead_id"],
        "item": table,
        "reason": OTHER_CONTENT,
        "body": canonical({"sent": sent}),
        "received_at": received_at,
    }


def _hashes(item: Item, salt: bytes) -> tuple[bytes, bytes]:
    return erased_hash(salt, "lead", item.row["lead_id"]), erased_hash(salt, *item.key)


def insert_new(connection: sa.Connection, table: sa.Table) -> Any:
    """Makes a statement that inserts rows and skips those whose key exists."""
    return insert_into(connection.dialect.name, table).on_conflict_do_nothing()
