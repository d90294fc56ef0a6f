"""Checks interactions and outcomes one by one, and writes them as rows with what must be unique of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from features.times import US_PER_SECOND
from serving.bodies.intake_bodies import read_interaction, read_outcome
from serving.errors import Fault

# How far the clock of a source may be ahead of ours.
AHEAD_US: Final = 300 * US_PER_SECOND

ItemStatus = Literal["stored", "duplicate", "quarantined", "refused"]
Key = tuple[str, ...]

_AHEAD: Final = Fault("/occurred_at", "not_ahead", "It lies more than 5 minutes after it was received.")
_NESTED: Final = Fault("", "nesting", "Objects and lists are not nested this deeply.")
_COLUMNS: Final = ("lead_id", "kind", "occurred_at", "direction", "channel", "campaign", "value")
_NOT_FURTHER: Final = frozenset({*_COLUMNS, "interaction_id", "available_at"})


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
class Item:
    """An item that is sound.

    Attributes:
        key: what must be unique for ever.
        content: fingerprint of the rest, when it was received aside.
        row: as it is stored.
    """

    key: Key
    content: bytes
    row: dict[str, Any]


def take_interaction(sent: object, *, source: str, received_at: int) -> Item | Verdict:
    """Takes one interaction as it was sent; gives its row, or why it is refused."""
    return _take(read_interaction(sent), _interaction, source, received_at)


def take_outcome(sent: object, *, source: str, received_at: int) -> Item | Verdict:
    """Takes one outcome as it was sent; gives its row, or why it is refused."""
    return _take(read_outcome(sent), _outcome, source, received_at)


def content_of_amount(amount: float | None) -> bytes:
    """Takes the fingerprint of what an outcome says beside its key."""
    return fingerprint(canonical({"amount": amount}))


_Take = Callable[[str, Mapping[str, Any], int], Item]


def _take(
    read: Mapping[str, Any] | list[Fault], make: _Take, source: str, received_at: int
) -> Item | Verdict:
    if isinstance(read, list):
        return Verdict("refused", faults=tuple(read))
    if read["occurred_at"] > received_at + AHEAD_US:
        return Verdict("refused", faults=(_AHEAD,))
    try:
        return make(source, read, received_at)
    except RecursionError:
        return Verdict("refused", faults=(_NESTED,))


def _interaction(source: str, sent: Mapping[str, Any], received_at: int) -> Item:
    # An empty text is missing, everywhere.
    columns = {name: sent.get(name) or None for name in _COLUMNS} | {"value": sent.get("value")}
    rest = {name: cell for name, cell in sent.items() if name not in _NOT_FURTHER and cell is not None}
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
    return Item(key, content, row)


def _outcome(source: str, sent: Mapping[str, Any], received_at: int) -> Item:
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
    return Item(key, content_of_amount(amount), row)


_BYTES: Final = 16
# json.dumps makes a writer at every call that is told how to write.
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical(content: Mapping[str, Any]) -> str:
    """Writes content as text, the same for the same content in any order.

    >>> canonical({"b": 1, "a": None})
    '{"a":null,"b":1}'
    """
    return _CANONICAL.encode(content)


def fingerprint(*parts: str) -> bytes:
    """Takes the BLAKE2b hash of texts, each apart from the next."""
    return _hash(parts, b"")


def erased_hash(salt: bytes, *parts: str) -> bytes:
    """Takes the hash that remains of an erased id; without the salt nobody can tell whose it is."""
    return _hash(parts, salt)


def hash_of_score(salt: bytes, score_id: str) -> bytes:
    """Takes the hash that remains of the score of an erased lead; no source has an empty name."""
    return erased_hash(salt, "", score_id)


def _hash(parts: tuple[str, ...], salt: bytes) -> bytes:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=_BYTES, key=salt).digest()
