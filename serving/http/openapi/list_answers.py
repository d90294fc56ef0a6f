"""Answers of the routes of lists."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody
from serving.http.openapi.score_answers import LeadScore


class ScoreRow(LeadScore):
    """A score as it was written: of one lead, at one moment, by one version."""

    rank: Annotated[int | None, Field(description="Place in the list; null where nothing was ranked.")]  # type: ignore[assignment]


class ListedLead(ScoreRow):
    """An open lead with its score; `rank` is its place in the list that was asked for."""

    account_id: str | None
    source: Annotated[str | None, Field(description="Value of the attribute source.")]
    created_at: str


class LeadsAnswer(AnswerBody):
    """The answer of GET /v1/leads."""

    leads: list[ListedLead]
    next_cursor: Annotated[str | None, Field(description="Send it as cursor; null at the end.")]
    total: Annotated[int, Field(description="Leads that pass the filters, on all pages.")]
    bands: Annotated[list[str], Field(description="Names of all bands, from the highest probability down.")]
    request_id: str


class ScoresAnswer(AnswerBody):
    """The answer of GET /v1/scores."""

    scores: list[ScoreRow]
    next_cursor: str | None
    updated_until: Annotated[
        str, Field(description="Send it as updated_since once next_cursor is null; rows may come twice.")
    ]
    request_id: str


class HeldItem(AnswerBody):
    """An item whose id came before with another content."""

    source: str
    lead_id: str
    item: Literal["interactions", "outcomes"]
    reason: str
    received_at: str
    sent: Annotated[Any, Field(description="As it was sent.")]


class QuarantineAnswer(AnswerBody):
    """The answer of GET /v1/quarantine."""

    items: list[HeldItem]
    next_cursor: str | None
    request_id: str
