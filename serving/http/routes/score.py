"""The routes that score leads sent in the request."""

from __future__ import annotations

import time
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.bodies.score_bodies import BatchRequest, ScoreRequest
from serving.http.auth import charge
from serving.http.body import BODY, LARGE_BYTES
from serving.http.openapi.score_answers import BatchAnswer, ScoreAnswer
from serving.http.responses import json_response
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.scoring.body_leads import add_notes, request_of_body, score_items
from serving.scoring.lead_requests import score_single
from serving.scoring.microbatch import MOST_AT_ONCE

router = APIRouter(route_class=StrictRoute)


@router.post(
    "/v1/score",
    operation_id="score",
    summary="Score one lead",
    response_model=ScoreAnswer,
    response_description="The score.",
)
async def score(request: Request, body: ScoreRequest) -> Response:
    """Scores the lead in the body; nothing is written."""
    server = server_of(request)
    predictor = server.live.predictor
    lead = request_of_body(predictor, body, now=_now())
    is_large = len(request.scope["state"][BODY]) > LARGE_BYTES
    scored = await (server.working.run(partial(score_single, lead)) if is_large else server.score_lead(lead))
    answer = add_notes(scored, lead)
    answer["request_id"] = request.scope["state"]["request_id"]
    server.metrics.count_score("request", str(answer["status"]))
    return json_response(answer)


@router.post(
    "/v1/score/batch",
    operation_id="scoreBatch",
    summary="Score up to 200 leads",
    response_model=BatchAnswer,
    response_description="One score or failure per lead.",
)
async def score_batch(request: Request, body: BatchRequest) -> Response:
    """Scores up to 200 leads, each with its own status: a lead with a fault does not affect the others."""
    server = server_of(request)
    charge(request.scope, leads=len(body.leads))
    score = partial(score_items, server.live.predictor, body.leads, now=_now())
    is_small = len(body.leads) <= MOST_AT_ONCE and len(request.scope["state"][BODY]) <= LARGE_BYTES
    answers = score() if is_small else await server.working.run(score)
    for answer in answers:
        server.metrics.count_score("batch", str(answer["status"]))
    return json_response({"request_id": request.state.request_id, "scores": answers})


def _now() -> int:
    return time.time_ns() // 1000
