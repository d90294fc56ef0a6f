"""The routes that score stored leads: one, and several by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from features.times import US_PER_SECOND
from serving.bodies.score_bodies import StoredLeadsRequest
from serving.clock import ahead_faults, new_id
from serving.errors import Fault, InvalidBodyError, RequestError, fault_records
from serving.http.auth import charge
from serving.http.openapi.problem_answers import problem_responses
from serving.http.openapi.score_answers import StoredLeadsAnswer, StoreScoreAnswer
from serving.http.problems import error_status, log_defect
from serving.http.queries import LeadId, ScoreQuery
from serving.http.responses import json_bytes_with_id, json_response, read_of_lead, read_store
from serving.http.routes.strict_route import LeadPartRoute, StrictRoute
from serving.http.state import ServerState, server_of
from serving.scoring.json_rows import JsonObject, failed_object
from serving.store.records import Evidence
from serving.stored_leads.recent_score import read_recent
from serving.stored_leads.score_lead import (
    ScoreOptions,
    StoredLeadRequest,
    horizon_faults,
    score_leads_of_ids,
)

part_router = APIRouter(route_class=LeadPartRoute)
router = APIRouter(route_class=StrictRoute)


@part_router.get(
    "/v1/leads/{lead_id:path}/score",
    operation_id="leadScore",
    summary="Score a stored lead, now or at a moment of the past",
    response_model=StoreScoreAnswer,
    response_description="The score.",
    responses=problem_responses(404, 410, 503),
)
async def lead_score(request: Request, lead_id: LeadId, query: Annotated[ScoreQuery, Query()]) -> Response:
    """Scores a lead from its stored data, as known at `as_of`; with `max_age` the current score may do."""
    server = server_of(request)
    now, options = server.clock(), query.options
    if query.max_age is not None:
        since = now - query.max_age * US_PER_SECOND
        version = server.live.predictor.model_version
        read = partial(read_recent, lead_id=lead_id, model_version=version, since=since)
        if (recent := await read_store(request, read)) is not None:
            server.metrics.count_score("current", recent.status)
            return json_bytes_with_id(request, recent.content)
    stored_lead = StoredLeadRequest(server.live.predictor, lead_id, options, now)
    answer, evidence = await read_of_lead(request, lead_id, server.score_stored(stored_lead))
    # Nobody gets the score of HEAD, so nobody can ask for its replay.
    score_id = new_id() if request.method == "HEAD" else _record(server, answer, evidence, options, now=now)
    return json_response({**answer, "score_id": score_id, "request_id": request.scope["state"]["request_id"]})


@router.post(
    "/v1/leads/scores",
    operation_id="leadScores",
    summary="Score up to 200 stored leads",
    response_model=StoredLeadsAnswer,
    response_description="One score or failure per lead.",
    responses=problem_responses(503),
)
async def lead_scores(request: Request, body: StoredLeadsRequest) -> Response:
    """Scores stored leads by their ids, each with its own status; an id that is unknown costs no other."""
    server = server_of(request)
    predictor, now = server.live.predictor, server.clock()
    options = ScoreOptions(body.as_of, body.horizon_days, body.reasons)
    faults = horizon_faults(predictor, options.horizon_days, path="/horizon_days")
    if faults := [*ahead_faults("/as_of", body.as_of or now, now=now), *faults]:
        raise InvalidBodyError(faults)
    leads = [StoredLeadRequest(predictor, lead_id, options, now) for lead_id in body.lead_ids]
    charge(request.scope, leads=len(leads))
    read = partial(score_leads_of_ids, requests=leads, salt=server.store.salt)
    answers: list[JsonObject] = []
    for place, reply in enumerate(await read_store(request, read, is_long=True)):
        if isinstance(reply, Exception):
            why = _faults_of(reply, f"/lead_ids/{place}", request.state.request_id)
            failed = failed_object(predictor, lead_id=body.lead_ids[place], scored_at=now)
            answers.append({**failed, "errors": fault_records(why), "score_id": None})
            server.metrics.count_score("store", "failed")
        else:
            score_id = _record(server, *reply, options, now=now)
            answers.append({**reply[0], "errors": [], "score_id": score_id})
    return json_response({"request_id": request.scope["state"]["request_id"], "scores": answers})


def _record(
    server: ServerState, answer: JsonObject, evidence: Evidence, options: ScoreOptions, *, now: int
) -> str:
    """Counts a score, and records it for replay; returns its id."""
    server.metrics.count_score("store", str(answer["status"]))
    score_id = new_id()
    server.store.audit.record(
        score_id,
        answer,
        as_of=now if options.as_of is None else options.as_of,
        scored_at=now,
        sequence=evidence.lead.sequence,
        reasons=options.reasons,
    )
    return score_id


def _faults_of(error: Exception, path: str, request_id: str) -> Sequence[Fault]:
    """Says why a lead has no score; what its moment is at fault for is named by the body, not by a query."""
    if isinstance(error, RequestError) and (status := error_status(error)) is not None:
        own = [Fault(fault.path.replace("?", "/"), fault.rule, fault.message) for fault in error.faults]
        return own or [Fault(path, status.code, str(error))]
    log_defect(error, request_id)
    return [Fault(path, "defect", "This is a defect of the service, not of the lead.")]
