"""The routes for operators: liveness, readiness, metrics and health."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from serving.alerts.counts import hook_objects, total_object
from serving.errors import BusyError, StoreAwayError, StoreLateError
from serving.http.metrics import MEDIA_TYPE, ItemCounts
from serving.http.openapi.operation_answers import HealthAnswer, Liveness, Readiness
from serving.http.openapi.problem_answers import problem_responses
from serving.http.responses import read_store, response_with_id
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.intake.counts import read_ingestion
from serving.scoring.json_rows import JsonObject
from serving.store.health import read_health
from serving.store.staleness import staleness_object

router = APIRouter(route_class=StrictRoute)
# The keys are read every second at least; so much later the database is away.
_LATE_SECONDS: Final = 2.0


@router.get(
    "/livez",
    operation_id="livez",
    summary="Does the process run?",
    response_model=Liveness,
    response_description="It runs.",
)
async def livez(request: Request) -> Response:
    """Responds as long as the process runs."""
    return response_with_id(request, {"status": "alive"})


@router.get(
    "/readyz",
    operation_id="readyz",
    summary="Is the server ready, and with which version?",
    response_model=Readiness,
    response_description="It is ready.",
    responses={503: {"model": Readiness, "description": "It is stopping, or the database does not respond."}},
)
async def readyz(request: Request) -> Response:
    """Returns the version in use, and the champion if it was refused; 503 once nothing can be answered."""
    server = server_of(request)
    staleness, alerts = server.staleness.found, server.staleness.alerts
    refusal = server.live.refusal
    status = (
        "stopping"
        if server.shutdown.has_begun
        else "keys_outdated"
        if server.access.keys.are_outdated
        else "store_away"
        if server.access.keys.read_age_seconds > server.settings.database_seconds + _LATE_SECONDS
        else "ready"
    )
    content = {
        "status": status,
        "model_version": server.live.predictor.model_version,
        "refused": None if refusal is None else {"model_version": refusal.version, "reason": refusal.reason},
        "scores": None if staleness is None else staleness_object(staleness),
        "alerts": None if alerts is None else total_object(alerts),
    }
    return response_with_id(request, content, status=200 if status == "ready" else 503)


@router.get(
    "/metrics",
    operation_id="metrics",
    summary="The metrics of this server, for Prometheus",
    response_class=PlainTextResponse,
    response_description="Metrics in the text format of Prometheus.",
)
async def metrics(request: Request) -> Response:
    """Returns the metrics of this server, summed over its workers."""
    server = server_of(request)
    ingestion = await _ingestion(request)
    content = server.metrics.exposition(server.live, server.access.keys, ingestion, server.staleness)
    return Response(content, media_type=MEDIA_TYPE)


@router.get(
    "/v1/health",
    operation_id="health",
    summary="Counts of items and leads, and the age of the model",
    response_model=HealthAnswer,
    response_description="The health of the service.",
    responses=problem_responses(503),
)
async def health(request: Request) -> Response:
    """Returns counts of received items by status, how current the scores are, and how old the model is."""
    server = server_of(request)
    live, now = server.live, server.clock()

    def read(connection: sa.Connection) -> JsonObject:
        return {**read_health(connection, live, now=now), "alerts": hook_objects(connection)}

    return response_with_id(request, await read_store(request, read, is_long=True))


async def _ingestion(request: Request) -> ItemCounts | None:
    """Reads the counts of items; None without a database, when all other metrics matter most."""
    try:
        return await read_store(request, read_ingestion)
    except (StoreAwayError, StoreLateError, BusyError):
        return None
