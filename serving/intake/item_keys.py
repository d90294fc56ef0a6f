"""Fingerprints of what is sent: whether it is the same again, and what remains of it after an erasure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

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
