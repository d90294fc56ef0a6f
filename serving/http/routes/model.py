"""The routes of the model: its card, its terms, the versions of the home, and what the monitor found."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from models.home.latest_monitor import read_latest
from serving.http.openapi.conditional import CONDITIONAL, not_modified
from serving.http.openapi.model_answers import ModelAnswer, MonitorAnswer, TermsAnswer, VersionsAnswer
from serving.http.responses import tagged_response
from serving.http.routes.strict_route import StrictRoute
from serving.http.state import server_of
from serving.scoring.term_curves import describe_terms
from serving.scoring.versions import describe_versions

router = APIRouter(route_class=StrictRoute)


@router.get(
    "/v1/model",
    operation_id="model",
    summary="The card of the model in use",
    response_model=ModelAnswer,
    response_description="The card.",
    responses=not_modified(),
    openapi_extra=CONDITIONAL,
)
async def model(request: Request) -> Response:
    """Returns the card of the model in use: its training data, metrics and limits."""
    return tagged_response(request, server_of(request).live.predictor.bundle.card.to_json())


@router.get(
    "/v1/model/terms",
    operation_id="modelTerms",
    summary="The points of every feature, as curves",
    response_model=TermsAnswer,
    response_description="All terms of the model in use.",
    responses=not_modified(),
    openapi_extra=CONDITIONAL,
)
async def terms(request: Request) -> Response:
    """Returns the points of each feature and each pair of features, as the page draws them."""
    return tagged_response(request, describe_terms(server_of(request).live.predictor.bundle))


@router.get(
    "/v1/model/versions",
    operation_id="modelVersions",
    summary="All versions, and who decided which one answers",
    response_model=VersionsAnswer,
    response_description="The versions of the home.",
    responses=not_modified(),
    openapi_extra=CONDITIONAL,
)
async def versions(request: Request) -> Response:
    """Returns the versions of the home with their metrics, and who decided which one answers, and why."""
    live = server_of(request).live
    found = await asyncio.to_thread(describe_versions, live.home, in_use=live.predictor.model_version)
    return tagged_response(request, found)


@router.get(
    "/v1/model/monitor",
    operation_id="modelMonitor",
    summary="The latest result of `leadodds monitor`",
    response_model=MonitorAnswer,
    response_description="The verdict, and expected and observed conversions.",
    responses=not_modified(),
    openapi_extra=CONDITIONAL,
)
async def monitor(request: Request) -> Response:
    """Returns what `leadodds monitor` found when it last ran in this home; null before it did."""
    found = await asyncio.to_thread(read_latest, server_of(request).live.home)
    return tagged_response(request, {"monitor": found})
