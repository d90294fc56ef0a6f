"""Describes the routes of the store for OpenAPI, and the bodies that they answer with."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from serving.bodies.intake_bodies import INTERACTIONS_EXAMPLES, MOST_ITEMS
from serving.bodies.score_bodies import MOST_REASONS
from serving.http.openapi.answer_schemas import Described, FaultRecord, ScoreAnswer, problem_responses
from serving.http.queries import MOST_SHOWN
from serving.intake.items import ItemStatus


class PutLeadAnswer(Described):
    """The answer of PUT /v1/leads/{id}."""

    lead_id: str
    changed: Annotated[list[str], Field(description="Attributes that have another value than before.")]
    request_id: str


class ItemAnswer(Described):
    """What became of one item."""

    interaction_id: str | None = None
    messageId: str | None = None  # noqa: N815 - Segment's name
    lead_id: str | None = None
    status: ItemStatus
    reason: Annotated[str | None, Field(description="Why it is quarantined or refused.")] = None
    errors: Annotated[list[FaultRecord], Field(default_factory=list)]


class _ItemCounts(Described):
    received: Annotated[int, Field(description="The sum of the four numbers that follow.")]
    stored: int
    duplicate: int
    quarantined: int
    refused: int
    request_id: str


class InteractionsAnswer(_ItemCounts):
    """The answer of POST /v1/interactions, in the order of the items sent."""

    interactions: Annotated[
        list[ItemAnswer], Field(default_factory=list, description="Of a body of our shape.")
    ]
    batch: Annotated[
        list[ItemAnswer], Field(default_factory=list, description="Of a body of Segment's shape.")
    ]


class OutcomesAnswer(_ItemCounts):
    """The answer of POST /v1/outcomes, in the order of the items sent."""

    outcomes: list[ItemAnswer]


class OutcomeAnswer(Described):
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


class LeadAnswer(Described):
    """The answer of GET /v1/leads/{id}."""

    lead_id: str
    created_at: str
    account_id: str | None
    attributes: dict[str, bool | float | str | None]
    outcome: OutcomeAnswer | None
    interactions: Annotated[list[TimelineAnswer], Field(description="The newest first.")]
    request_id: str


class StoreScoreAnswer(ScoreAnswer):
    """The answer of GET /v1/leads/{id}/score."""

    score_id: Annotated[str, Field(description="What `leadodds replay` computes this score again by.")]


class LifePoint(Described):
    """How probable the lead was at one moment, by what was known then."""

    as_of: str
    status: Literal["scored", "insufficient_evidence", "converted", "lost", "failed"]
    probability: float | None
    probability_low: float | None
    probability_high: float | None
    band: str | None
    stage: Literal["cold", "mql", "sql", "hot"] | None
    waiting_hours: float | None


class LifeAnswer(Described):
    """The answer of GET /v1/leads/{id}/life."""

    lead_id: str
    created_at: str
    horizon_days: float
    model_version: str
    feature_set: str
    scored_at: str
    moments_left_out: Annotated[int, Field(description="Of more than 500 moments some are left out, evenly.")]
    points: Annotated[list[LifePoint], Field(description="The oldest first; each as a score as of then.")]
    request_id: str


class ErasureAnswer(Described):
    """The answer of DELETE /v1/leads/{id}."""

    lead_id: str
    erased: Annotated[dict[str, int], Field(description="Rows that were removed, by table.")]
    request_id: str


def parameter(name: str, place: str, schema: dict[str, Any], description: str) -> dict[str, Any]:
    """Describes a parameter; those of a path are required."""
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "schema": schema,
        "description": description,
    }


_TRACK: Final[JsonDict] = {
    "type": "track",
    "messageId": "ajs-next-1",
    "userId": "L-1042",
    "event": "Demo Requested",
    "timestamp": "2026-05-19T16:30:00.000Z",
    "properties": {"value": 1.0},
    "context": {"campaign": {"name": "spring"}},
}
_IDENTIFY: Final[JsonDict] = {
    "type": "identify",
    "messageId": "ajs-next-2",
    "userId": "L-1042",
    "timestamp": "2026-05-19T16:31:00.000Z",
    "traits": {"createdAt": "2026-05-01T08:00:00Z", "country": "DE"},
}
SEGMENT_EXAMPLES: Final[list[JsonValue]] = [{"batch": [_TRACK, _IDENTIFY]}]


class SegmentMessage(BaseModel):
    """A message: `identify` tells of a lead, every other type is an interaction; more fields are allowed."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_TRACK]})

    type: Annotated[str, Field(description="track, page, screen, identify ...")]
    messageId: Annotated[  # noqa: N815 - Segment's name
        str | None, Field(description="Its id; the same id twice counts once.")
    ] = None
    userId: Annotated[str | None, Field(description="Your id of the lead.")] = None  # noqa: N815 - Segment's
    anonymousId: Annotated[  # noqa: N815 - Segment's name
        str | None, Field(description="Counts where there is no userId.")
    ] = None
    event: Annotated[str | None, Field(description="Of track: what happened; its words become the kind.")] = (
        None
    )
    timestamp: Annotated[str | None, Field(description="When it happened, with a zone.")] = None
    properties: dict[str, Any] | None = None
    traits: Annotated[dict[str, Any] | None, Field(description="Of identify: attributes of the lead.")] = None
    context: dict[str, Any] | None = None


