"""The routes of lists: leads to call, new scores, items in quarantine."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from features.times import format_time
from serving.http.cloud_events import score_event
from serving.http.list_queries import LeadsQuery, QuarantineQuery, ScoresQuery, write_cursor
from serving.http.openapi.conditional import CONDITIONAL, not_modified
from serving.http.openapi.list_answers import EventsAnswer, LeadsAnswer, QuarantineAnswer, ScoresAnswer
from serving.http.openapi.problem_answers import problem_responses
from serving.http.responses import read_store, tagged_response
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.store.lists import Page, list_leads, list_quarantine, list_scores

router = APIRouter(route_class=StrictRoute)


@router.get(
    "/v1/leads",
    operation_id="leads",
    summary="Open leads, ranked",
    response_model=LeadsAnswer,
    response_description="A page of the list.",
    responses={**problem_responses(503), **not_modified()},
    openapi_extra=CONDITIONAL,
)
async def leads(request: Request, query: Annotated[LeadsQuery, Query()]) -> Response:
    """Returns open leads with their scores, those to call first before the others."""
    server = server_of(request)
    read = partial(
        list_leads,
        lead_filter=query.lead_filter,
        now=server.clock(),
        limit=query.limit,
        after=query.read_cursor(),
        display=server.shown,
    )
    page = await read_store(request, read, is_long=True)
    content = {
        "leads": [
            {**row, "record_url": server.settings.record_url(str(row["lead_id"]))} for row in page.rows
        ],
        "next_cursor": write_cursor(page.following),
        "total": page.total,
        "bands": server.live.predictor.band_names,
        "display": server.shown,
    }
    return tagged_response(request, content)


@router.get(
    "/v1/scores",
    operation_id="scores",
    summary="Scores computed since a moment",
    response_model=ScoresAnswer,
    response_description="A page, in the order in which the scores were written.",
    responses={**problem_responses(503), **not_modified()},
    openapi_extra=CONDITIONAL,
)
async def scores(request: Request, query: Annotated[ScoresQuery, Query()]) -> Response:
    """Returns the scores computed at a moment or later, or written since a cursor, in this order."""
    page = await _page_of_scores(request, query)
    return tagged_response(request, {"scores": page.rows, **_cursors(page, query)})


@router.get(
    "/v1/scores/events",
    operation_id="scoreEvents",
    summary="Scores computed since a moment, as CloudEvents",
    response_model=EventsAnswer,
    response_description="A page, in the order in which the scores were written.",
    responses={**problem_responses(503), **not_modified()},
    openapi_extra=CONDITIONAL,
)
async def score_events(request: Request, query: Annotated[ScoresQuery, Query()]) -> Response:
    """Returns the rows of `GET /v1/scores`, each as a CloudEvent, with the same query and cursors."""
    page = await _page_of_scores(request, query)
    events = [score_event(row) for row in page.rows]
    return tagged_response(request, {"events": events, **_cursors(page, query)})


async def _page_of_scores(request: Request, query: ScoresQuery) -> Page:
    read = partial(
        list_scores, feed=query.feed, since=query.updated_since, limit=query.limit, after=query.read_cursor()
    )
    return await read_store(request, read, is_long=True)


def _cursors(page: Page, query: ScoresQuery) -> dict[str, object]:
    since = query.updated_since
    return {
        "next_cursor": None if page.is_last else write_cursor(page.following),
        "resume_cursor": write_cursor(page.following) if page.is_last else None,
        "updated_until": page.rows[-1]["scored_at"] if page.rows else since and format_time(since),
    }


@router.get(
    "/v1/quarantine",
    operation_id="quarantine",
    summary="Items in quarantine, and why",
    response_model=QuarantineAnswer,
    response_description="A page, the newest first.",
    responses={**problem_responses(503), **not_modified()},
    openapi_extra=CONDITIONAL,
)
async def quarantine(request: Request, query: Annotated[QuarantineQuery, Query()]) -> Response:
    """Returns the items in quarantine, the newest first."""
    read = partial(list_quarantine, limit=query.limit, after=query.read_cursor())
    page = await read_store(request, read, is_long=True)
    return tagged_response(request, {"items": page.rows, "next_cursor": write_cursor(page.following)})
