"""The routes that take leads, interactions and outcomes, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from serving.bodies.intake_bodies import (
    INTERACTIONS_EXAMPLES,
    AliasesBody,
    InteractionsBody,
    LeadsBody,
    OutcomesBody,
)
from serving.bodies.json_faults import refuse_faulty
from serving.bodies.score_bodies import DescribedAs, check_body
from serving.http.auth import WRITER, check_backfill, check_source
from serving.http.idempotency import IDEMPOTENT, answer_write
from serving.http.openapi.intake_answers import (
    SEGMENT_EXAMPLES,
    AliasesAnswer,
    InteractionsAnswer,
    LeadsStoredAnswer,
    OutcomesAnswer,
    SegmentBody,
    SegmentMessage,
)
from serving.http.openapi.problem_answers import problem_responses
from serving.http.routes.stored_rows import items_object
from serving.http.routes.strict_route import StrictRoute
from serving.intake.segment import SOURCE
from serving.intake.segment_messages import is_segment, read_messages

router = APIRouter(route_class=StrictRoute)

InteractionsDocument = Annotated[
    Any,
    DescribedAs(InteractionsBody | SegmentBody | SegmentMessage),
    Body(
        openapi_examples={
            "ours": {"value": INTERACTIONS_EXAMPLES[0]},
            "segment": {"value": SEGMENT_EXAMPLES[0]},
        }
    ),
]


@router.post(
    "/v1/interactions",
    operation_id="addInteractions",
    summary="Store up to 1,000 interactions",
    response_model=InteractionsAnswer,
    response_description="The status of each item; what is stored is durable.",
    responses=problem_responses(409, 503),
    openapi_extra={
        **IDEMPOTENT,
        "requestBody": {"description": "An InteractionsBody, or Segment's messages: one, or a batch."},
    },
)
async def add_interactions(request: Request, document: InteractionsDocument) -> Response:
    """Stores interactions exactly once, each with its own status; also takes messages of Segment."""
    if is_segment(document):
        check_source(request, SOURCE)
        messages = read_messages(document)
        answer = partial(items_object, items=messages, list_name="batch")
        return await answer_write(request, lambda store: store.add_messages(messages), answer, named=document)
    refuse_faulty(document)
    body = check_body(InteractionsBody, document)
    check_source(request, body.source)
    check_backfill(request, backfill=body.backfill)
    items = _signed(body.interactions, request.scope["state"].get(WRITER))
    return await answer_write(
        request,
        lambda store: store.add_interactions(body.source, items, backfill=body.backfill),
        partial(items_object, items=items, list_name="interactions"),
        named=document,
    )


def _signed(items: Sequence[object], writer: str | None) -> Sequence[object]:
    """Adds to what was done at the page by whose key it was."""
    if writer is None:
        return items
    return [{**item, "recorded_by": writer} if isinstance(item, dict) else item for item in items]


@router.post(
    "/v1/outcomes",
    operation_id="addOutcomes",
    summary="Store up to 1,000 outcomes",
    response_model=OutcomesAnswer,
    response_description="The status of each item; what is stored is durable.",
    responses=problem_responses(409, 503),
    openapi_extra=IDEMPOTENT,
)
async def add_outcomes(request: Request, body: OutcomesBody) -> Response:
    """Stores outcomes exactly once, each with its own status."""
    check_source(request, body.source)
    check_backfill(request, backfill=body.backfill)
    return await answer_write(
        request,
        lambda store: store.add_outcomes(body.source, body.outcomes, backfill=body.backfill),
        partial(items_object, items=body.outcomes, list_name="outcomes"),
        named=body.outcomes,
    )


@router.post(
    "/v1/aliases",
    operation_id="addAliases",
    summary="Link up to 1,000 ids to leads",
    response_model=AliasesAnswer,
    response_description="The status of each item; what is stored is durable.",
    responses=problem_responses(409, 503),
    openapi_extra=IDEMPOTENT,
)
async def add_aliases(request: Request, body: AliasesBody) -> Response:
    """Links aliases to leads, each once: what is known under an alias is the lead's from now on."""
    check_backfill(request, backfill=body.backfill)
    return await answer_write(
        request,
        lambda store: store.add_aliases(body.aliases, backfill=body.backfill),
        partial(items_object, items=body.aliases, list_name="aliases"),
        named=body.aliases,
    )


@router.post(
    "/v1/leads",
    operation_id="addLeads",
    summary="Create or update up to 1,000 leads",
    response_model=LeadsStoredAnswer,
    response_description="The status of each lead; what is stored is durable.",
    responses=problem_responses(409, 503),
    openapi_extra=IDEMPOTENT,
)
async def add_leads(request: Request, body: LeadsBody) -> Response:
    """Creates leads, or merges attributes into them, as PUT does for one; a duplicate changes nothing."""
    check_backfill(request, backfill=body.backfill)
    return await answer_write(
        request,
        lambda store: store.add_leads(body.leads, backfill=body.backfill),
        partial(items_object, items=body.leads, list_name="leads"),
        named=body.leads,
    )
