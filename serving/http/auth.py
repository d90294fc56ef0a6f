"""Who may ask for what: the scope of every route, and the look at the key before a route sees a request.

`/livez` and `/readyz` are open because what watches a process holds no secrets, and so is `/openapi.json`,
which says nothing that is not published. `/metrics` is not: how many leads come in, and what comes of them,
is nobody else's business. Its scope reads figures and nothing else, so that the key in the configuration of a
Prometheus opens no lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Final

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from serving.clock import Clock
from serving.errors import KeyMissingError, RateError, ScopeError
from serving.keys.keys import Scope
from serving.keys.live_keys import LiveKeys
from serving.keys.sessions import COOKIE, SESSION_SCOPE, Session, find_session

# The page holds nothing of a lead: it asks the API for everything, and that for a key or a session.
PAGE: Final = frozenset({"/", "/web/{name}", "/session"})
OPEN: Final = frozenset({"/livez", "/readyz", "/openapi.json"}) | PAGE

_SCOPES: Final[Mapping[tuple[str, str], Scope]] = {
    ("POST", "/v1/score"): "score",
    ("POST", "/v1/score/batch"): "score",
    ("GET", "/v1/model"): "score",
    ("GET", "/v1/model/terms"): "score",
    ("GET", "/v1/model/versions"): "score",
    ("GET", "/v1/leads"): "score",
    ("GET", "/v1/leads/{lead_id:path}"): "score",
    ("GET", "/v1/leads/{lead_id:path}/score"): "score",
    ("GET", "/v1/leads/{lead_id:path}/life"): "score",
    ("GET", "/v1/scores"): "score",
    ("GET", "/v1/health"): "score",
    ("PUT", "/v1/leads/{lead_id:path}"): "write",
    ("POST", "/v1/interactions"): "write",
    ("POST", "/v1/outcomes"): "write",
    ("DELETE", "/v1/leads/{lead_id:path}"): "admin",
    ("GET", "/v1/quarantine"): "admin",
    ("GET", "/metrics"): "metrics",
}
_BEARER: Final = b"bearer "
_ASKING: Final = frozenset({"GET", "HEAD"})


def scope_of(method: str, path: str) -> Scope | None:
    """Finds what a key must be good for; None where none is needed.

    A route that nobody gave a scope is for `admin` alone: forgetting one opens nothing.

    >>> scope_of("POST", "/v1/score"), scope_of("GET", "/livez"), scope_of("POST", "/forgotten")
    ('score', None, 'admin')
    """
    return None if path in OPEN else _SCOPES.get((method, path), "admin")


def has_scope_of_its_own(method: str, path: str) -> bool:
    """Whether somebody has said what the route needs."""
    return path in OPEN or (method, path) in _SCOPES


@dataclass(frozen=True, slots=True)
class Access:
    """What decides about the requests of one server.

    Attributes:
        keys: that are good.
        rates: how often they were used.
        clock: tells whether one has expired.
        requests_per_second: of a key that has no rate of its own.
    """

    keys: LiveKeys
    rates: Rates
    clock: Clock
    requests_per_second: float

    def admit(self, connection: Connection, needed: Scope) -> None:
        """Lets a request pass, and notes whose it is.

        Raises:
            RequestError: without a key that is good for the route, or too often.
        """
        if self.keys.is_keyless:
            return
        sent = _sent_key(connection)
        session = self._session(connection) if sent is None else None
        if sent is None and session is None:
            raise KeyMissingError
        key = session.key if session else self.keys.ring.find(sent or b"", now=self.clock())
        connection["state"]["key"] = key.key_id
        if not key.allows(needed) or (session and needed != SESSION_SCOPE):
            raise ScopeError(needed=needed)
        rate = key.requests_per_second or self.requests_per_second
        wait_seconds = self.rates.take(key.key_id, requests_per_second=rate)
        if wait_seconds:
            raise RateError(wait_seconds=wait_seconds)

    def _session(self, connection: Connection) -> Session | None:
        """Finds the session of the page, which is good for asking only: no cookie ever changes anything."""
        cookie = HTTPConnection(connection).cookies.get(COOKIE)
        if cookie is None or connection["method"] not in _ASKING:
            return None
        return find_session(self.keys.ring, cookie, now=self.clock())


class Guarded:
    """A route behind the look at the key.

    Attributes:
        needed: scope; None for an open route.
    """

    def __init__(self, app: ASGIApp, needed: Scope | None) -> None:
        self._app = app
        self.needed = needed

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Passes on what may pass."""
        if self.needed is not None:
            access: Access = scope["app"].state.access
            access.admit(scope, self.needed)
        await self._app(scope, receive, send)


def needed_by(route: BaseRoute, path: str) -> Scope | None:
    """Finds the scope of a route, the strictest where it has several methods."""
    methods = sorted(getattr(route, "methods", None) or {"GET"})
    found = [scope_of(method, path) for method in methods]
    return "admin" if len({*found}) > 1 else found[0]


def _sent_key(connection: Connection) -> bytes | None:
    """Finds the key in the headers; another scheme of Authorization is somebody else's."""
    bearer: bytes | None = None
    for name, value in connection["headers"]:
        if name == b"x-api-key":
            sent: bytes = value
            return sent.strip()
        if name == b"authorization" and value[: len(_BEARER)].lower() == _BEARER:
            bearer = value[len(_BEARER) :].strip()
    return bearer


_BURST_SECONDS: Final = 2.0


class Rates:
    """The buckets of one process; several workers have their own each.

    A key has as many buckets as there are workers, because a CRM keeps one connection to one of them.
    """

    def __init__(self, *, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._full_at: dict[str, float] = {}

    def take(self, key_id: str, *, requests_per_second: float) -> float:
        """Takes one request out of a bucket.

        Returns:
            0.0 when it was there; else after how many seconds it will be, and nothing was taken.

        >>> rates = Rates(seconds=lambda: 0.0)
        >>> [rates.take("a", requests_per_second=1.0) for _ in range(4)]
        [0.0, 0.0, 1.0, 1.0]
        """
        now, each = self._seconds(), 1.0 / requests_per_second
        # Kept as the moment at which the bucket would be full again: one number, nothing to refill.
        full_at = max(self._full_at.get(key_id, now), now) + each
        wait = full_at - now - max(_BURST_SECONDS, each)
        if wait > 1e-9:
            return wait
        self._full_at[key_id] = full_at
        return 0.0
