"""Keeps API keys in the database of the service; those that were revoked stay, to be told of."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from features.errors import LeadOddsError
from serving.database.schema import API_KEYS
from serving.database.writer import Receipt
from serving.keys.keys import SCOPES, ApiKey, Scope


class KeyNameError(LeadOddsError):
    """A name that a key cannot have."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(f"The key {name!r} {fault}.")


class UnknownScopeError(LeadOddsError):
    """A scope that there is not."""

    def __init__(self, found: Collection[str]) -> None:
        told = ", ".join(sorted(found)) or "nothing"
        super().__init__(f"The scopes of a key are some of {', '.join(SCOPES)}; {told} was given.")


def read_scopes(text: str) -> frozenset[Scope]:
    """Reads scopes as a person writes them, parted by commas.

    Raises:
        UnknownScopeError: one of them is none, or there is none.

    >>> sorted(read_scopes("write, score"))
    ['score', 'write']
    """
    named = {part.strip() for part in text.split(",") if part.strip()}
    known = frozenset(scope for scope in SCOPES if scope in named)
    if not known or named - known:
        raise UnknownScopeError(named - known)
    return known


def add_key(connection: sa.Connection, receipt: Receipt, *, key: ApiKey) -> None:
    """Keeps a new key.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        key: a new one.

    Raises:
        KeyNameError: another key of this name is in use.
    """
    others = (one for one in read_keys(connection) if one.name == key.name)
    if any(one.state(receipt.at) == "active" for one in others):
        raise KeyNameError(key.name, fault="is in use; revoke it first, or take another name")
    connection.execute(sa.insert(API_KEYS), _row(key))


def revoke_key(connection: sa.Connection, receipt: Receipt, *, name: str) -> list[str]:
    """Revokes the keys of a name.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        name: of the key, or its id.

    Returns:
        The ids of those that were revoked now.

    Raises:
        KeyNameError: there is none, or all were revoked before.
    """
    keys = [one for one in read_keys(connection) if name in (one.name, one.key_id)]
    revoked = [one.key_id for one in keys if one.revoked_at is None]
    if not revoked:
        fault = "was revoked before" if keys else "is not known; leadodds keys list tells of all"
        raise KeyNameError(name, fault=fault)
    change = sa.update(API_KEYS).where(API_KEYS.c.key_id.in_(revoked))
    connection.execute(change.values(revoked_at=receipt.at))
    return revoked


def read_keys(connection: sa.Connection) -> list[ApiKey]:
    """Reads all keys, the oldest first."""
    found = sa.select(API_KEYS).order_by(API_KEYS.c.created_at, API_KEYS.c.name, API_KEYS.c.key_id)
    return [_key(row) for row in connection.execute(found).mappings()]


def _row(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "name": key.name,
        "scopes": ",".join(sorted(key.scopes)),
        "hash": key.hash,
        "requests_per_second": key.requests_per_second,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: sa.RowMapping) -> ApiKey:
    kept = dict(row)
    return ApiKey(**{**kept, "scopes": read_scopes(kept["scopes"]), "hash": bytes(kept["hash"])})
