"""Reads the body of a request, as far as the limit goes."""

from __future__ import annotations

import zlib
from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from serving.errors import BodyLateError, BodyTooLargeError, Fault, MediaTypeError, NotJsonError
from serving.http.auth import charge
from serving.http.state import server_of

# The protocol sets this in the state of a request whose rest should have arrived by now.
IS_LATE: Final = "is_late"
# Likewise: the body as it was sent, where a part of the answer depends on it.
BODY: Final = "body"
# Parsing and scoring a larger body takes milliseconds, and is done in a thread.
LARGE_BYTES: Final = 32 * 1024
# As senders name it, RFC 9110, section 8.4.1.
_GZIP: Final = (b"gzip", b"x-gzip")
_UNPACKED: Final = (b"", b"identity")
_BAD_GZIP = Fault("", "gzip", "A body with Content-Encoding: gzip is one stream of gzip.")


async def read_body(request: Request) -> bytes:
    """Reads the body, as far as the limit goes, and unpacks it where it came with Content-Encoding: gzip.

    Web pages of others can make a browser send texts and forms, but neither JSON nor a Content-Encoding,
    without asking the server first. So a packed body may have any Content-Type: libraries call it a form.

    Raises:
        MediaTypeError: its Content-Type is not JSON, and it is not packed; or it is packed by another method.
        NotJsonError: it is packed, but not as gzip.
        BodyTooLargeError: it is longer than the limit, as announced, received or unpacked.
        BodyLateError: it did not arrive in time.
        RateError: the key sends bytes faster than its limit.
        ClientDisconnect: the client has closed the connection.
    """
    encoding = _header(request, b"content-encoding").strip().lower()
    is_packed = encoding in _GZIP
    if encoding not in (*_GZIP, *_UNPACKED):
        raise MediaTypeError
    media_type = _header(request, b"content-type").partition(b";")[0].strip().lower()
    if media_type != b"application/json" and not is_packed:
        raise MediaTypeError
    body = await read_raw_body(request)
    body = _unpack(body, server_of(request).settings.body_limit_bytes) if is_packed else body
    charge(request.scope, sent_bytes=len(body))
    return body


async def read_raw_body(request: Request) -> bytes:
    """Reads the body as it was sent, whatever it is, as far as the limit goes.

    Raises:
        BodyTooLargeError: it is longer than the limit, as announced or received.
        BodyLateError: it did not arrive in time.
        ClientDisconnect: the client has closed the connection.
    """
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


def _unpack(packed: bytes, limit: int) -> bytes:
    """Unpacks at most one byte more than the limit, however much would come."""
    stream = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        body = stream.decompress(packed, limit + 1)
    except zlib.error:
        raise NotJsonError(_BAD_GZIP) from None
    if len(body) > limit:
        raise BodyTooLargeError(limit_bytes=limit)
    if not stream.eof or stream.unused_data:
        raise NotJsonError(_BAD_GZIP)
    return body


def _header(request: Request, name: bytes) -> bytes:
    """Finds a header by its name in small letters; the Headers of Starlette take five times as long."""
    return next((value for key, value in request.scope["headers"] if key == name), b"")
