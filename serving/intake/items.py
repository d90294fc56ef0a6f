"""Turns interactions and outcomes into rows with a unique key and a hash of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from serving.bodies.intake_items import read_interaction, read_outcome
from serving.clock import AHEAD_US
from serving.errors import Fault

ItemStatus = Literal["stored", "duplicate", "quarantined", "refused"]
Key = tuple[str, ...]

ERASED_LEAD: Final = Fault("", "erased", "The lead was erased, and data about it is not stored again.")

_AHEAD: Final = Fault("/occurred_at", "not_ahead", "It lies more than 5 minutes after it was received.")
KNOWN_AHEAD: Final = Fault("/available_at", "not_ahead", "It lies more than 5 minutes after it was received.")
# Characters of the further columns of an interaction, as JSON.
MOST_FURTHER: Final = 32_768
_TOO_LONG: Final = Fault(
    "", "further_length", f"Its further columns take at most {MOST_FURTHER} characters as JSON."
)
_NESTED: Final = Fault("", "nesting", "Objects and lists are not nested this deeply.")
_COLUMNS: Final = ("lead_id", "kind", "occurred_at", "direction", "channel", "campaign", "value")
# Hashed with the further columns, as before it was a column of its own.
AUTOMATED: Final = "is_automated"
_NOT_FURTHER: Final = frozenset({*_COLUMNS, "interaction_id", "available_at"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one item.

    Attributes:
        status: stored, duplicate, quarantined or refused.
        reason: why the item is quarantined, or what of it has no effect; empty otherwise.
        faults: why the item is refused, or parts of it are left out; empty otherwise.
        lead_id: the lead that an alias in the item stands for; None where it names a lead itself.
    """

    status: ItemStatus
    reason: str = ""
    faults: tuple[Fault, ...] = ()
    lead_id: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A valid item.

    Attributes:
        key: unique for ever.
        content: hash of everything else that was sent.
        row: as it is stored.
        has_versions: whether other content of the same key is another version of it, or is quarantined.
        is_backfilled: whether such a version stands at the moment it names, or after the latest one.
    """

    key: Key
    content: bytes
    row: dict[str, Any]
    has_versions: bool = False
    is_backfilled: bool = False


def take_interaction(
    sent: object, *, source: str, received_at: int, shift_us: int = 0, backfill: bool = False
) -> Item | Verdict:
    """Turns an interaction as it was sent into an item, or says why it is refused.

    Args:
        sent: the interaction.
        source: the system it comes from.
        received_at: microseconds UTC.
        shift_us: how far the clock of the sender was behind; no part of the content, because it changes when
            the same comes again.
        backfill: whether it is known from its own `available_at` on, by default `occurred_at`, instead of
            its receipt.
    """
    return _take(read_interaction(sent), _interaction, source, received_at, shift_us, backfill)


def take_outcome(sent: object, *, source: str, received_at: int, backfill: bool = False) -> Item | Verdict:
    """Turns an outcome as it was sent into an item, or says why it is refused; see `take_interaction`."""
    make = _past_outcome if backfill else _outcome
    return _take(read_outcome(sent), make, source, received_at, 0, backfill)


def content_of_outcome(outcome: str, occurred_at: int, amount: float | None) -> bytes:
    """Hashes the outcome without its id."""
    return fingerprint(canonical({"outcome": outcome, "occurred_at": occurred_at, "amount": amount}))


_Take = Callable[[str, Mapping[str, Any], int], Item]


def _take(
    read: Mapping[str, Any] | list[Fault],
    make: _Take,
    source: str,
    received_at: int,
    shift_us: int,
    backfill: bool,
) -> Item | Verdict:
    if isinstance(read, list):
        return Verdict("refused", faults=tuple(read))
    occurred_at = read["occurred_at"] + shift_us
    if occurred_at > received_at + AHEAD_US:
        return Verdict("refused", faults=(_AHEAD,))
    known_at = received_at
    if backfill:
        said = read.get("available_at")
        known_at = occurred_at if said is None else max(said, occurred_at)
    if known_at > received_at + AHEAD_US:
        return Verdict("refused", faults=(KNOWN_AHEAD,))
    try:
        item = make(source, read, known_at)
    except RecursionError:
        return Verdict("refused", faults=(_NESTED,))
    if len(item.row.get("further") or "") > MOST_FURTHER:
        return Verdict("refused", faults=(_TOO_LONG,))
    return replace(item, row={**item.row, "occurred_at": occurred_at}) if shift_us else item


def _interaction(source: str, sent: Mapping[str, Any], received_at: int) -> Item:
    # An empty text is a missing value; the moment 0 is one.
    columns = {name: None if sent.get(name) == "" else sent.get(name) for name in _COLUMNS}
    rest = {name: cell for name, cell in sent.items() if name not in _NOT_FURTHER and cell is not None}
    content = fingerprint(canonical({**columns, "further": canonical(rest) if rest else None}))
    automated = rest.pop(AUTOMATED, None)
    key = (source, sent["interaction_id"])
    row = {
        **columns,
        "source": source,
        "interaction_id": key[1],
        "available_at": received_at,
        "further": canonical(rest) if rest else None,
        AUTOMATED: automated,
        "content": content,
    }
    return Item(key, content, row)


def _outcome(source: str, sent: Mapping[str, Any], received_at: int) -> Item:
    lead_id, outcome, occurred_at = sent["lead_id"], sent["outcome"], sent["occurred_at"]
    amount, outcome_id = sent.get("amount"), sent.get("outcome_id")
    content = content_of_outcome(outcome, occurred_at, amount)
    key: Key = (source, lead_id, *([outcome_id] if outcome_id is not None else [outcome, str(occurred_at)]))
    row = {
        "key": fingerprint(*key),
        "source": source,
        "lead_id": lead_id,
        "outcome": outcome,
        "occurred_at": occurred_at,
        "available_at": received_at,
        "amount": amount,
        "outcome_id": outcome_id,
    }
    return Item(key, content, row, has_versions=outcome_id is not None)


def _past_outcome(source: str, sent: Mapping[str, Any], known_at: int) -> Item:
    return replace(_outcome(source, sent, known_at), is_backfilled=True)


HASH_BYTES: Final = 16
# json.dumps with options makes a new encoder at every call.
_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def canonical(content: Mapping[str, Any]) -> str:
    """Writes content as JSON with sorted keys, so that equal content gives equal text.

    >>> canonical({"b": 1, "a": None})
    '{"a":null,"b":1}'
    """
    return _CANONICAL.encode(content)


def fingerprint(*parts: str) -> bytes:
    """Hashes texts with BLAKE2b; where one ends and the next begins counts."""
    return _hash(parts, b"")


def erased_hash(salt: bytes, *parts: str) -> bytes:
    """Hashes an erased id; without the salt the hash cannot be traced to the id."""
    return _hash(parts, salt)


def hash_of_score(salt: bytes, score_id: str) -> bytes:
    """Hashes the id of an erased lead's score; no source has an empty name, so no other id has this hash."""
    return erased_hash(salt, "", score_id)


def _hash(parts: tuple[str, ...], salt: bytes) -> bytes:
    return hashlib.blake2b(json.dumps(parts).encode(), digest_size=HASH_BYTES, key=salt).digest()
