"""Answers of the routes of a lead."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.http.openapi.problem_answers import AnswerBody


class PutLeadAnswer(AnswerBody):
    """The answer of PUT /v1/leads/{id}."""

    lead_id: str
    changed: Annotated[list[str], Field(description="Attributes that have another value than before.")]
    request_id: str


class OutcomeAnswer(AnswerBody):
    """The outcome that counts: the first that was known."""

    outcome: Literal["converted", "lost"]
    occurred_at: str
    available_at: str
    amount: float | None


class TimelineAnswer(BaseModel):
    """One interaction, with whatever columns came with it."""

    model_config = ConfigDict(extra="allow")

    source: str
    interaction_id: str
    kind: str
    occurred_at: str
    available_at: Annotated[str, Field(description="When it was received.")]
    direction: Literal["inbound", "outbound"] | None
    channel: str | None
    campaign: str | None
    value: float | None


class LeadAnswer(AnswerBody):
    """The answer of GET /v1/leads/{id}."""

    lead_id: str
    created_at: str
    account_id: str | None
    attributes: dict[str, bool | float | str | None]
    outcome: OutcomeAnswer | None
    interactions: Annotated[list[TimelineAnswer], Field(description="The newest first.")]
    request_id: str


class ErasureAnswer(AnswerBody):
    """The answer of DELETE /v1/leads/{id}."""

    lead_id: str
    erased: Annotated[dict[str, int], Field(description="Rows that were removed, by table.")]
    request_id: str
