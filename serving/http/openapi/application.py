"""The FastAPI application whose description is complete: FastAPI generates it from the routes' signatures."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI

from serving.http.openapi.examples import ANSWERS
from serving.http.openapi.problem_answers import Problem

DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, the exact reasons for it, and "
    "which model said so. Problems are application/problem+json (RFC 9457) with code, request_id and errors, "
    "which name path and rule. A server that has keys asks for one, as X-API-Key or as Bearer; every route "
    "says which scope it has to have, and a key with the scope admin has all. X-Request-ID comes back, and "
    "stands in the log."
)
_REFERENCE: Final = "#/components/schemas/{model}"


class DescribedApp(FastAPI):
    """FastAPI with the parts of a description that it cannot generate.

    Source: https://fastapi.tiangolo.com/how-to/extending-openapi/.
    """

    def openapi(self) -> dict[str, Any]:
        """Adds problem details, which are no JSON to FastAPI, and examples, from which it drops each null."""
        described = super().openapi()
        problem = Problem.model_json_schema(ref_template=_REFERENCE)
        described["components"]["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        for methods in described["paths"].values():
            for operation in methods.values():
                for media in operation["responses"]["200"]["content"].values():
                    media["example"] = ANSWERS[operation["operationId"]]
        return described
