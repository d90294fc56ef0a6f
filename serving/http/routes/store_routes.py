"""The routes of the store: what a CRM tells of leads, what is kept of them, and their scores."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.bodies.intake_bodies import read_interactions_body, read_lead_body, read_outcomes_body
from serving.bodies.strict_json import parse_json
from serving.clock import new_id
from serving.http.body import read_body, read_requests_ourselves
from serving.http.openapi.lead_docs import (
    ERASE_DOCS,
    INTERACTIONS_DOCS,
    LEAD_DOCS,
    LEAD_SCORE_DOCS,
    LIFE_DOCS,
    OUTCOMES_DOCS,
    PUT_LEAD_DOCS,
)
from serving.http.queries import (
    is_path_of,
    read_lead_id,
    read_life_question,
    read_question,
    read_timeline_limit,
)
from serving.http.responses import answer_request, ask_store, store_of
from serving.http.routes.stored_rows import answer_items, answer_stored_lead
from serving.intake.items import Verdict
from serving.intake.segment import is_segment, read_messages
from serving.scoring.json_rows import JsonObject
from serving.scoring.live_model import LiveModel
from serving.store.evidence import read_lead, read_timeline
from serving.stored_leads.score_history import score_life
from serving.stored_leads.score_lead import StoredLeadRequest

router = APIRouter()

# Of so many interactions on, others have their turn while a timeline is read.
_SHORT_TIMELINE = 200


@router.put("/v1/leads/{lead_id:path}", **PUT_LEAD_DOCS)
async def put_lead(request: Request) -> Response:
    """Makes a lead, or merges what is new about it."""
    lead_id = read_lead_id(request)
    body = read_lead_body(parse_json(await read_body(request)))
    changed = await asyncio.wrap_future(store_of(request).put_lead(lead_id, body))
    return answer_request(request, {"lead_id": lead_id, "changed": changed})


@router.post("/v1/interactions", **INTERACTIONS_DOCS)
async def add_interactions(request: Request) -> Response:
    """Stores interactions exactly once, each with a status of its own; takes Segment's messages too."""
    document = parse_json(await read_body(request))
    if is_segment(document):
        messages = read_messages(document)
        verdicts = await asyncio.wrap_future(store_of(request).add_messages(messages))
        return _answer_items(request, verdicts, messages, list_name="batch")
    body = read_interactions_body(document)
    verdicts = await asyncio.wrap_future(store_of(request).add_interactions(body.source, body.interactions))
    return _answer_items(request, verdicts, body.interactions, list_name="interactions")


@router.post("/v1/outcomes", **OUTCOMES_DOCS)
async def add_outcomes(request: Request) -> Response:
    """Stores outcomes exactly once, each with a status of its own."""
    body = read_outcomes_body(parse_json(await read_body(request)))
    verdicts = await asyncio.wrap_future(store_of(request).add_outcomes(body.source, body.outcomes))
    return _answer_items(request, verdicts, body.outcomes, list_name="outcomes")


@router.get("/v1/leads/{lead_id:path}/score", **LEAD_SCORE_DOCS)
async def lead_score(request: Request) -> Response:
    """Scores a lead with what is kept of it, as it was known at `as_of`."""
    if not is_path_of(request, "score"):
        return await lead(request)
    lead_id = read_lead_id(request)
    live: LiveModel = request.app.state.live
    question = read_question(request)
    now: int = request.app.state.clock()
    asked = StoredLeadRequest(live.predictor, lead_id, question, now)
    answer, evidence = await request.app.state.score_stored(asked)
    request.app.state.metrics.count_score("store", answer["status"])
    score_id = new_id()
    store_of(request).audit.record(
        score_id,
        answer,
        as_of=now if question.as_of is None else question.as_of,
        scored_at=now,
        sequence=evidence.lead.sequence,
        reasons=question.reasons,
    )
    return answer_request(request, {**answer, "score_id": score_id})


@router.get("/v1/leads/{lead_id:path}/life", **LIFE_DOCS)
async def lead_life(request: Request) -> Response:
    """Scores a lead as of every moment of its life at which something became known."""
    if not is_path_of(request, "life"):
        return await lead(request)
    lead_id = read_lead_id(request)
    live: LiveModel = request.app.state.live
    question = read_life_question(request)
    now: int = request.app.state.clock()
    tell = partial(score_life, predictor=live.predictor, lead_id=lead_id, options=question, now=now)
    return answer_request(request, await ask_store(request, tell, is_long=True))


@router.get("/v1/leads/{lead_id:path}", **LEAD_DOCS)
async def lead(request: Request) -> Response:
    """Gives a lead with its attributes, its outcome and its newest interactions."""
    lead_id = read_lead_id(request)
    limit = read_timeline_limit(request)
    now: int = request.app.state.clock()

    def read(connection: sa.Connection) -> JsonObject:
        kept = read_lead(connection, lead_id)
        return answer_stored_lead(kept, read_timeline(connection, lead_id, limit=limit), now=now)

    return answer_request(request, await ask_store(request, read, is_long=limit > _SHORT_TIMELINE))


@router.delete("/v1/leads/{lead_id:path}", **ERASE_DOCS)
async def erase_lead(request: Request) -> Response:
    """Erases a lead and all that is kept of it."""
    lead_id = read_lead_id(request)
    erasure = await asyncio.wrap_future(store_of(request).erase_lead(lead_id))
    return answer_request(request, {"lead_id": lead_id, "erased": dict(erasure.counts)})


read_requests_ourselves(router)


def _answer_items(
    request: Request, verdicts: Sequence[Verdict], items: Sequence[object], *, list_name: str
) -> Response:
    """Answers what became of items: nothing that was received is without a status."""
    return answer_request(request, answer_items(verdicts, items, list_name=list_name))
