"""Response bodies of the routes of a lead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from features.history.lead_history import Direction
from serving.http.openapi.problem_answers import AnswerBody, RequestId


class PutLeadAnswer(AnswerBody):
    """Response of PUT and PATCH /v1/leads/{id}."""

    lead_id: str
    changed: Annotated[
        list[str],
        Field(description="Names of the attributes whose value changed; created_at, if it was corrected."),
    ]
    notes: Annotated[
        list[str],
        Field(description="Remarks for the caller: attributes that the model in use reads as another type."),
    ]
    request_id: RequestId


class OutcomeAnswer(AnswerBody):
    """The outcome that counts: the one known first."""

    outcome: Literal["converted", "lost"]
    occurred_at: str
    available_at: str
    amount: float | None


class TimelineAnswer(BaseModel):
    """One interaction, with all columns that were sent with it."""

    model_config = ConfigDict(extra="allow")

    source: str
    interaction_id: str
    kind: str
    occurred_at: str
    available_at: Annotated[str, Field(description="When it was received.")]
    direction: Direction | None
    channel: str | None
    campaign: str | None
    value: float | None
    is_automated: bool | None


class LeadAnswer(AnswerBody):
    """Response of GET /v1/leads/{id}."""

    lead_id: str
    created_at: str
    account_id: str | None
    attributes: dict[str, bool | float | str | None]
    outcome: OutcomeAnswer | None
    record_url: Annotated[
        str | None, Field(description="Address of the lead in the CRM, by LEADODDS_RECORD_LINK.")
    ]
    interactions: Annotated[list[TimelineAnswer], Field(description="The newest first.")]
    request_id: RequestId


class ErasureAnswer(AnswerBody):
    """Response of DELETE /v1/leads/{id}."""

    lead_id: str
    erased: Annotated[dict[str, int], Field(description="Number of removed rows, by table.")]
    request_id: RequestId
