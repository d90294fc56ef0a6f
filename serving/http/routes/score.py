"""The routes that score leads sent in the request."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.bodies.score_bodies import BatchRequest, ScoreRequest
from serving.http.openapi.score_answers import BatchAnswer, ScoreAnswer
from serving.http.responses import json_response
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.scoring.body_leads import add_notes, request_of_body, score_items
from serving.scoring.json_rows import JsonObject
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
    answer = add_notes(await server.score_lead(lead), lead)
    answer["request_id"] = request.state.request_id
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
    predictor, now = server.live.predictor, _now()
    answers: list[JsonObject] = []
    for start in range(0, len(body.leads), MOST_AT_ONCE):
        answers += score_items(predictor, body.leads[start : start + MOST_AT_ONCE], now=now)
        await asyncio.sleep(0)
    for answer in answers:
        server.metrics.count_score("batch", str(answer["status"]))
    return json_response({"request_id": request.state.request_id, "scores": answers})


def _now() -> int:
    return time.time_ns() // 1000
