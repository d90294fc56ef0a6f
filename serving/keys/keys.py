"""API keys: their parts, their scopes, and how the key of a request is found.

A key is `lo_<id>_<secret>`. The id finds its row; of the secret only the SHA-256 is stored. The secret is 256
random bits, so that a slow hash as for passwords would only add time to every request.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from serving.access_errors import KeyRefusedError

HookScope = Literal["hook:odoo", "hook:pipedrive", "hook:espocrm", "hook:zoho", "hook:hubspot"]
_AccessScope = Literal["score", "write", "admin", "metrics"]
Scope = _AccessScope | HookScope
SCOPES: Final[tuple[Scope, ...]] = (*get_args(_AccessScope), *get_args(HookScope))
# A key with such a scope is the token in the address of a CRM's web hook, and good for nothing else.
HOOK: Final = "hook:"

_PREFIX: Final = "lo"
_SECRET_BYTES: Final = 32
# Compared where no key has the id, so that this takes as long as with a known id.
_NO_HASH: Final = bytes(hashlib.sha256().digest_size)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is stored.

    Attributes:
        key_id: its public part.
        name: of its user, for people.
        scopes: what it allows; `admin` allows everything.
        hash: SHA-256 of the secret part.
        created_at: microseconds UTC.
        expires_at: from when it is refused; None is never.
        revoked_at: when it was revoked; None while it is not.
        requests_per_second: its limit; None is the limit of the server.
        source: the one source whose rows it may send; None: of any.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    hash: bytes
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    requests_per_second: float | None = None
    source: str | None = None

    def allows(self, needed: Scope) -> bool:
        """Whether the key allows what needs this scope; `admin` does, but in no address."""
        return needed in self.scopes or ("admin" in self.scopes and not needed.startswith(HOOK))

    def state(self, now: int) -> Literal["active", "revoked", "expired"]:
        """Whether the key can be used at a moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and now >= self.expires_at else "active"


def make_key(
    name: str,
    scopes: Iterable[Scope],
    *,
    created_at: int,
    expires_at: int | None = None,
    requests_per_second: float | None = None,
    source: str | None = None,
) -> tuple[ApiKey, str]:
    """Makes a key, and the text that its user has to send, which can never be recovered."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
    key = ApiKey(
        key_id=key_id,
        name=name,
        scopes=frozenset(scopes),
        hash=_hash_of(secret.encode()),
        created_at=created_at,
        expires_at=expires_at,
        requests_per_second=requests_per_second,
        source=source,
    )
    return key, f"{_PREFIX}_{key_id}_{secret}"


class KeyRing:
    """All keys of a server at one moment; replaced as a whole, never changed."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._by_id = {key.key_id.encode(): key for key in keys}

    def __len__(self) -> int:
        """Number of keys, revoked and expired ones included."""
        return len(self._by_id)

    def __iter__(self) -> Iterator[ApiKey]:
        """Lists the keys."""
        return iter(self._by_id.values())

    def look_up(self, key_id: str) -> ApiKey | None:
        """Finds a key by its public part, which alone allows nothing."""
        return self._by_id.get(key_id.encode())

    def find(self, sent: bytes, *, now: int) -> ApiKey:
        """Finds the key that was sent, in a time that does not depend on its secret.

        Args:
            sent: the text in the place of a key, which may be anything.
            now: microseconds UTC.

        Raises:
            KeyRefusedError: the key is unknown, revoked or expired.
        """
        prefix, _, rest = sent.partition(b"_")
        key_id, _, secret = rest.partition(b"_")
        key = self._by_id.get(key_id) if prefix == _PREFIX.encode() else None
        is_same = hmac.compare_digest(_NO_HASH if key is None else key.hash, _hash_of(secret))
        if key is None or not is_same:
            raise KeyRefusedError(state="unknown")
        state = key.state(now)
        if state != "active":
            raise KeyRefusedError(state=state)
        return key


def _hash_of(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
