"""Answers of the routes for whoever runs the server: is it alive, ready, healthy?"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody


class Liveness(AnswerBody):
    """The answer of GET /livez."""

    status: Literal["alive"]
    request_id: str


class Refused(AnswerBody):
    """A version that should answer and was refused."""

    model_version: str
    reason: str


class Readiness(AnswerBody):
    """The answer of GET /readyz."""

    status: Literal["ready", "stopping"]
    model_version: str
    refused: Refused | None
    request_id: str


class ItemCounts(AnswerBody):
    """What became of all items ever received: the first number is the sum of the others."""

    received: int
    stored: int
    duplicate: int
    quarantined: int
    refused: int


class Ingestion(AnswerBody):
    """What came in."""

    interactions: ItemCounts
    outcomes: ItemCounts


class LeadCounts(AnswerBody):
    """How current the list is."""

    stored: int
    open: int
    closed: Annotated[int, Field(description="Converted or lost.")]
    not_yet_scored: int
    of_another_version: Annotated[int, Field(description="Open leads that an earlier model scored.")]
    oldest_as_of: Annotated[str | None, Field(description="Of the score that is oldest among open leads.")]


class ModelAge(AnswerBody):
    """The model that answers."""

    model_version: str
    created_at: str
    observed_until: str
    age_days: float
    observed_age_days: float
    refused: Refused | None


class HealthAnswer(AnswerBody):
    """The answer of GET /v1/health."""

    ingestion: Ingestion
    quarantine: Annotated[dict[str, int], Field(description="Items that lie in quarantine now, by reason.")]
    leads: LeadCounts
    model: ModelAge
    request_id: str
