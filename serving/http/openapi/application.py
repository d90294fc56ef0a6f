"""The FastAPI application, which generates the OpenAPI document from the signatures of the routes."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from serving.http.openapi.examples import ANSWERS
from serving.http.openapi.problem_answers import Problem

DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, with its exact reasons and "
    "the version of the model. Problems are application/problem+json (RFC 9457) with code, request_id and "
    "errors, which name path and rule. A server with keys requires one, as X-API-Key or as Bearer; the "
    "description of a route names the scope that the key needs, and the scope admin includes all others. "
    "A request may carry an X-Request-ID, which the response and the log repeat."
)
_REFERENCE: Final = "#/components/schemas/{model}"


class DescribedApp(FastAPI):
    """FastAPI with the parts of the document that it does not generate.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/.
    """

    def openapi(self) -> dict[str, Any]:
        """Adds the schema of problem details, and the examples, from which FastAPI would drop every null."""
        described = super().openapi()
        problem = Problem.model_json_schema(ref_template=_REFERENCE)
        described["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        for methods in described["paths"].values():
            for operation in methods.values():
                for media in operation["responses"]["200"]["content"].values():
                    media["example"] = ANSWERS[operation["operationId"]]
        return described
