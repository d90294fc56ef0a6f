"""Reads the body of a request, as far as the limit goes."""

from __future__ import annotations

from fastapi import Request
from starlette.requests import ClientDisconnect

from serving.errors import BodyLateError, BodyTooLargeError, MediaTypeError
from serving.http.state import server_of

# The protocol sets this in the state of a request whose rest should have arrived by now.
IS_LATE = "is_late"


async def read_body(request: Request) -> bytes:
    """Reads the body, as far as the limit goes.

    Raises:
        MediaTypeError: its Content-Type is not JSON.
        BodyTooLargeError: it is longer than the limit, as announced or as received.
        BodyLateError: it did not arrive in time.
        ClientDisconnect: the client has closed the connection.
    """
    if _header(request, b"content-type").partition(b";")[0].strip().lower() != b"application/json":
        raise MediaTypeError
    limit = server_of(request).settings.body_limit_bytes
    announced = _header(request, b"content-length")
    if announced.isdigit() and (len(announced) > 18 or int(announced) > limit):
        raise BodyTooLargeError(limit_bytes=limit)
    parts, size, is_whole = [], 0, False
    while not is_whole:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(limit_bytes=limit)
        parts.append(part)
        is_whole = not message.get("more_body", False)
        if not is_whole and request.scope["state"].get(IS_LATE):
            raise BodyLateError
    return b"".join(parts)


def _header(request: Request, name: bytes) -> bytes:
    """Finds a header by its name in small letters; the Headers of Starlette take five times as long."""
    return next((value for key, value in request.scope["headers"] if key == name), b"")
