"""Describes the routes for OpenAPI: bodies with examples, answers, and every problem."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from serving.answer_schemas import (
    BatchAnswer,
    Liveness,
    ModelAnswer,
    Problem,
    Readiness,
    ScoreAnswer,
    problem_responses,
)
from serving.intake_schemas import InteractionsBody, LeadBody, OutcomesBody
from serving.schemas import BatchRequest, ScoreRequest

DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, the exact reasons for it, and "
    "which model said so. Problems are application/problem+json (RFC 9457) with code, request_id and errors."
)
_REFERENCE: Final = "#/components/schemas/{model}"
_OF_BODIES: Final = problem_responses(400, 413, 415, 421, 422, 500)
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
    "responses": {200: {"model": Readiness, "description": "This one does."}, **_OF_OTHERS},
}
METRICS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "metrics",
    "summary": "The figures of this server, for Prometheus",
    "responses": {
        200: {"description": "x", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **_OF_OTHERS,
    },
}


def describe(app: FastAPI) -> None:
    """Lets the application give its description, bodies included, which FastAPI itself does not read."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            described = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            described["components"]["schemas"].update(_schemas())
            app.openapi_schema = described
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    bodies = (ScoreRequest, BatchRequest, LeadBody, InteractionsBody, OutcomesBody, Problem)
    models = [(model, "validation") for model in bodies]
    _, definitions = models_json_schema(models, ref_template=_REFERENCE)  # type: ignore[arg-type]
    schemas: dict[str, Any] = definitions["$defs"]
    return schemas
