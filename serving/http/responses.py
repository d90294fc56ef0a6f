"""Writes responses as JSON bytes in one step, and reads the store for them."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

import sqlalchemy as sa
from fastapi import Request
from pydantic_core import to_json
from starlette.responses import Response

from serving.errors import LeadErasedError, LeadUnknownError, ReadTooLongError
from serving.http.state import server_of
from serving.http.threads import wait_for
from serving.intake.erasures import erased_leads

_Read = TypeVar("_Read")
_Written = TypeVar("_Written")
_TAG_BYTES: Final = 12


class BytesResponse(Response):
    """A response whose body is bytes already; Starlette's takes five times as long to make its headers."""

    def __init__(
        self, body: bytes, *, status: int = 200, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status_code, self.body, self.background = status, body, None
        self.raw_headers = [
            (b"content-length", b"%d" % len(body)),
            (b"content-type", media_type.encode("ascii")),
            *(
                (name.lower().encode("ascii"), value.encode("latin-1"))
                for name, value in (headers or {}).items()
            ),
        ]


def json_response(
    content: Mapping[str, object],
    *,
    status: int = 200,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Responds with an object; this writer takes a fifth of the time of json.dumps, for the same numbers."""
    body = to_json(content, inf_nan_mode="null")
    return BytesResponse(body, status=status, media_type=media_type, headers=headers)


def response_with_id(request: Request, content: Mapping[str, object], *, status: int = 200) -> Response:
    """Responds with an object and the id of the request."""
    return json_response({**content, "request_id": request.scope["state"]["request_id"]}, status=status)


def json_bytes_with_id(
    request: Request, content: bytes, *, headers: Mapping[str, str] | None = None
) -> Response:
    """Responds with an object that is JSON already, and the id of the request."""
    ending = b',"request_id":' + to_json(request.scope["state"]["request_id"]) + b"}"
    return BytesResponse(content[:-1] + ending, media_type="application/json", headers=headers)


async def read_store(
    request: Request, read: Callable[[sa.Connection], _Read], *, is_long: bool = False
) -> _Read:
    """Reads the store: SQLite at once, but in a thread what takes long or crosses a network.

    Raises:
        StoreAwayError: the database does not respond.
        StoreLateError: it takes too long.
        BusyError: too many reads wait.
    """
    server = server_of(request)
    if not (server.store.is_remote or is_long):
        with suppress(ReadTooLongError):
            return server.store.read_quickly(read)
    seconds = server.settings.database_seconds
    return await server.reading.run(partial(server.store.read, read), seconds=seconds)


async def await_write(request: Request, writing: Future[_Written]) -> _Written:
    """Waits until something is written.

    Raises:
        StoreLateError: it takes too long; what has not begun is not written any more.
    """
    return await wait_for(writing, seconds=server_of(request).settings.database_seconds)


async def read_of_lead(request: Request, lead_id: str, reading: Awaitable[_Read]) -> _Read:
    """Returns what is read of a lead; tells one that was erased from one that there never was.

    Raises:
        LeadErasedError: it was erased.
        LeadUnknownError: there is no such lead.
    """
    try:
        return await reading
    except LeadUnknownError:
        read = partial(erased_leads, salt=server_of(request).store.salt, lead_ids=[lead_id])
        if await read_store(request, read):
            raise LeadErasedError from None
        raise


def tagged_response(request: Request, content: Mapping[str, object]) -> Response:
    """Responds with an object and the id of the request, or says that the caller has it already.

    The tag is weak, because two responses with the same content differ in the id of the request.

    Source: RFC 9110, sections 8.8.3 and 13.1.2.
    """
    written = to_json(content, inf_nan_mode="null")
    digest = hashlib.blake2b(written, digest_size=_TAG_BYTES).hexdigest()
    headers = {"ETag": f'W/"{digest}"'}
    sent = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in sent.split(",")}
    if "*" in tags or f'"{digest}"' in tags:
        return Response(status_code=304, headers=headers)
    return json_bytes_with_id(request, written, headers=headers)
