"""Response bodies of the routes for operators: liveness, readiness, health."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody, RequestId


class Liveness(AnswerBody):
    """Response of GET /livez."""

    status: Literal["alive"]
    request_id: RequestId


class Refused(AnswerBody):
    """The champion, if its bundle was refused and an earlier version stays in use."""

    model_version: str
    reason: str


class ScoresBehind(AnswerBody):
    """How far the current scores are behind what is stored, as of up to ten seconds ago."""

    oldest_as_of: Annotated[str | None, Field(description="The oldest as_of among the scores of open leads.")]
    leads_pending: Annotated[
        int, Field(description="Leads without a score, or with one of before a change or of another version.")
    ]


class AlertTotals(AnswerBody):
    """Messages for web hooks, as of up to ten seconds ago."""

    pending: Annotated[int, Field(description="They are sent until they are taken.")]
    given_up: Annotated[int, Field(description="No hook took them in time.")]


class Readiness(AnswerBody):
    """Response of GET /readyz."""

    status: Literal["ready", "stopping", "keys_outdated", "store_away"]
    model_version: str
    refused: Refused | None
    scores: Annotated[ScoresBehind | None, Field(description="null while the database does not respond.")]
    alerts: Annotated[AlertTotals | None, Field(description="null while the database does not respond.")]
    request_id: RequestId


class ItemCounts(AnswerBody):
    """Counts of all items ever received, by status; `received` is the sum of the others."""

    received: int
    stored: int
    duplicate: int
    quarantined: int
    refused: int


class Ingestion(AnswerBody):
    """Counts of what was received."""

    interactions: ItemCounts
    outcomes: ItemCounts
    aliases: ItemCounts


class LeadCounts(AnswerBody):
    """Counts of leads, and how current their scores are."""

    stored: int
    open: int
    closed: Annotated[int, Field(description="Converted or lost.")]
    not_yet_scored: int
    of_another_version: Annotated[int, Field(description="Open leads whose score is by an earlier model.")]
    oldest_as_of: Annotated[str | None, Field(description="The oldest as_of among the scores of open leads.")]


class ModelAge(AnswerBody):
    """The model in use and its age."""

    model_version: str
    created_at: str
    observed_until: str
    age_days: float
    observed_age_days: float
    refused: Refused | None


class HookHealth(AnswerBody):
    """The messages of one web hook."""

    hook: str
    pending: Annotated[int, Field(description="They are sent until they are taken.")]
    given_up: Annotated[int, Field(description="They were not taken in time.")]
    delivered: Annotated[int, Field(description="All that were ever taken.")]
    oldest_pending_at: Annotated[
        str | None, Field(description="When the oldest of those that wait was found.")
    ]
    delivered_at: Annotated[str | None, Field(description="When the last one was taken.")]
    fault: Annotated[str | None, Field(description="Why the last message that waits was not taken.")]


class HealthAnswer(AnswerBody):
    """Response of GET /v1/health."""

    ingestion: Ingestion
    quarantine: Annotated[dict[str, int], Field(description="Number of items in quarantine now, by reason.")]
    leads: LeadCounts
    model: ModelAge
    alerts: Annotated[list[HookHealth], Field(description="Every web hook that was ever sent a message.")]
    request_id: RequestId
