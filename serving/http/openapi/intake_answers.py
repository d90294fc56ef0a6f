"""Response bodies of the routes that take interactions and outcomes, and the shapes of Segment's messages."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from serving.bodies.intake_bodies import MOST_ITEMS
from serving.http.openapi.problem_answers import AnswerBody, FaultRecord, RequestId
from serving.intake.items import ItemStatus


class ItemAnswer(AnswerBody):
    """The status of one item."""

    interaction_id: str | None = None
    messageId: str | None = None  # noqa: N815 - Segment's name
    alias_id: str | None = None
    lead_id: Annotated[
        str | None, Field(description="The lead; of an alias the lead that it stands for.")
    ] = None
    status: ItemStatus
    reason: Annotated[
        str | None, Field(description="Why it was quarantined or refused, or what of it has no effect.")
    ] = None
    errors: Annotated[list[FaultRecord], Field(default_factory=list)]


class _ItemCounts(AnswerBody):
    received: Annotated[int, Field(description="Sum of the four counts that follow.")]
    stored: int
    duplicate: int
    quarantined: int
    refused: int
    request_id: RequestId


class InteractionsAnswer(_ItemCounts):
    """Response of POST /v1/interactions, in the order of the items sent."""

    interactions: Annotated[
        list[ItemAnswer], Field(default_factory=list, description="For an InteractionsBody.")
    ]
    batch: Annotated[list[ItemAnswer], Field(default_factory=list, description="For messages of Segment.")]


class TrackingAnswer(_ItemCounts):
    """Response to a call of a tracking library, in the order of the messages sent."""

    success: Annotated[
        bool, Field(description="Whether the library is done with them; true, also for refused messages.")
    ]
    batch: list[ItemAnswer]


class AliasesAnswer(_ItemCounts):
    """Response of POST /v1/aliases, in the order of the items sent."""

    aliases: list[ItemAnswer]


class LeadsStoredAnswer(_ItemCounts):
    """Response of POST /v1/leads, in the order of the leads sent."""

    leads: list[ItemAnswer]


class OutcomesAnswer(_ItemCounts):
    """Response of POST /v1/outcomes, in the order of the items sent."""

    outcomes: list[ItemAnswer]


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
    """A message: `identify` describes a lead, every other type is an interaction; more fields are allowed."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": [_TRACK]})

    IS_ITEM: ClassVar = True

    type: Annotated[str, Field(description="track, page, screen, identify ...")]
    messageId: Annotated[  # noqa: N815 - Segment's name
        str | None, Field(description="Id of the message; a repeated id counts once.")
    ] = None
    userId: Annotated[str | None, Field(description="Your id of the lead.")] = None  # noqa: N815 - Segment's
    anonymousId: Annotated[  # noqa: N815 - Segment's name
        str | None, Field(description="Used if there is no userId.")
    ] = None
    event: Annotated[str | None, Field(description="Name of a track event; it becomes the kind.")] = None
    timestamp: Annotated[
        str | None,
        Field(
            description="When it happened, with a time zone; by default when it was received, except by "
            "/v1/interactions."
        ),
    ] = None
    properties: dict[str, Any] | None = None
    traits: Annotated[
        dict[str, Any] | None,
        Field(description="Attributes of the lead, in identify; of its account, in group."),
    ] = None
    groupId: Annotated[str | None, Field(description="The account of the lead, in group.")] = None  # noqa: N815 - Segment's
    context: dict[str, Any] | None = None


class SegmentCall(SegmentMessage):
    """A message of the type that its route names."""

    type: Annotated[str | None, Field(description="Needs not be sent; that of the route counts.")] = None  # type: ignore[assignment]
    sentAt: Annotated[  # noqa: N815 - Segment's name
        str | None, Field(description="When it was sent, by the clock that wrote timestamp.")
    ] = None


class SegmentBody(BaseModel):
    """Up to 1,000 messages, as Segment's libraries send them; each has a status of its own."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"examples": SEGMENT_EXAMPLES})

    ITEM_LISTS: ClassVar = ("batch",)
    # What it says of all its messages may have a part at fault.
    IS_ITEM: ClassVar = True

    batch: Annotated[list[SegmentMessage], Field(max_length=MOST_ITEMS)]
    sentAt: Annotated[  # noqa: N815 - Segment's name
        str | None,
        Field(description="When they were sent; corrects their clock on the routes of tracking libraries."),
    ] = None


class HookAnswer(AnswerBody):
    """Response of POST /v1/hooks/{crm}/{token}."""

    status: Annotated[
        Literal["stored", "duplicate"], Field(description="Whether the body is new, or came before.")
    ]
    request_id: RequestId
