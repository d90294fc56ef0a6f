"""What happens to every request before a route sees it, and after: an id, the door, the figures, the log."""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.times import format_time
from serving.clock import new_id
from serving.errors import (
    BodyLateError,
    BodyTooLargeError,
    DrainingError,
    HostError,
    KeylessHostError,
    RequestError,
)
from serving.http.logs import RequestLog
from serving.http.metrics import Metrics
from serving.http.problems import problem, status_problem
from serving.http.responses import json_response
from serving.http.shutdown import Drain
from serving.keys.live_keys import LiveKeys

_LOG: Final = logging.getLogger("leadodds.serving")

REQUEST_ID_HEADER: Final = "X-Request-ID"
_REQUEST_ID_NAME: Final = REQUEST_ID_HEADER.lower().encode()
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LOCAL_HOST: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
# Asked by what takes a stopping server out of service, which it then answers to.
_ANSWERED_WHILE_STOPPING: Final = frozenset({"/livez", "/readyz", "/metrics"})


class Doorstep:
    """ASGI layer in front of all routes; no error leaves it.

    Without keys the Host is looked at because a web page from elsewhere can make a browser on this machine
    ask this server by a name of its own (DNS rebinding). With keys such a page has none.
    """

    def __init__(self, app: ASGIApp, *, keys: LiveKeys, drain: Drain, watch: Watch) -> None:
        self._app = app
        self._keys = keys
        self._drain = drain
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or passes on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (_REQUEST_ID_NAME, request_id.encode())]
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - a traceback of uvicorn's would hold what was sent
            response = error_response(error, request_id)
            if not status:
                await response(scope, receive, send_with_id)
        finally:
            self._watch.tell_request(scope, status, perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        """Refuses what no route should see.

        Raises:
            RequestError: the server is stopping, or the Host is not this machine.
        """
        if self._drain.has_begun and scope["path"] not in _ANSWERED_WHILE_STOPPING:
            raise DrainingError
        if self._keys.is_keyless and not _is_local(scope):
            raise HostError


def check_keyless_host(host: str) -> None:
    """Refuses to listen where other machines could ask.

    Raises:
        KeylessHostError: the address is not a loopback one.
    """
    try:
        is_loopback = host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise KeylessHostError(host)


def error_response(error: Exception, request_id: str) -> Response:
    """Answers what a route raised; what nobody foresaw is a defect, and goes to the log."""
    if isinstance(error, RequestError):
        return problem_response(error, request_id)
    if isinstance(error, HTTPException):
        return status_response(error.status_code, request_id, dict(error.headers or {}))
    if isinstance(error, ClientDisconnect):
        return status_response(400, request_id)
    _LOG.error("a defect", exc_info=error, extra={"request_id": request_id})
    return status_response(500, request_id)


def problem_response(error: RequestError, request_id: str) -> Response:
    """Answers an error of a caller."""
    status, details = problem(error, request_id=request_id)
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, BodyLateError | BodyTooLargeError | DrainingError):
        # What is still on its way would be read for nothing.
        headers["Connection"] = "close"
    return json_response(details, status=status, media_type="application/problem+json", headers=headers)


def status_response(status: int, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """Answers a status that no error of ours stands behind."""
    details = status_problem(status, request_id=request_id)
    return json_response(details, status=status, media_type="application/problem+json", headers=headers)


def _request_id(scope: Scope) -> str:
    sent: bytes = next((value for key, value in scope["headers"] if key == _REQUEST_ID_NAME), b"")
    return sent.decode("ascii") if _REQUEST_ID.fullmatch(sent) else new_id()


def _is_local(scope: Scope) -> bool:
    hosts = [value for key, value in scope["headers"] if key == b"host"]
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None


# Asked every few seconds by machines; their successes would bury everything else.
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_NO_ROUTE: Final = "none"
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


@dataclass(frozen=True, slots=True)
class Watch:
    """Where requests are noted.

    Attributes:
        metrics: counts them.
        log: tells of them; None where they are only counted.
    """

    metrics: Metrics
    log: RequestLog | None

    def tell_request(self, scope: Scope, status: int, seconds: float) -> None:
        """Notes one request.

        Args:
            scope: of the request, after it went through the routes.
            status: that was answered; 0 where nobody waited for the answer.
            seconds: that it took.
        """
        # The path of the route: that of the request may hold an id, and there would be no end of them.
        route = getattr(scope.get("route"), "path", _NO_ROUTE)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.count_request(method, route, status, seconds)
        if self.log is None or (route in _PROBES and status == 200):
            return
        state = scope["state"]
        self.log.add(
            {
                "time": format_time(time.time_ns() // 1000),
                "level": "info" if status < 500 else "error",
                "logger": "leadodds.requests",
                "message": "request",
                "request_id": state["request_id"],
                "method": method,
                "route": route,
                "status": status,
                "milliseconds": round(seconds * 1000, 3),
                "key": state.get("key"),
            }
        )
