"""The routes of the model: its card, its terms, and the versions of the home."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.http.openapi.model_answers import ModelAnswer, TermsAnswer, VersionsAnswer
from serving.http.responses import response_with_id
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.scoring.term_curves import describe_terms
from serving.scoring.versions import describe_versions

router = APIRouter(route_class=StrictRoute)


@router.get(
    "/v1/model",
    operation_id="model",
    summary="The card of the model that answers",
    response_model=ModelAnswer,
    response_description="The card.",
)
async def model(request: Request) -> Response:
    """Gives the card of the model that answers."""
    return response_with_id(request, server_of(request).live.predictor.bundle.card.to_json())


@router.get(
    "/v1/model/terms",
    operation_id="modelTerms",
    summary="What every feature adds, as curves",
    response_model=TermsAnswer,
    response_description="All terms of the model that answers.",
)
async def terms(request: Request) -> Response:
    """Gives what each feature and each pair of features adds, as the page draws it."""
    return response_with_id(request, describe_terms(server_of(request).live.predictor.bundle))


@router.get(
    "/v1/model/versions",
    operation_id="modelVersions",
    summary="All versions, with figures and when they were promoted",
    response_model=VersionsAnswer,
    response_description="The versions of the home.",
)
async def versions(request: Request) -> Response:
    """Gives the versions of the home with their figures, and when each of them was promoted."""
    live = server_of(request).live
    found = await asyncio.to_thread(describe_versions, live.home, in_use=live.predictor.model_version)
    return response_with_id(request, found)
