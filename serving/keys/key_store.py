"""Stores API keys in the database of the service; revoked ones stay and are listed."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from features.errors import LeadOddsError
from serving.database.schema import API_KEYS
from serving.database.writer import Receipt
from serving.keys.keys import HOOK, SCOPES, ApiKey, Scope


class KeyNameError(LeadOddsError):
    """A name that a key cannot have."""

    def __init__(self, name: str, *, fault: str) -> None:
        super().__init__(f"The key {name!r} {fault}.")


class HookScopeError(LeadOddsError):
    """A key that would be a token in an address, and good for more."""

    def __init__(self) -> None:
        super().__init__(
            "The token of a web hook stands in an address, so its key has that one scope and no other. "
            "Create a key of its own for everything else."
        )


class UnknownScopeError(LeadOddsError):
    """A scope that does not exist."""

    def __init__(self, found: Collection[str]) -> None:
        given = ", ".join(sorted(found)) or "nothing"
        super().__init__(f"The scopes of a key are some of {', '.join(SCOPES)}; {given} was given.")


def read_scopes(text: str) -> frozenset[Scope]:
    """Reads scopes that are separated by commas.

    Raises:
        UnknownScopeError: one of them does not exist, or none is given.
        HookScopeError: one of several is that of a web hook.

    >>> sorted(read_scopes("write, score"))
    ['score', 'write']
    """
    named = {part.strip() for part in text.split(",") if part.strip()}
    known = frozenset(scope for scope in SCOPES if scope in named)
    if not known or named - known:
        raise UnknownScopeError(named - known)
    if len(known) > 1 and any(scope.startswith(HOOK) for scope in known):
        raise HookScopeError
    return known


def add_key(connection: sa.Connection, receipt: Receipt, *, key: ApiKey) -> None:
    """Stores a new key.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        key: a new one.

    Raises:
        KeyNameError: another key of this name is active.
    """
    others = (other for other in read_keys(connection) if other.name == key.name)
    if any(other.state(receipt.at) == "active" for other in others):
        raise KeyNameError(key.name, fault="is in use; revoke it first, or take another name")
    connection.execute(sa.insert(API_KEYS), _row(key))


def revoke_key(connection: sa.Connection, receipt: Receipt, *, name: str) -> list[str]:
    """Revokes the keys of a name.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        name: of the key, or its id.

    Returns:
        The ids of the keys that were revoked now.

    Raises:
        KeyNameError: there is no such key, or all were revoked before.
    """
    keys = [key for key in read_keys(connection) if name in (key.name, key.key_id)]
    revoked = [key.key_id for key in keys if key.revoked_at is None]
    if not revoked:
        fault = "was revoked before" if keys else "is not known; leadodds keys list shows all"
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
        "source": key.source,
    }


def _key(row: sa.RowMapping) -> ApiKey:
    # A later release may know more scopes: a key with one keeps those that are known here.
    named = {part.strip() for part in row["scopes"].split(",")}
    scopes = frozenset(scope for scope in SCOPES if scope in named)
    return ApiKey(**{**row, "scopes": scopes, "hash": bytes(row["hash"])})
