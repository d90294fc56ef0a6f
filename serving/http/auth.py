"""Who may call which route: the check of key and rate before it runs; `route_scopes` has the scopes."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.types import Scope as Connection

from serving.access_errors import (
    FailedKeysError,
    KeyMissingError,
    KeyRefusedError,
    KeysOutdatedError,
    OriginError,
    RateError,
    ScopeError,
    SourceError,
)
from serving.clock import Clock
from serving.http.rate_limits import Limits, RateLimits
from serving.http.route_scopes import TRACKING
from serving.keys.keys import ApiKey, Scope
from serving.keys.live_keys import LiveKeys
from serving.keys.sessions import COOKIE, SESSION_SCOPE, Session, find_session

# Key in the state of a request: the name of the key whose session writes.
WRITER: Final = "writer"
# Likewise: whether the key may send rows that are known from before their receipt.
MAY_BACKFILL: Final = "may_backfill"
# Likewise: the one source whose rows the request may hold; None for any.
_SOURCE: Final = "source"
# Likewise: charges the key with the cost of the request.
_CHARGE: Final = "charge"
# The source of what is done at the page.
PAGE_SOURCE: Final = "page"
# What a session may write: what the person at the page did.
_PAGE_WRITES: Final = frozenset({("POST", "/v1/interactions")})
# A hook takes a tenth of a request: CRMs send bursts, and Odoo sends nothing again that was refused.
_HOOK_COST: Final = 0.1
_BEARER: Final = b"bearer "
_BASIC: Final = b"basic "
_READING: Final = frozenset({"GET", "HEAD"})
_FAILURE_SECONDS: Final = 60.0


def check_backfill(connection: HTTPConnection, *, backfill: bool) -> None:
    """Lets the rows of a body be known from before their receipt only where the key has the scope admin.

    Raises:
        ScopeError: it has not.
    """
    if backfill and not connection.scope["state"].get(MAY_BACKFILL, False):
        raise ScopeError(needed="admin", item="backfill")


def check_source(connection: HTTPConnection, source: str) -> None:
    """Lets rows of a source be sent by the keys that may, so that nobody takes the ids of another.

    Raises:
        SourceError: the key is bound to another source.
    """
    bound = connection.scope["state"].get(_SOURCE)
    if bound not in (None, source):
        raise SourceError(bound)


@dataclass(frozen=True, slots=True)
class Access:
    """Decides whether a request to one server may pass.

    Attributes:
        keys: the valid ones.
        rates: how much each was used.
        failures: how often each address sent a wrong one.
        clock: for the expiry of keys.
        secret: that sessions are signed with.
        limits: of keys and addresses.
    """

    keys: LiveKeys
    rates: RateLimits
    failures: RateLimits
    clock: Clock
    secret: bytes
    limits: Limits

    def admit(self, connection: Connection, needed: Scope) -> None:
        """Lets a request pass, and notes the id of its key for the log; of a session that writes, its name.

        Raises:
            RequestError: it has no valid key with the scope, or exceeds the rate of its key.
        """
        if self.keys.are_outdated:
            raise KeysOutdatedError
        if self.keys.is_keyless:
            connection["state"][MAY_BACKFILL] = True
            return
        sent = _sent_key(connection)
        session = self._session(connection) if sent is None else None
        if sent is None and session is None:
            raise KeyMissingError
        key = session.key if session else self.find_key(connection, sent or b"")
        connection["state"]["key"] = key.key_id
        # A session writes what a person did now, never the past.
        connection["state"][MAY_BACKFILL] = session is None and key.allows("admin")
        connection["state"][_SOURCE] = PAGE_SOURCE if session else key.source
        is_page_write = session is not None and _is_page_write(connection)
        if not key.allows(needed) or (session and needed != SESSION_SCOPE and not is_page_write):
            raise ScopeError(needed=needed)
        if is_page_write:
            connection["state"][WRITER] = key.name
        connection["state"][_CHARGE] = partial(self._charge, key)
        self._charge(key, requests=1)

    def admit_hook(self, connection: Connection, token: bytes, needed: Scope) -> None:
        """Lets a web hook pass whose address has the right token; there is no way without one.

        Raises:
            RequestError: the token is wrong, or of another CRM, or exceeds its rate.
        """
        key = self.find_key(connection, token)
        connection["state"]["key"] = key.key_id
        if not key.allows(needed):
            raise ScopeError(needed=needed)
        connection["state"][_CHARGE] = partial(self._charge, key)
        self._charge(key, requests=_HOOK_COST)

    def find_key(self, connection: Connection, sent: bytes) -> ApiKey:
        """Finds the key that was sent; an address that sends wrong ones is told to wait.

        A right key passes all the same: many clients may share the address of a proxy.

        Raises:
            KeysOutdatedError: the keys could not be read for long.
            KeyRefusedError: it is unknown, revoked or expired.
            FailedKeysError: likewise, and many before it were.
        """
        if self.keys.are_outdated:
            raise KeysOutdatedError
        try:
            return self.keys.ring.find(sent, now=self.clock())
        except KeyRefusedError:
            per_second = self.limits.failed_keys_per_minute / _FAILURE_SECONDS
            if wait := self.failures.take(_address_of(connection), per_second=per_second):
                raise FailedKeysError(wait_seconds=wait) from None
            raise

    def _charge(self, key: ApiKey, *, requests: float = 0, leads: int = 0, sent_bytes: int = 0) -> None:
        limits = self.limits
        # A key with another limit of requests may send leads and bytes in proportion.
        factor = (key.requests_per_second or limits.requests_per_second) / limits.requests_per_second
        costs = (
            ("requests", requests, limits.requests_per_second),
            ("leads", leads, limits.leads_per_second),
            ("bytes", sent_bytes, limits.bytes_per_second),
        )
        for name, amount, per_second in costs:
            if not amount:
                continue
            bucket = f"{key.key_id} {name}"
            if wait := self.rates.take(bucket, per_second=per_second * factor, amount=amount):
                raise RateError(wait_seconds=wait)

    def _session(self, connection: Connection) -> Session | None:
        """Finds the session of the page; a cookie alone never authorizes a change."""
        sent = HTTPConnection(connection)
        cookie = sent.cookies.get(COOKIE)
        is_page_write = _is_page_write(connection)
        if cookie is None or not (connection["method"] in _READING or is_page_write):
            return None
        session = self.find_session(cookie)
        if is_page_write:
            check_origin(sent)
        return session

    def find_session(self, cookie: str) -> Session:
        """Finds the session that a cookie stands for.

        Raises:
            SessionEndedError: it is over, or no session of this server.
        """
        keys = self.keys
        return find_session(keys.ring, cookie, secret=self.secret, now=self.clock(), ended=keys.ended)


def check_origin(request: HTTPConnection) -> None:
    """Refuses a request of a browser that another page made; its cookie is sent with same-site ones alone.

    Raises:
        OriginError: it does not come from the page of this server.
    """
    sent = urlsplit(request.headers.get("origin", ""))
    if sent.scheme not in ("http", "https") or sent.netloc != request.headers.get("host"):
        raise OriginError


def _is_page_write(connection: Connection) -> bool:
    return (connection["method"], connection["path"]) in _PAGE_WRITES


def _sent_key(connection: Connection) -> bytes | None:
    """Finds the key in the headers; other schemes of Authorization are ignored."""
    authorized: bytes | None = None
    for name, value in connection["headers"]:
        if name == b"x-api-key":
            sent: bytes = value
            return sent.strip()
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            authorized = value[len(_BEARER) :].strip()
        elif name == b"authorization" and connection["path"] in TRACKING:
            authorized = _user_name(value)
    return authorized


def _user_name(authorization: bytes) -> bytes | None:
    """Reads the user name of Basic; None for another scheme.

    Source: RFC 7617.
    """
    if authorization[: len(_BASIC)].lower() != _BASIC:
        return None
    try:
        return b64decode(authorization[len(_BASIC) :].strip(), validate=True).partition(b":")[0].strip()
    except binascii.Error:
        return b""


def charge(connection: Connection, *, leads: int = 0, sent_bytes: int = 0) -> None:
    """Takes the cost of a request out of the buckets of its key; a server without keys has none.

    Raises:
        RateError: a bucket is empty.
    """
    charged: Callable[..., None] | None = connection["state"].get(_CHARGE)
    if charged is not None:
        charged(leads=leads, sent_bytes=sent_bytes)


def _address_of(connection: Connection) -> str:
    """Names the client; of IPv6 its network, because a host has all addresses of one."""
    host = (connection.get("client") or ("",))[0]
    return ":".join(host.split(":")[:4]) if ":" in host else host
