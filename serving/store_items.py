"""Writes interactions and outcomes exactly once, and tells of each item what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.stored import INTERACTIONS, OUTCOMES
from features.times import US_PER_SECOND
from serving.errors import Fault
from serving.intake_schemas import read_interaction, read_outcome
from serving.item_keys import canonical, erased_hash, fingerprint
from serving.store_schema import ERASED, QUARANTINE

# How far the clock of a source may be ahead of ours.
AHEAD_US: Final = 300 * US_PER_SECOND
# Parameters of one statement; SQLite and PostgreSQL take 32,000 and more.
_MOST_PARAMETERS: Final = 2000

ItemStatus = Literal["stored", "duplicate", "quarantined", "refused"]
Key = tuple[str, ...]

_OTHER_CONTENT: Final = "The same id came before with another content; both are kept, the first one counts."
_ERASED: Final = Fault("", "erased", "The lead was erased, and what is sent of it is not kept again.")
_AHEAD: Final = Fault("/occurred_at", "not_ahead", "It lies more than 5 minutes after it was received.")
_NESTED: Final = Fault("", "nesting", "Objects and lists are not nested this deeply.")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one item.

    Attributes:
        status: every item has exactly one.
        reason: why it is quarantined; empty otherwise.
        faults: why it is refused; empty otherwise.
    """

    status: ItemStatus
    reason: str = ""
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Item:
    """An item that is sound.

    Attributes:
        key: what must be unique for ever.
        content: fingerprint of the rest, when it was received aside.
        row: as it is stored.
    """

    key: Key
    content: bytes
    row: dict[str, Any]


_Take = Callable[[str, Mapping[str, Any], int], _Item]


def add_interactions(
    connection: sa.Connection, received_at: int, *, salt: bytes, source: str, items: Sequence[object]
) -> list[Verdict]:
    """Stores interactions, each known from its receipt.

    Args:
        connection: in a transaction that writes.
        received_at: microseconds UTC.
        salt: of the hashes of erased ids.
        source: the system they come from.
        items: as they were sent.

    Returns:
        A verdict for each, in their order.
    """
    taken = [_take(read_interaction(item), _interaction, source, received_at) for item in items]
    return _add(connection, INTERACTIONS, taken, _stored_interactions, salt=salt, source=source, items=items)


def add_outcomes(
    connection: sa.Connection, received_at: int, *, salt: bytes, source: str, items: Sequence[object]
) -> list[Verdict]:
    """Stores outcomes, each known from its receipt; every distinct one is kept, the first known one counts.

    Args:
        connection: in a transaction that writes.
        received_at: microseconds UTC.
        salt: of the hashes of erased ids.
        source: the system they come from.
        items: as they were sent.

    Returns:
        A verdict for each, in their order.
    """
    taken = [_take(read_outcome(item), _outcome, source, received_at) for item in items]
    return _add(connection, OUTCOMES, taken, _stored_outcomes, salt=salt, source=source, items=items)


def _take(
    read: Mapping[str, Any] | list[Fault], make: _Take, source: str, received_at: int
) -> _Item | Verdict:
    if isinstance(read, list):
        return Verdict("refused", faults=tuple(read))
    if read["occurred_at"] > received_at + AHEAD_US:
        return Verdict("refused", faults=(_AHEAD,))
    try:
        return make(source, read, received_at)
    except RecursionError:
        return Verdict("refused", faults=(_NESTED,))


_COLUMNS: Final = ("lead_id", "kind", "occurred_at", "direction", "channel", "campaign", "value")


def _interaction(source: str, sent: Mapping[str, Any], received_at: int) -> _Item:
    # An empty text is missing, everywhere.
    columns = {name: sent.get(name) or None for name in _COLUMNS} | {"value": sent.get("value")}
    own = {*_COLUMNS, "interaction_id", "available_at"}
    rest = {name: cell for name, cell in sent.items() if name not in own and cell is not None}
    further = canonical(rest) if rest else None
    content = fingerprint(canonical({**columns, "further": further}))
    key = (source, sent["interaction_id"])
    row = {
        **columns,
        "source": source,
        "interaction_id": key[1],
        "available_at": received_at,
        "further": further,
        "content": content,
    }
    return _Item(key, content, row)


