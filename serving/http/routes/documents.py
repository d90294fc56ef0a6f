"""The routes of the OpenAPI document, whole and as CRMs take it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import TypeVar

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response
from starlette.routing import BaseRoute

from features.history.lead_history import AttributeType
from serving.http.openapi.crm_documents import power_platform_document, salesforce_document
from serving.http.openapi.document import describe
from serving.http.responses import json_response
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of

_Made = TypeVar("_Made")


def openapi_routes(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """Makes the routes of the document, whole and as CRMs take it.

    Each document is made once, in a thread; those with the attributes of the champion once for a champion.
    Who asks meanwhile waits for the same one.
    """
    making = threading.Lock()
    whole = cache(lambda: describe(routes))
    written = cache(lambda: to_json(whole()))
    salesforce = lru_cache(maxsize=1)(lambda own: to_json(salesforce_document(whole(), dict(own))))
    power_platform = lru_cache(maxsize=1)(lambda own: power_platform_document(whole(), dict(own)))
    router = APIRouter(route_class=StrictRoute)

    def make(document: Callable[..., _Made], *arguments: object) -> _Made:
        with making:
            return document(*arguments)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi(request: Request) -> Response:  # noqa: ARG001 - every route takes the request
        return Response(await asyncio.to_thread(make, written), media_type="application/json")

    @router.get("/openapi-salesforce.json", include_in_schema=False)
    async def openapi_salesforce(request: Request) -> Response:
        made = await asyncio.to_thread(make, salesforce, _attributes(request))
        return Response(made, media_type="application/json")

    @router.get("/openapi-power-platform.json", include_in_schema=False)
    async def openapi_power_platform(request: Request) -> Response:
        made = await asyncio.to_thread(make, power_platform, _attributes(request))
        return json_response({**made, "host": request.headers.get("host", "")})

    return router.routes


def _attributes(request: Request) -> tuple[tuple[str, AttributeType], ...]:
    """Names and types of the attributes that the champion reads."""
    return tuple(sorted(server_of(request).live.predictor.attribute_types.items()))
