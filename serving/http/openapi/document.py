"""The OpenAPI document, which FastAPI generates from the signatures of the routes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.routing import BaseRoute

from serving.http.openapi.examples import EXAMPLES
from serving.http.openapi.problem_answers import Problem

_DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, with its exact reasons and "
    "the version of the model. Problems are application/problem+json (RFC 9457) with code, request_id and "
    "errors, which name path and rule. A server with keys requires one, as X-API-Key or as Bearer; the "
    "description of a route names the scope that the key needs, and the scope admin includes all others. "
    "A request may carry an X-Request-ID, which the response and the log repeat."
)
_REFERENCE: Final = "#/components/schemas/{model}"


def describe(routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Generates the document of some routes.

    Problem details are added because their media type is not JSON to FastAPI, and examples because it drops
    every null of theirs.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/.
    """
    document = get_openapi(title="LeadOdds", version="1", description=_DESCRIPTION, routes=routes)
    problem = Problem.model_json_schema(ref_template=_REFERENCE)
    document["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
    for methods in document["paths"].values():
        for operation in methods.values():
            for media in operation["responses"]["200"]["content"].values():
                media["example"] = EXAMPLES[operation["operationId"]]
    return document
