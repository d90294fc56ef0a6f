"""Describes the routes of lists for OpenAPI, and the bodies that they answer with."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from features.funnel import STAGES
from serving.http.list_queries import MOST_LEADS, MOST_SCORES
from serving.http.openapi.answer_schemas import Described, LeadScore, Refused, problem_responses
from serving.http.openapi.lead_docs import parameter


class ScoreRow(LeadScore):
    """A score as it was written: of one lead, at one moment, by one version."""

    rank: Annotated[int | None, Field(description="Place in the list; null where nothing was ranked.")]  # type: ignore[assignment]


class ListedLead(ScoreRow):
    """An open lead with its score; `rank` is its place in the list that was asked for."""

    account_id: str | None
    source: Annotated[str | None, Field(description="Value of the attribute source.")]
    created_at: str


class LeadsAnswer(Described):
    """The answer of GET /v1/leads."""

    leads: list[ListedLead]
    next_cursor: Annotated[str | None, Field(description="Send it as cursor; null at the end.")]
    total: Annotated[int, Field(description="Leads that pass the filters, on all pages.")]
    bands: Annotated[list[str], Field(description="Names of all bands, from the highest probability down.")]
    request_id: str


class ScoresAnswer(Described):
    """The answer of GET /v1/scores."""

    scores: list[ScoreRow]
    next_cursor: str | None
    updated_until: Annotated[
        str, Field(description="Send it as updated_since once next_cursor is null; rows may come twice.")
    ]
    request_id: str


class HeldItem(Described):
    """An item whose id came before with another content."""

    source: str
    lead_id: str
    item: Literal["interactions", "outcomes"]
    reason: str
    received_at: str
    sent: Annotated[Any, Field(description="As it was sent.")]


class QuarantineAnswer(Described):
    """The answer of GET /v1/quarantine."""

    items: list[HeldItem]
    next_cursor: str | None
    request_id: str


class ItemCounts(Described):
    """What became of all items ever received: the first number is the sum of the others."""

    received: int
    stored: int
    duplicate: int
    quarantined: int
    refused: int


class Ingestion(Described):
    """What came in."""

    interactions: ItemCounts
    outcomes: ItemCounts


class LeadCounts(Described):
    """How current the list is."""

    stored: int
    open: int
    closed: Annotated[int, Field(description="Converted or lost.")]
    not_yet_scored: int
    of_another_version: Annotated[int, Field(description="Open leads that an earlier model scored.")]
    oldest_as_of: Annotated[str | None, Field(description="Of the score that is oldest among open leads.")]


class ModelAge(Described):
    """The model that answers."""

    model_version: str
    created_at: str
    observed_until: str
    age_days: float
    observed_age_days: float
    refused: Refused | None


class HealthAnswer(Described):
    """The answer of GET /v1/health."""

    ingestion: Ingestion
    quarantine: Annotated[dict[str, int], Field(description="Items that lie in quarantine now, by reason.")]
    leads: LeadCounts
    model: ModelAge
    request_id: str


def _query(name: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    return parameter(name, "query", schema, description)


def _page_of(default: int, most: int) -> list[dict[str, Any]]:
    limit = {"type": "integer", "minimum": 1, "maximum": most, "default": default}
    return [
        _query("limit", limit, "Rows of a page."),
        _query("cursor", {"type": "string"}, "The next_cursor of the page before."),
    ]


_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 200}
_FILTERS: Final = [
    _query(
        "sort", {"enum": ["rank", "waiting"], "default": "rank"}, "By worth of a call, or by waiting time."
    ),
    _query("band", _TEXT, "One band, or several parted by commas."),
    _query("stage", _TEXT, f"Of {', '.join(STAGES)}: one, or several parted by commas."),
    _query("waiting", {"type": "number", "minimum": 0}, "Waits for us so many hours or longer."),
    _query("min_probability", {"type": "number", "minimum": 0, "maximum": 1}, "So probable or more."),
    _query("source", _TEXT, "Value of the attribute source."),
    _query("text", _TEXT, "Occurs in the id, the account's id or an attribute that is a text."),
]
_SINCE: Final = [
    {
        **_query("updated_since", {"type": "string", "format": "date-time"}, "A moment, inclusive."),
        "required": True,
    },
    _query(
        "feed",
        {"enum": ["current", "night"], "default": "current"},
        "Each lead's score as it stands, or what the nightly job wrote.",
    ),
]
_PROBLEMS: Final = problem_responses(421, 422, 500, 503)

LEADS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "leads",
    "summary": "Open leads, those to call first before the others",
    "responses": {200: {"model": LeadsAnswer, "description": "A page of the list."}, **_PROBLEMS},
    "openapi_extra": {"parameters": [*_page_of(50, MOST_LEADS), *_FILTERS]},
}
SCORES_DOCS: Final[dict[str, Any]] = {
    "operation_id": "scores",
    "summary": "Scores that were made since",
    "responses": {200: {"model": ScoresAnswer, "description": "A page, the oldest first."}, **_PROBLEMS},
    "openapi_extra": {"parameters": [*_SINCE, *_page_of(MOST_LEADS, MOST_SCORES)]},
}
QUARANTINE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "quarantine",
    "summary": "What lies in quarantine, and why",
    "responses": {200: {"model": QuarantineAnswer, "description": "A page, the newest first."}, **_PROBLEMS},
    "openapi_extra": {"parameters": _page_of(50, MOST_LEADS)},
}
HEALTH_DOCS: Final[dict[str, Any]] = {
    "operation_id": "health",
    "summary": "What came in, how current the list is, how old the model is",
    "responses": {
        200: {"model": HealthAnswer, "description": "It is like this."},
        **problem_responses(421, 500, 503),
    },
}