class SegmentBody(BaseModel):
    """Up to 1,000 messages, as Segment's libraries send them; each has a status of its own."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": SEGMENT_EXAMPLES})

    batch: Annotated[list[SegmentMessage], Field(max_length=MOST_ITEMS)]


_ID: Final = parameter(
    "lead_id", "path", {"type": "string", "minLength": 1, "maxLength": 500}, "Your id of the lead."
)
_SCORE_PARAMETERS: Final = [
    _ID,
    parameter(
        "as_of", "query", {"type": "string", "format": "date-time"}, "A moment of the past; absent: now."
    ),
    parameter(
        "horizon_days", "query", {"type": "number", "exclusiveMinimum": 0}, "Absent: the main horizon."
    ),
    parameter(
        "reasons",
        "query",
        {"anyOf": [{"type": "integer", "minimum": 0, "maximum": MOST_REASONS}, {"const": "all"}]},
        "How many reasons to name; absent: 3.",
    ),
]
_LEAD_PARAMETERS: Final = [
    _ID,
    parameter(
        "interactions",
        "query",
        {"type": "integer", "minimum": 0, "maximum": MOST_SHOWN, "default": 100},
        "How many of the newest interactions to show.",
    ),
]


def _body(model: str, parameters: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{model}"}}}
    described: dict[str, Any] = {"requestBody": {"required": True, "content": content}}
    return {**described, "parameters": parameters} if parameters else described


_OF_ITEMS: Final = problem_responses(400, 408, 413, 415, 421, 422, 500, 503)
_INTERACTIONS: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "Our shape, or Segment's: one message, or a batch of them.",
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        {"$ref": f"#/components/schemas/{model}"}
                        for model in ("InteractionsBody", "SegmentBody", "SegmentMessage")
                    ]
                },
                "examples": {
                    name: {"value": examples[0]}
                    for name, examples in (("ours", INTERACTIONS_EXAMPLES), ("segment", SEGMENT_EXAMPLES))
                },
            }
        },
    }
}

PUT_LEAD_DOCS: Final[dict[str, Any]] = {
    "operation_id": "putLead",
    "summary": "Tell of a lead",
    "responses": {
        200: {"model": PutLeadAnswer, "description": "It is kept."},
        **problem_responses(400, 408, 409, 410, 413, 415, 421, 422, 500, 503),
    },
    "openapi_extra": _body("LeadBody", [_ID]),
}
INTERACTIONS_DOCS: Final[dict[str, Any]] = {
    "operation_id": "addInteractions",
    "summary": "Tell of up to 1,000 interactions",
    "responses": {
        200: {"model": InteractionsAnswer, "description": "What became of each; all is durable."},
        **_OF_ITEMS,
    },
    "openapi_extra": _INTERACTIONS,
}
OUTCOMES_DOCS: Final[dict[str, Any]] = {
    "operation_id": "addOutcomes",
    "summary": "Tell what came of up to 1,000 leads",
    "responses": {
        200: {"model": OutcomesAnswer, "description": "What became of each; all is durable."},
        **_OF_ITEMS,
    },
    "openapi_extra": _body("OutcomesBody"),
}
LEAD_SCORE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "leadScore",
    "summary": "Score a lead of the store, now or at a moment of the past",
    "responses": {
        200: {"model": StoreScoreAnswer, "description": "The score."},
        **problem_responses(404, 421, 422, 500, 503),
    },
    "openapi_extra": {"parameters": _SCORE_PARAMETERS},
}
LIFE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "leadLife",
    "summary": "How probable a lead was over its life",
    "responses": {
        200: {
            "model": LifeAnswer,
            "description": "A point for every moment at which something became known.",
        },
        **problem_responses(404, 421, 422, 500, 503),
    },
    "openapi_extra": {"parameters": _SCORE_PARAMETERS[:-1]},
}
LEAD_DOCS: Final[dict[str, Any]] = {
    "operation_id": "lead",
    "summary": "A lead with its timeline",
    "responses": {
        200: {"model": LeadAnswer, "description": "The lead."},
        **problem_responses(404, 421, 422, 500, 503),
    },
    "openapi_extra": {"parameters": _LEAD_PARAMETERS},
}
ERASE_DOCS: Final[dict[str, Any]] = {
    "operation_id": "eraseLead",
    "summary": "Erase a lead",
    "responses": {
        200: {"model": ErasureAnswer, "description": "Nothing but salted hashes of its ids remains."},
        **problem_responses(404, 421, 422, 500, 503),
    },
    "openapi_extra": {"parameters": [_ID]},
}
