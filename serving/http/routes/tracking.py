"""The routes that tracking libraries of Segment and RudderStack call, unchanged but for host and key.

Source: https://segment.com/docs/connections/sources/catalog/libraries/server/http-api/; the path of each
library stands in its source, Ruby's and Java's is `/v1/import`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from serving.bodies.score_bodies import DescribedAs
from serving.http.auth import check_source
from serving.http.openapi.intake_answers import SegmentBody, SegmentCall, TrackingAnswer
from serving.http.openapi.problem_answers import problem_responses
from serving.http.responses import await_write, response_with_id
from serving.http.routes.stored_rows import items_object
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.intake.segment import SOURCE
from serving.intake.segment_messages import read_call

router = APIRouter(route_class=StrictRoute)

Batch = Annotated[Any, DescribedAs(SegmentBody), Body()]
Message = Annotated[Any, DescribedAs(SegmentCall), Body()]
_BATCHES: Final = ("batch", "import")
_CALLS: Final = ("track", "identify", "page", "screen", "alias", "group")


async def _take(request: Request, document: object, type_: str | None) -> Response:
    """Stores the messages of a call; what a message lacks is no reason for the library to send it again."""
    check_source(request, SOURCE)
    messages = read_call(document, type_=type_)
    adding = server_of(request).store.add_messages(messages, corrects_clocks=True)
    verdicts = await await_write(request, adding)
    items = items_object(verdicts, messages, list_name="batch")
    return response_with_id(request, {"success": True, **items})


async def _add_batch(request: Request, document: Batch) -> Response:
    """Stores messages exactly once, each with its own status, with the clock of the sender corrected."""
    return await _take(request, document, None)


def _adder(type_: str) -> Callable[[Request, Any], Awaitable[Response]]:
    async def add(request: Request, document: Message) -> Response:
        return await _take(request, document, type_)

    add.__doc__ = f"Stores one {type_} message exactly once, with the clock of the sender corrected."
    return add


def _add_routes() -> None:
    batches = [(call, "Store a batch of a tracking library", _add_batch) for call in _BATCHES]
    calls = [(call, f"Store one {call} message of a tracking library", _adder(call)) for call in _CALLS]
    for call, summary, endpoint in [*batches, *calls]:
        router.post(
            f"/v1/{call}",
            operation_id=f"tracking{call.capitalize()}",
            summary=summary,
            response_model=TrackingAnswer,
            response_description="The status of each message; what is stored is durable.",
            responses=problem_responses(503),
        )(endpoint)


_add_routes()
