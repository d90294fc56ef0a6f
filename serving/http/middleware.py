"""What surrounds every route: the id of a request, refusals before routing, metrics, and the log line."""

from __future__ import annotations

import ipaddress
import re
import time
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.times import format_time
from serving.access_errors import ForwardedError, HostError, KeylessHostError
from serving.clock import new_id
from serving.errors import DrainingError
from serving.http.logs import RequestLog
from serving.http.metrics import Metrics
from serving.http.problems import error_response
from serving.http.shutdown import GracefulShutdown
from serving.keys.live_keys import LiveKeys

REQUEST_ID_HEADER: Final = "X-Request-ID"
_REQUEST_ID_NAME: Final = REQUEST_ID_HEADER.lower().encode()
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LOCAL_HOST: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
# What proxies and the networks before them add: RFC 7239, RFC 9110 (Via), RFC 8586 (CDN-Loop), every
# X-Forwarded there is, and the names and beginnings that single vendors use; some write _ for -.
_FORWARDED_STARTS: Final = (
    *(b"x-forwarded", b"x-original-", b"x-envoy-", b"x-amzn-", b"x-amz-cf-", b"x-azure-", b"x-arr-"),
    *(b"x-appengine-", b"x-vercel-", b"x-nf-", b"cf-", b"fastly-", b"fly-", b"akamai-", b"x-akamai-"),
    *(b"incap-", b"tailscale-", b"x-goog-iap-"),
)
# Bytes of a name that an answer repeats.
_SHOWN: Final = 40
_FORWARDED_NAMES: Final = frozenset(
    (
        *(b"forwarded", b"forwarded-for", b"via", b"cdn-loop", b"front-end-https", b"x-rewrite-url"),
        *(b"client-ip", b"true-client-ip", b"proxy-client-ip", b"wl-proxy-client-ip", b"do-connecting-ip"),
        *(b"x-real-ip", b"x-real-port", b"x-client-ip", b"x-cluster-client-ip", b"x-proxyuser-ip"),
        *(b"x-cloud-trace-context", b"x-sucuri-clientip", b"x-host"),
    )
)
# A load balancer asks these of a stopping server, so as to take it out of service.
_ANSWERED_WHILE_STOPPING: Final = frozenset({"/livez", "/readyz", "/metrics"})
# Monitoring requests these every few seconds; logging its successes would bury everything else.
_PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
_NO_ROUTE: Final = "none"
# Scores of leads are no business of a cache, and JSON is never anything else.
_API_HEADERS: Final = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
_ERROR: Final = 400
_JSON: Final = (b"content-type", b"application/json")
_METHODS: Final = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"})


class RequestMiddleware:
    """ASGI middleware in front of all routes; no exception leaves it.

    Without keys it checks the Host, because a foreign web page can make a browser on this machine call this
    server under a name of its own (DNS rebinding), and refuses what a proxy passed on. With keys such a page
    lacks one.
    """

    def __init__(
        self, app: ASGIApp, *, keys: LiveKeys, shutdown: GracefulShutdown, telemetry: RequestTelemetry
    ) -> None:
        self._app = app
        self._keys = keys
        self._shutdown = shutdown
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or responds to it."""
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
                headers = [*message.get("headers", ()), (_REQUEST_ID_NAME, request_id.encode())]
                if status >= _ERROR and _accepts_json_alone(scope):
                    headers = [_JSON if name == _JSON[0] else (name, value) for name, value in headers]
                if scope["path"].startswith("/v1/"):
                    headers += _API_HEADERS
                message["headers"] = headers
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, receive, send_with_id)
        except Exception as error:  # noqa: BLE001 - a traceback of uvicorn's would hold what was sent
            response = error_response(error, request_id)
            if not status:
                await response(scope, receive, send_with_id)
        finally:
            self._telemetry.record(scope, status, perf_counter() - began)

    def _check(self, scope: Scope) -> None:
        """Refuses requests before routing.

        Raises:
            RequestError: the server is stopping, or without a key and the request not from this machine.
        """
        if self._shutdown.has_begun and scope["path"] not in _ANSWERED_WHILE_STOPPING:
            raise DrainingError
        if self._keys.is_keyless:
            _check_local(scope)


@dataclass(frozen=True, slots=True)
class RequestTelemetry:
    """Where requests are recorded.

    Attributes:
        metrics: count them.
        log: has a line for each; None where they are only counted.
    """

    metrics: Metrics
    log: RequestLog | None

    def record(self, scope: Scope, status: int, seconds: float) -> None:
        """Records one request.

        Args:
            scope: of the request, after the routes have had it.
            status: of the answer; 0 where the client left before there was one.
            seconds: from the request to the end of its answer.
        """
        # The path of the route, because that of a request may contain an id, and ids are without number.
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


def check_keyless_host(host: str) -> None:
    """Refuses to listen on an address that other machines can reach.

    Raises:
        KeylessHostError: the address is not a loopback one.
    """
    try:
        is_loopback = host.lower() == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise KeylessHostError(host)


def _request_id(scope: Scope) -> str:
    sent: bytes = next((value for key, value in scope["headers"] if key == _REQUEST_ID_NAME), b"")
    return sent.decode("ascii") if sent and _REQUEST_ID.fullmatch(sent) else new_id()


def _accepts_json_alone(scope: Scope) -> bool:
    """Whether the caller takes JSON and no type of its own for problems, as tools of CRMs do."""
    accepted = b",".join(value for key, value in scope["headers"] if key == b"accept")
    return b"application/json" in accepted and b"problem+json" not in accepted and b"*" not in accepted


def _check_local(scope: Scope) -> None:
    """Refuses requests that may come from elsewhere; a proxy that adds no header cannot be told.

    Raises:
        HostError: the Host is not this machine.
        ForwardedError: a header says that a proxy passed it on; nginx then names this machine as the Host.
    """
    hosts = []
    for name, value in scope["headers"]:
        plain = name.replace(b"_", b"-")
        if name == b"host":
            hosts.append(value)
        elif plain in _FORWARDED_NAMES or plain.startswith(_FORWARDED_STARTS):
            raise ForwardedError(name[:_SHOWN].decode("latin-1").title())
    if len(hosts) != 1 or _LOCAL_HOST.fullmatch(hosts[0]) is None:
        raise HostError
