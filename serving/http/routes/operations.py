"""The routes for whoever runs the server: does it live, is it ready, its metrics, its health."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from serving.errors import StoreAwayError
from serving.http.metrics import MEDIA_TYPE, ItemCounts
from serving.http.openapi.operation_answers import HealthAnswer, Liveness, Readiness
from serving.http.openapi.problem_answers import problem_responses
from serving.http.responses import read_store, response_with_id
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.intake.ingest import read_ingestion
from serving.store.health import read_health

router = APIRouter(route_class=StrictRoute)


@router.get(
    "/livez",
    operation_id="livez",
    summary="Does the process run?",
    response_model=Liveness,
    response_description="It does.",
)
async def livez(request: Request) -> Response:
    """Says that the process runs."""
    return response_with_id(request, {"status": "alive"})


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Which version answers?",
    response_model=Readiness,
    response_description="This one does.",
    responses={503: {"model": Readiness, "description": "It is stopping."}},
)
async def readyz(request: Request) -> Response:
    """Says which version answers, and whether another one should and was refused; 503 once it is stopping."""
    server = server_of(request)
    refusal = server.live.refusal
    is_stopping = server.shutdown.has_begun
    content = {
        "status": "stopping" if is_stopping else "ready",
        "model_version": server.live.predictor.model_version,
        "refused": None if refusal is None else {"model_version": refusal.version, "reason": refusal.reason},
    }
    return response_with_id(request, content, status=503 if is_stopping else 200)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="The figures of this server, for Prometheus",
    response_class=PlainTextResponse,
    response_description="Prometheus' text format.",
)
async def metrics(request: Request) -> Response:
    """Gives the figures of this server, all its workers together."""
    server = server_of(request)
    ingestion = await _ingestion(request)
    return Response(server.metrics.exposition(server.live, ingestion), media_type=MEDIA_TYPE)


@router.get(
    "/v1/health",
    operation_id="health",
    summary="What came in, how current the list is, how old the model is",
    response_model=HealthAnswer,
    response_description="It is like this.",
    responses=problem_responses(503),
)
async def health(request: Request) -> Response:
    """Tells what came in and what became of it, how current the list is, and how old the model."""
    server = server_of(request)
    read = partial(read_health, live=server.live, now=server.clock())
    return response_with_id(request, await read_store(request, read, is_long=True))


async def _ingestion(request: Request) -> ItemCounts | None:
    """Reads the counts of items; None where the database is away, when all other figures matter most."""
    try:
        return await read_store(request, read_ingestion)
    except StoreAwayError:
        return None
