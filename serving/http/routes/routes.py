"""The routes: each takes a request apart, asks one function, and writes what it says."""

from __future__ import annotations

import asyncio
import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.bodies.score_bodies import read_batch_request, read_score_request
from serving.bodies.strict_json import parse_json
from serving.errors import StoreAwayError
from serving.http.body import read_body, read_requests_ourselves
from serving.http.metrics import MEDIA_TYPE, ItemCounts, Metrics
from serving.http.openapi.model_docs import TERMS_DOCS, VERSIONS_DOCS
from serving.http.openapi.openapi import (
    BATCH_DOCS,
    LIVE_DOCS,
    METRICS_DOCS,
    MODEL_DOCS,
    READY_DOCS,
    SCORE_DOCS,
)
from serving.http.responses import ask_store, json_response
from serving.intake.ingest import read_ingestion
from serving.scoring.body_leads import add_notes, request_of_body, score_items
from serving.scoring.json_rows import JsonObject
from serving.scoring.live_model import LiveModel
from serving.scoring.microbatch import MOST_AT_ONCE
from serving.scoring.term_curves import describe_terms
from serving.scoring.versions import describe_versions

router = APIRouter()


@router.post("/v1/score", **SCORE_DOCS)
async def score(request: Request) -> Response:
    """Scores the lead in the body; nothing is written."""
    live: LiveModel = request.app.state.live
    predictor = live.predictor
    body = read_score_request(parse_json(await read_body(request)))
    question = request_of_body(predictor, body, now=_now())
    answer = add_notes(await request.app.state.score_lead(question), predictor, body)
    answer["request_id"] = request.state.request_id
    request.app.state.metrics.count_score("request", answer["status"])
    return json_response(answer)


@router.post("/v1/score/batch", **BATCH_DOCS)
async def score_batch(request: Request) -> Response:
    """Scores up to 200 leads, each with a status of its own: a lead with a fault costs no other its score."""
    live: LiveModel = request.app.state.live
    predictor, now = live.predictor, _now()
    body = read_batch_request(parse_json(await read_body(request)))
    answers: list[JsonObject] = []
    for start in range(0, len(body.leads), MOST_AT_ONCE):
        answers += score_items(predictor, body.leads[start : start + MOST_AT_ONCE], now=now)
        await asyncio.sleep(0)
    for answer in answers:
        request.app.state.metrics.count_score("batch", answer["status"])
    return json_response({"request_id": request.state.request_id, "scores": answers})


@router.get("/v1/model", **MODEL_DOCS)
async def model(request: Request) -> Response:
    """Gives the card of the model that answers."""
    live: LiveModel = request.app.state.live
    predictor = live.predictor
    return json_response({**predictor.bundle.card.to_json(), "request_id": request.state.request_id})


@router.get("/v1/model/terms", **TERMS_DOCS)
async def terms(request: Request) -> Response:
    """Gives what each feature and each pair of features adds, as the page draws it."""
    live: LiveModel = request.app.state.live
    return json_response({**describe_terms(live.predictor.bundle), "request_id": request.state.request_id})


@router.get("/v1/model/versions", **VERSIONS_DOCS)
async def versions(request: Request) -> Response:
    """Gives the versions of the home with their figures, and when each of them was promoted."""
    live: LiveModel = request.app.state.live
    told = await asyncio.to_thread(describe_versions, live.home, answering=live.predictor.model_version)
    return json_response({**told, "request_id": request.state.request_id})


@router.get("/livez", **LIVE_DOCS)
async def livez(request: Request) -> Response:
    """Says that the process runs."""
    return json_response({"status": "alive", "request_id": request.state.request_id})


@router.get("/readyz", **READY_DOCS)
async def readyz(request: Request) -> Response:
    """Says which version answers, and whether another one should and was refused; 503 once it is stopping."""
    live: LiveModel = request.app.state.live
    refusal = live.refusal
    refused = None if refusal is None else {"model_version": refusal.version, "reason": refusal.reason}
    is_stopping: bool = request.app.state.drain.has_begun
    return json_response(
        {
            "status": "stopping" if is_stopping else "ready",
            "model_version": live.predictor.model_version,
            "refused": refused,
            "request_id": request.state.request_id,
        },
        status=503 if is_stopping else 200,
    )


@router.get("/metrics", **METRICS_DOCS)
async def metrics(request: Request) -> Response:
    """Gives the figures of this server, all its workers together."""
    told: Metrics = request.app.state.metrics
    ingestion = await _ingestion(request)
    return Response(told.exposition(request.app.state.live, ingestion), media_type=MEDIA_TYPE)


read_requests_ourselves(router)


async def _ingestion(request: Request) -> ItemCounts | None:
    """Reads the counts of items; None where the database is away, when all other figures matter most."""
    try:
        return await ask_store(request, read_ingestion)
    except StoreAwayError:
        return None


def _now() -> int:
    return time.time_ns() // 1000
