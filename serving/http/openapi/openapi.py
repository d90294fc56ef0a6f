"""Describes the routes for OpenAPI: bodies with examples, answers, and every problem."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.responses import PlainTextResponse

from serving.bodies.intake_bodies import (
    IntakeInteraction,
    IntakeOutcome,
    InteractionsBody,
    LeadBody,
    OutcomesBody,
)
from serving.bodies.score_bodies import BatchRequest, ScoreRequest
from serving.http.auth import Guarded
from serving.http.openapi.answer_schemas import (
    BatchAnswer,
    Liveness,
    ModelAnswer,
    Problem,
    Readiness,
    ScoreAnswer,
    problem_responses,
)
from serving.http.openapi.examples import ANSWERS
from serving.http.openapi.lead_docs import SegmentBody, SegmentMessage

DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, the exact reasons for it, and "
    "which model said so. Problems are application/problem+json (RFC 9457) with code, request_id and errors, "
    "which name path and rule. A server that has keys asks for one, as X-API-Key or as Bearer; every route "
    "says which scope it has to have, and a key with the scope admin has all. X-Request-ID comes back, and "
    "stands in the log."
)
_SECURITY_SCHEMES: Final = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_REFERENCE: Final = "#/components/schemas/{model}"
_OF_BODIES: Final = problem_responses(400, 408, 413, 415, 421, 422, 500)
_OF_OTHERS: Final = problem_responses(421, 500)


def _body_of(model: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model)}}}
    return {"requestBody": {"required": True, "content": content}}


SCORE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "score",
    "summary": "Score one lead",
    "responses": {200: {"model": ScoreAnswer, "description": "The score."}, **_OF_BODIES},
    "openapi_extra": _body_of("ScoreRequest"),
}
BATCH_DOCS: Final[dict[str, Any]] = {
    "operation_id": "scoreBatch",
    "summary": "Score up to 200 leads",
    "responses": {200: {"model": BatchAnswer, "description": "A score or failure for each."}, **_OF_BODIES},
    "openapi_extra": _body_of("BatchRequest"),
}
MODEL_DOCS: Final[dict[str, Any]] = {
    "operation_id": "model",
    "summary": "The card of the model that answers",
    "responses": {200: {"model": ModelAnswer, "description": "The card."}, **_OF_OTHERS},
}
LIVE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "livez",
    "summary": "Does the process run?",
    "responses": {200: {"model": Liveness, "description": "It does."}, **_OF_OTHERS},
}
READY_DOCS: Final[dict[str, Any]] = {
    "operation_id": "readyz",
    "summary": "Which version answers?",
    "responses": {
        200: {"model": Readiness, "description": "This one does."},
        **_OF_OTHERS,
        503: {"model": Readiness, "description": "It is stopping."},
    },
}
METRICS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "metrics",
    "summary": "The figures of this server, for Prometheus",
    "response_class": PlainTextResponse,
    "responses": {200: {"description": "Prometheus' text format."}, **_OF_OTHERS},
}


def describe(app: FastAPI) -> None:
    """Lets the application give its description, bodies included, which FastAPI itself does not read."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            described["components"]["schemas"].update(_schemas())
            described["components"]["securitySchemes"] = _SECURITY_SCHEMES
            for route, operation in _operations(app, described):
                _complete(route, operation)
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _operations(app: FastAPI, described: dict[str, Any]) -> Iterator[tuple[APIRoute, dict[str, Any]]]:
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                yield route, described["paths"][route.path_format][method.lower()]


def _complete(route: APIRoute, operation: dict[str, Any]) -> None:
    """Adds what follows from the scope of a route, and its example."""
    example = ANSWERS.get(str(operation["operationId"]))
    if example is not None:
        for media in operation["responses"]["200"]["content"].values():
            media["example"] = example
    needed = route.app.needed if isinstance(route.app, Guarded) else None
    if needed is None:
        return
    operation["description"] = f"{operation['description']}\n\nScope of the key: `{needed}`."
    # The last: a server without keys asks for none.
    operation["security"] = [{"apiKey": []}, {"bearer": []}, {}]
    for status, response in problem_responses(401, 403, 429, 503).items():
        operation["responses"].setdefault(str(status), response)


def _schemas() -> dict[str, Any]:
    bodies = (
        *(ScoreRequest, BatchRequest, LeadBody, InteractionsBody, OutcomesBody, Problem),
        *(IntakeInteraction, IntakeOutcome, SegmentBody, SegmentMessage),
    )
    # All at once, because some name others.
    kinds = [(kind.__name__, "validation", TypeAdapter(kind)) for kind in bodies]
    _, definitions = TypeAdapter.json_schemas(kinds, ref_template=_REFERENCE)  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas
