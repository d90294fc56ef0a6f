"""Stores interactions and outcomes exactly once, with a verdict per item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache, partial
from itertools import repeat
from operator import itemgetter
from typing import Any, Final, get_args

import sqlalchemy as sa

from features.sources.service_tables import INTERACTIONS, OUTCOMES
from serving.database.engine import insert_into
from serving.database.schema import ERASED, INGESTION, QUARANTINE
from serving.database.statements import CompiledLookUp, CompiledStatement, insert_rows
from serving.database.writer import Receipt
from serving.intake.items import (
    ERASED_LEAD,
    Item,
    ItemStatus,
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

RECEIVED: Final = "received"
STATUSES: Final[tuple[ItemStatus, ...]] = get_args(ItemStatus)
ITEMS: Final = ("interactions", "outcomes", "aliases")
_ITEMS_AT_ONCE: Final = 100
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
_ANY_ERASED: Final = CompiledStatement(sa.select(ERASED.c.hash).limit(1))
_ERASED_HASHES: Final = CompiledLookUp(sa.select(ERASED.c.hash), ERASED.c.hash)


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


def _stored_interactions(connection: sa.Connection, items: Sequence[Item]) -> dict[Key, bytes]:
    source, ids = items[0].key[0], [item.key[1] for item in items]
    return {(source, id_): content for id_, content in contents_of_source(connection, source, ids).items()}


def contents_of_source(connection: sa.Connection, source: str, ids: Sequence[str]) -> dict[str, bytes]:
    """Reads the hashes of the contents of the stored ones among some interactions of a source, by id."""
    found = _CONTENTS.rows(connection, ids, {"source": source})
    return {id_: bytes(content) for id_, content in found}


def _stored_outcomes(connection: sa.Connection, items: Sequence[Item]) -> dict[Key, bytes]:
    stored: dict[Key, bytes] = {}
    rows = _OUTCOMES.rows(connection, list({item.row["lead_id"] for item in items}))
    # Of the rows with one id the last known counts.
    for known_at, source, lead_id, outcome, occurred_at, amount, outcome_id in sorted(
        rows, key=itemgetter(0)
    ):
        key: Key = (source, lead_id, outcome, str(occurred_at))
        content = content_of_outcome(outcome, occurred_at, amount)
        stored[key if outcome_id is None else (source, lead_id, outcome_id)] = content
        if outcome_id is not None:
            # As a backfill sends it.
            stored[source, lead_id, outcome_id, str(known_at)] = content
    return stored


def _add(
    connection: sa.Connection,
    receipt: Receipt,
    table: sa.Table,
    taken: Sequence[Item | Verdict],
    stored: Callable[[sa.Connection, Sequence[Item]], dict[Key, bytes]],
    *,
    salt: bytes,
    source: str,
    items: Sequence[object],
) -> list[Verdict]:
    valid = [item for item in taken if isinstance(item, Item)]
    if not valid:
        return [item for item in taken if isinstance(item, Verdict)]
    erased = erased_among(connection, (hashed for item in valid for hashed in _hashes(item, salt)))
    known = stored(connection, valid)
    new: list[dict[str, Any]] = []
    quarantined: list[dict[str, Any]] = []
    stored_now: Counter[Key] = Counter()
    verdicts = []
    for item, sent in zip(taken, items, strict=True):
        verdict = item if isinstance(item, Verdict) else _judge(item, known, erased, salt)
        if isinstance(item, Item) and verdict.status == "stored":
            new.append({**item.row, **_correction_columns(item, stored_now), "sequence": receipt.sequence})
        elif isinstance(item, Item) and verdict.status == "quarantined":
            quarantined.append(quarantine_row(table.name, source, item, sent, received_at=receipt.at))
        verdicts.append(verdict)
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


def _judge(item: Item, known: dict[Key, bytes], erased: set[bytes], salt: bytes) -> Verdict:
    """Decides about an item, and adds it to the known ones where it is new."""
    if erased and not erased.isdisjoint(_hashes(item, salt)):
        return Verdict("refused", faults=(ERASED_LEAD,))
    if item.key not in known:
        known[item.key] = item.content
        return Verdict("stored")
    if known[item.key] == item.content:
        return Verdict("duplicate")
    if not item.corrects:
        return Verdict("quarantined", OTHER_CONTENT)
    known[item.key] = item.content
    return Verdict("stored")


def _correction_columns(item: Item, stored_now: Counter[Key]) -> dict[str, Any]:
    """Gives a correction a key of its own: all are stored, so that the state at every moment stays known.

    A correction in the same body as the outcome that it corrects is known a microsecond later.
    """
    if not item.corrects:
        return {}
    known_at = item.row["available_at"] + stored_now[item.key]
    stored_now[item.key] += 1
    return {"available_at": known_at, "key": fingerprint(*item.key, str(known_at))}


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


def erased_among(connection: sa.Connection, hashes: Iterable[bytes]) -> set[bytes]:
    """Finds the hashes of erased ids among some."""
    # Most databases never erased anything.
    if not has_erasures(connection):
        return set()
    return {bytes(found) for (found,) in _ERASED_HASHES.rows(connection, list({*hashes}))}


def has_erasures(connection: sa.Connection) -> bool:
    """Whether anything was ever erased."""
    return bool(_ANY_ERASED.rows(connection))


def erased_leads(connection: sa.Connection, salt: bytes, lead_ids: Iterable[str]) -> set[str]:
    """Finds the leads among some that were erased."""
    leads = {*lead_ids}
    # Where nothing was ever erased, nothing is hashed.
    erased = erased_among(connection, (erased_hash(salt, "lead", lead_id) for lead_id in leads))
    return {lead_id for lead_id in leads if erased and erased_hash(salt, "lead", lead_id) in erased}


def is_erased(connection: sa.Connection, hashed: bytes) -> bool:
    """Whether the id with this hash was erased."""
    return connection.execute(sa.select(ERASED.c.hash).where(ERASED.c.hash == hashed)).first() is not None


def insert_new(connection: sa.Connection, table: sa.Table) -> Any:
    """Makes a statement that inserts rows and skips those whose key exists."""
    return insert_into(connection.dialect.name, table).on_conflict_do_nothing()


_Write = Callable[[sa.Connection, Receipt], list[Verdict]]


def counted(item: str, write: _Write, items: Sequence[object]) -> _Write:
    """Makes a job that writes items and adds their verdicts to the counts, both or neither."""

    def run(connection: sa.Connection, receipt: Receipt) -> list[Verdict]:
        verdicts = write(connection, receipt)
        counts = sorted(count_verdicts(verdicts, items).items())
        for status, count in counts:
            if count:
                adding = _adding(connection.dialect.name)
                adding.run(connection, {"item": item, "status": status, "count": count})
        return verdicts

    return run


def parts_of(items: Sequence[object]) -> Iterator[Sequence[object]]:
    """Divides items into parts that are each written in some milliseconds; no items are one empty part."""
    for start in range(0, max(len(items), 1), _ITEMS_AT_ONCE):
        yield items[start : start + _ITEMS_AT_ONCE]


def counted_parts(item: str, write: Callable[..., list[Verdict]], items: Sequence[object]) -> list[_Write]:
    """Makes the jobs of `counted` for parts of the items; `write` takes those of a part as `items`."""
    return [counted(item, partial(write, items=part), part) for part in parts_of(items)]


def count_verdicts(verdicts: Sequence[Verdict], items: Sequence[object]) -> dict[str, int]:
    """Counts the received items and those of each status, zeros included."""
    counts = Counter(verdict.status for verdict in verdicts)
    # Received items are counted by themselves, so that a missing verdict would show.
    return {RECEIVED: len(items), **{status: counts[status] for status in STATUSES}}


def read_ingestion(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Reads, for interactions, outcomes and aliases, the counts of received items and of each status."""
    counts = {item: dict.fromkeys((RECEIVED, *STATUSES), 0) for item in ITEMS}
    for item, status, count in connection.execute(sa.select(*INGESTION.c)):
        counts[item][status] = count
    return counts


def count_quarantined(connection: sa.Connection) -> dict[str, int]:
    """Counts the items in quarantine by reason."""
    reasons = sa.select(QUARANTINE.c.reason, sa.func.count()).group_by(QUARANTINE.c.reason)
    return {row[0]: row[1] for row in connection.execute(reasons.order_by(QUARANTINE.c.reason))}


@cache
def _adding(dialect: str) -> CompiledStatement:
    statement = insert_into(dialect, INGESTION)
    summed = {"count": INGESTION.c.count + statement.excluded.count}
    return CompiledStatement(
        statement.on_conflict_do_update(index_elements=list(INGESTION.primary_key), set_=summed)
    )
