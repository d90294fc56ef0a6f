"""The OpenAPI document, which FastAPI generates from the signatures of the routes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any, Final, TypeVar

from fastapi.openapi.utils import get_openapi
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from features.history.lead_history import AttributeType
from serving.http.openapi.crm_documents import power_platform_document, salesforce_document
from serving.http.openapi.examples import EXAMPLES
from serving.http.openapi.problem_answers import Problem
from serving.http.responses import json_response
from serving.http.state import server_of

_DESCRIPTION: Final = (
    "The calibrated probability that a lead converts within a stated horizon, with its exact reasons and "
    "the version of the model. Problems are application/problem+json (RFC 9457) with code, request_id and "
    "errors, which name path and rule. A server with keys requires one, as X-API-Key or as Bearer; the "
    "description of a route names the scope that the key needs, and the scope admin includes all others. "
    "A request may carry an X-Request-ID, which the response and the log repeat."
)
_Made = TypeVar("_Made")
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


def openapi_routes(routes: Sequence[BaseRoute]) -> list[Route]:
    """Makes the routes of the document, whole and as CRMs take it.

    Each document is made once, in a thread; those with the attributes of the champion once for a champion.
    Who asks meanwhile waits for the same one.
    """
    making = threading.Lock()
    whole = cache(lambda: describe(routes))
    salesforce = lru_cache(maxsize=1)(lambda own: salesforce_document(whole(), dict(own)))
    power_platform = lru_cache(maxsize=1)(lambda own: power_platform_document(whole(), dict(own)))

    written = cache(lambda: to_json(whole()))

    def make(document: Callable[..., _Made], *arguments: object) -> _Made:
        with making:
            return document(*arguments)

    async def openapi(_: Request) -> Response:
        return Response(await asyncio.to_thread(make, written), media_type="application/json")

    async def openapi_salesforce(request: Request) -> Response:
        return json_response(await asyncio.to_thread(make, salesforce, _attributes(request)))

    async def openapi_power_platform(request: Request) -> Response:
        made = await asyncio.to_thread(make, power_platform, _attributes(request))
        return json_response({**made, "host": request.headers.get("host", "")})

    return [
        Route("/openapi.json", openapi, methods=["GET"]),
        Route("/openapi-salesforce.json", openapi_salesforce, methods=["GET"]),
        Route("/openapi-power-platform.json", openapi_power_platform, methods=["GET"]),
    ]


def _attributes(request: Request) -> tuple[tuple[str, AttributeType], ...]:
    """Names and types of the attributes that the champion reads."""
    return tuple(sorted(server_of(request).live.predictor.attribute_types.items()))
