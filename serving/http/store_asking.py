"""What every route of the store does: asks the store without holding up other requests, and answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from fastapi import Request
from starlette.responses import Response

from serving.http.responses import json_response
from serving.scoring.json_rows import Answer
from serving.store.store import Store

_Read = TypeVar("_Read")


def store_of(request: Request) -> Store:
    """Gives the store of the server."""
    store: Store = request.app.state.store
    return store


async def ask_store(
    request: Request, read: Callable[[sa.Connection], _Read], *, is_long: bool = False
) -> _Read:
    """Reads at once from a file, in a thread where that may take long."""
    store = store_of(request)
    if store.is_remote or is_long:
        return await asyncio.to_thread(store.read, read)
    return store.read(read)


def answer_request(request: Request, answer: Answer) -> Response:
    """Answers with an object and the id of the request."""
    return json_response({**answer, "request_id": request.state.request_id})
