"""The Idempotency-Key of a request that writes: who sends it again gets the answer that was stored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from fastapi import Request
from starlette.responses import Response

from serving.errors import Fault, IdempotencyKeyError, InProgressError
from serving.http.body import BODY
from serving.http.responses import await_write, json_bytes_with_id, response_with_id
from serving.http.state import server_of
from serving.intake.stored_answers import AnsweredBeforeError, once_of
from serving.store.store import Store

_T = TypeVar("_T")
_Answer = Callable[[_T], Mapping[str, object]]

NAME: Final = "Idempotency-Key"
_NAME: Final = NAME.lower()
_KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
_REPLAYED: Final = {"Idempotency-Replayed": "true"}
_FAULT: Final = Fault("", "idempotency_key", f"{NAME} has 1 to 255 visible ASCII characters.")


async def answer_write(
    request: Request,
    write: Callable[[Store], Future[_T]],
    answer: _Answer[_T],
    *,
    named: object = None,
) -> Response:
    """Writes to the store and responds; a request that came before with the same key gets its answer.

    Args:
        request: that writes.
        write: queues what is written.
        answer: makes the content of the response, without the id of the request.
        named: id of the lead in the path, and the parsed body.

    Raises:
        IdempotencyKeyError: the key is none.
        KeyReusedError: another request came with the same key.
        InProgressError: this request came with the same key before, and is not done.
    """
    server = server_of(request)
    sent = request.headers.getlist(_NAME)
    if not sent:
        return response_with_id(request, answer(await await_write(request, write(server.store))))
    if len(sent) > 1 or not _KEY.fullmatch(sent[0]):
        raise IdempotencyKeyError(_FAULT)
    once = once_of(
        sent[0],
        key_id=request.scope["state"].get("key") or "",
        method=request.method,
        path=request.scope["raw_path"].partition(b"?")[0],
        body=request.scope["state"][BODY],
        named=named,
    )
    if once.key in server.in_progress:
        raise InProgressError
    server.in_progress.add(once.key)
    try:
        returned = await await_write(request, write(server.store.answering(once, answer)))
    except AnsweredBeforeError as before:
        return json_bytes_with_id(request, before.body, headers=_REPLAYED)
    finally:
        server.in_progress.discard(once.key)
    return response_with_id(request, answer(returned))


# How OpenAPI describes the header.
IDEMPOTENT: Final[dict[str, Any]] = {
    "parameters": [
        {
            "name": NAME,
            "in": "header",
            "required": False,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[\x21-\x7e]+$"},
            "description": "A text of your own for this request, new for each: sent again within 24 hours, "
            "the same request with the same key has the same answer, and another request is refused.",
        }
    ]
}
