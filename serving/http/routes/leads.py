"""The routes of one stored lead: its life, its data, and its erasure."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.bodies.intake_items import LeadBody, LeadChanges
from serving.http.idempotency import IDEMPOTENT, answer_write
from serving.http.openapi.lead_answers import ErasureAnswer, LeadAnswer, PutLeadAnswer
from serving.http.openapi.problem_answers import problem_responses
from serving.http.openapi.score_answers import LifeAnswer
from serving.http.queries import LeadId, LifeQuery, TimelineQuery
from serving.http.responses import await_write, read_of_lead, read_store, response_with_id
from serving.http.routes.stored_rows import lead_object
from serving.http.routes.strict_route import LeadPartRoute, StrictRoute
from serving.http.state import server_of
from serving.scoring.json_rows import JsonObject
from serving.scoring.notes import notes_on_types
from serving.store.evidence import read_lead, read_timeline
from serving.store.store import Store
from serving.stored_leads.score_history import score_life

# Longer timelines are read in a thread, so that other requests go on meanwhile.
_SHORT_TIMELINE: Final = 200

part_router = APIRouter(route_class=LeadPartRoute)
router = APIRouter(route_class=StrictRoute)


@part_router.get(
    "/v1/leads/{lead_id:path}/life",
    operation_id="leadLife",
    summary="The scores of a lead over its life",
    response_model=LifeAnswer,
    response_description="One point for each moment at which something became known.",
    responses=problem_responses(404, 410, 503),
)
async def lead_life(request: Request, lead_id: LeadId, query: Annotated[LifeQuery, Query()]) -> Response:
    """Scores a lead as of each moment of its life at which something became known."""
    server = server_of(request)
    predictor, now = server.live.predictor, server.clock()
    read = partial(score_life, predictor=predictor, lead_id=lead_id, options=query.options, now=now)
    reading = read_store(request, read, is_long=True)
    return response_with_id(request, await read_of_lead(request, lead_id, reading))


@router.put(
    "/v1/leads/{lead_id:path}",
    operation_id="putLead",
    summary="Create or update a lead",
    response_model=PutLeadAnswer,
    response_description="The lead is stored.",
    responses=problem_responses(409, 410, 503),
    openapi_extra=IDEMPOTENT,
)
async def put_lead(request: Request, lead_id: LeadId, body: LeadBody) -> Response:
    """Creates a lead, or merges into it what the body names; every change is kept with its time.

    What the body does not name stays, unlike with other services: null empties an attribute. Another
    `created_at` than the stored one corrects it; scores that were given before are replayed as they were.
    """
    return await _merge(request, lead_id, body, must_exist=False)


@router.patch(
    "/v1/leads/{lead_id:path}",
    operation_id="patchLead",
    summary="Update a stored lead",
    response_model=PutLeadAnswer,
    response_description="The lead is stored.",
    responses=problem_responses(404, 409, 410, 503),
    openapi_extra=IDEMPOTENT,
)
async def patch_lead(request: Request, lead_id: LeadId, body: LeadChanges) -> Response:
    """Merges into a stored lead what the body names, as PUT does, and creates none."""
    return await _merge(request, lead_id, body, must_exist=True)


async def _merge(request: Request, lead_id: str, body: LeadChanges, *, must_exist: bool) -> Response:
    notes = notes_on_types(server_of(request).live.predictor, body.attributes)

    def answer(put: tuple[str, list[str]]) -> JsonObject:
        stored_id, changed = put
        return {"lead_id": stored_id, "changed": changed, "notes": notes}

    def write(store: Store) -> Future[tuple[str, list[str]]]:
        return store.put_lead(lead_id, body, must_exist=must_exist)

    return await answer_write(request, write, answer, named=lead_id)


@router.get(
    "/v1/leads/{lead_id:path}",
    operation_id="lead",
    summary="A lead with its timeline",
    response_model=LeadAnswer,
    response_description="The lead.",
    responses=problem_responses(404, 410, 503),
)
async def lead(request: Request, lead_id: LeadId, query: Annotated[TimelineQuery, Query()]) -> Response:
    """Returns a lead with its attributes, its outcome and its newest interactions."""
    server = server_of(request)
    now, link = server.clock(), server.settings.record_url(lead_id)

    def read(connection: sa.Connection) -> JsonObject:
        kept = read_lead(connection, lead_id)
        timeline = read_timeline(connection, kept.lead_id, limit=query.interactions)
        return {**lead_object(kept, timeline, now=now), "record_url": link}

    is_long = query.interactions > _SHORT_TIMELINE
    reading = read_store(request, read, is_long=is_long)
    return response_with_id(request, await read_of_lead(request, lead_id, reading))


@router.delete(
    "/v1/leads/{lead_id:path}",
    operation_id="eraseLead",
    summary="Erase a lead",
    response_model=ErasureAnswer,
    response_description="Only salted hashes of its ids remain.",
    responses=problem_responses(404, 410, 503),
)
async def erase_lead(request: Request, lead_id: LeadId) -> Response:
    """Erases a lead and all its data; data of it sent later is refused."""
    erasure = await await_write(request, server_of(request).store.erase_lead(lead_id))
    return response_with_id(request, {"lead_id": erasure.lead_id, "erased": dict(erasure.counts)})
