"""Segment's bodies as OpenAPI describes them; what is read is wider than this.

Source: Segment Spec, https://segment.com/docs/connections/spec/common/.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from serving.bodies.intake_bodies import MOST_ITEMS

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