def _outcome(source: str, sent: Mapping[str, Any], received_at: int) -> _Item:
    lead_id, outcome, occurred_at = sent["lead_id"], sent["outcome"], sent["occurred_at"]
    key, amount = (source, lead_id, outcome, str(occurred_at)), sent.get("amount")
    row = {
        "key": fingerprint(*key),
        "source": source,
        "lead_id": lead_id,
        "outcome": outcome,
        "occurred_at": occurred_at,
        "available_at": received_at,
        "amount": amount,
    }
    return _Item(key, _amount_content(amount), row)


def _amount_content(amount: float | None) -> bytes:
    return fingerprint(canonical({"amount": amount}))


def _stored_interactions(connection: sa.Connection, items: Sequence[_Item]) -> dict[Key, bytes]:
    stored = INTERACTIONS.c
    found = sa.select(stored.source, stored.interaction_id, stored.content)
    where = (stored.source == items[0].key[0]) & stored.interaction_id.in_([one.key[1] for one in items])
    return {(source, id_): bytes(content) for source, id_, content in connection.execute(found.where(where))}


def _stored_outcomes(connection: sa.Connection, items: Sequence[_Item]) -> dict[Key, bytes]:
    keys = {one.row["key"]: one.key for one in items}
    found = sa.select(OUTCOMES.c.key, OUTCOMES.c.amount).where(OUTCOMES.c.key.in_(list(keys)))
    return {keys[bytes(key)]: _amount_content(amount) for key, amount in connection.execute(found)}


def _add(
    connection: sa.Connection,
    table: sa.Table,
    taken: Sequence[_Item | Verdict],
    stored: Callable[[sa.Connection, Sequence[_Item]], dict[Key, bytes]],
    *,
    salt: bytes,
    source: str,
    items: Sequence[object],
) -> list[Verdict]:
    sound = [one for one in taken if isinstance(one, _Item)]
    if not sound:
        return [one for one in taken if isinstance(one, Verdict)]
    erased = _erased_among(connection, sound, salt)
    known = stored(connection, sound)
    new: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    verdicts = []
    for one, sent in zip(taken, items, strict=True):
        verdict = one if isinstance(one, Verdict) else _judge(one, known, erased, salt)
        if isinstance(one, _Item) and verdict.status == "stored":
            new.append(one.row)
        elif isinstance(one, _Item) and verdict.status == "quarantined":
            held.append(_quarantined(table.name, source, one, sent))
        verdicts.append(verdict)
    if new:
        connection.execute(sa.insert(table), new)
    if held:
        connection.execute(insert_new(connection, QUARANTINE), held)
    return verdicts


def _judge(item: _Item, known: dict[Key, bytes], erased: set[bytes], salt: bytes) -> Verdict:
    """Tells what becomes of an item, and counts it as known from here on."""
    if erased and not erased.isdisjoint(_hashes(item, salt)):
        return Verdict("refused", faults=(_ERASED,))
    if item.key not in known:
        known[item.key] = item.content
        return Verdict("stored")
    is_same = known[item.key] == item.content
    return Verdict("duplicate") if is_same else Verdict("quarantined", _OTHER_CONTENT)


def _quarantined(table: str, source: str, item: _Item, sent: object) -> dict[str, Any]:
    return {
        # The same again is held once.
        "key": fingerprint(table, *item.key, item.content.hex()),
        "source": source,
        "lead_id": item.row["lead_id"],
        "item": table,
        "reason": _OTHER_CONTENT,
        "body": canonical({"sent": sent}),
        "received_at": item.row["available_at"],
    }


def _hashes(item: _Item, salt: bytes) -> tuple[bytes, bytes]:
    return erased_hash(salt, "lead", item.row["lead_id"]), erased_hash(salt, *item.key)


def _erased_among(connection: sa.Connection, items: Sequence[_Item], salt: bytes) -> set[bytes]:
    """Finds the hashes that were erased; hardly ever has anything been."""
    if connection.execute(sa.select(ERASED.c.hash).limit(1)).first() is None:
        return set()
    hashes = list({one for item in items for one in _hashes(item, salt)})
    found: set[bytes] = set()
    for start in range(0, len(hashes), _MOST_PARAMETERS):
        part = hashes[start : start + _MOST_PARAMETERS]
        found.update(map(bytes, connection.scalars(sa.select(ERASED.c.hash).where(ERASED.c.hash.in_(part)))))
    return found


def insert_new(connection: sa.Connection, table: sa.Table) -> Any:
    """Makes a statement that inserts rows and leaves out those whose key is there."""
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    return dialect.insert(table).on_conflict_do_nothing()
