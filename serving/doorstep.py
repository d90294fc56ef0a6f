"""What happens to every request before a route sees it: it gets an id, and a stranger is turned away."""

from __future__ import annotations

import ipaddress
import re
import uuid
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import HostError, KeylessHostError, RequestError, problem, status_problem
from serving.json_answers import json_response

REQUEST_ID_HEADER: Final = "X-Request-ID"
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_LOCAL_HOST: Final = re.compile(rb"(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)


class Doorstep:
    """ASGI layer in front of all routes of a server without keys.

    The Host is looked at because a web page from elsewhere can make a browser on this machine ask this server
    by a name of its own (DNS rebinding).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers or passes on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[REQUEST_ID_HEADER] = request_id
            await send(message)

        if _is_local(scope):
            await self._app(scope, receive, send_with_id)
        else:
            await problem_response(HostError(), request_id)(scope, receive, send_with_id)


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


def problem_response(error: RequestError, request_id: str) -> Response:
    """Answers an error of a caller."""
    status, details = problem(error, request_id=request_id)
    return json_response(details, status=status, media_type="application/problem+json")


def status_response(status: int, request_id: str, headers: dict[str, str] | None = None) -> Response:
    """Answers a status that no error of ours stands behind."""
    details = status_problem(status, request_id=request_id)
    return json_response(details, status=status, media_type="application/problem+json", headers=headers)


def _request_id(scope: Scope) -> str:
    name = REQUEST_ID_HEADER.lower().encode()
    sent: bytes = next((value for key, value in scope["headers"] if key == name), b"")
    return sent.decode("ascii") if _REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex


def _is_local(scope: Scope) -> bool:
    hosts = [value for key, value in scope["headers"] if key == b"host"]
    return len(hosts) == 1 and _LOCAL_HOST.fullmatch(hosts[0]) is not None
