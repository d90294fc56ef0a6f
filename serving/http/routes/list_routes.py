"""The routes of lists: whom to call, which scores are new, what lies in quarantine; and of the health."""

from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from features.times import format_time
from serving.http.body import read_requests_ourselves
from serving.http.list_queries import (
    read_leads_query,
    read_quarantine_query,
    read_scores_query,
    write_cursor,
)
from serving.http.openapi.list_docs import HEALTH_DOCS, LEADS_DOCS, QUARANTINE_DOCS, SCORES_DOCS
from serving.http.responses import answer_request, ask_store
from serving.scoring.json_rows import JsonObject
from serving.scoring.live_model import LiveModel
from serving.store.health import read_health
from serving.store.lists import Page, list_leads, list_quarantine, list_scores

router = APIRouter()


@router.get("/v1/leads", **LEADS_DOCS)
async def leads(request: Request) -> Response:
    """Gives open leads, those to call first before the others."""
    asked, after = read_leads_query(request)
    read = partial(list_leads, lead_filter=asked.lead_filter, limit=asked.limit, after=after)
    page = await ask_store(request, read, is_long=True)
    live: LiveModel = request.app.state.live
    told = {"total": page.total, "bands": live.predictor.band_names}
    return answer_request(request, {**_page(page, "leads"), **told})


@router.get("/v1/scores", **SCORES_DOCS)
async def scores(request: Request) -> Response:
    """Gives the scores that were made at a moment or later."""
    asked, after = read_scores_query(request)
    read = partial(list_scores, feed=asked.feed, since=asked.updated_since, limit=asked.limit, after=after)
    page = await ask_store(request, read, is_long=True)
    latest = page.rows[-1]["scored_at"] if page.rows else format_time(asked.updated_since)
    return answer_request(request, {**_page(page, "scores"), "updated_until": latest})


@router.get("/v1/quarantine", **QUARANTINE_DOCS)
async def quarantine(request: Request) -> Response:
    """Gives what lies in quarantine, the newest first."""
    asked, after = read_quarantine_query(request)
    read = partial(list_quarantine, limit=asked.limit, after=after)
    page = await ask_store(request, read, is_long=True)
    return answer_request(request, _page(page, "items"))


@router.get("/v1/health", **HEALTH_DOCS)
async def health(request: Request) -> Response:
    """Tells what came in and what became of it, how current the list is, and how old the model."""
    live: LiveModel = request.app.state.live
    now: int = request.app.state.clock()

    def read(connection: sa.Connection) -> JsonObject:
        return read_health(connection, live, now=now)

    return answer_request(request, await ask_store(request, read, is_long=True))


read_requests_ourselves(router)


def _page(page: Page, list_name: str) -> JsonObject:
    return {list_name: page.rows, "next_cursor": write_cursor(page.following)}
