"""Response bodies of the routes of lists."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from serving.http.openapi.problem_answers import AnswerBody, RequestId
from serving.http.openapi.score_answers import LeadScore


class ScoreRow(LeadScore):
    """A stored score: of one lead, at one moment, by one version."""

    rank: Annotated[int | None, Field(description="Place in the list; null if the score was not ranked.")]  # type: ignore[assignment]


class ListedLead(ScoreRow):
    """An open lead with its score; `rank` is its place in the requested list."""

    account_id: str | None
    source: Annotated[str | None, Field(description="Value of the attribute source.")]
    owner: Annotated[str | None, Field(description="Value of the attribute owner.")]
    territory: Annotated[str | None, Field(description="Value of the attribute territory.")]
    sales: Annotated[str | None, Field(description="Value of the attribute sales.")]
    created_at: str
    set_aside_until: Annotated[
        str | None, Field(description="Until when the lead is left out of the list; null if it is not.")
    ]
    display: Annotated[
        dict[str, str | None],
        Field(description="Values of the attributes that LEADODDS_DISPLAY names, as texts."),
    ]
    record_url: Annotated[
        str | None, Field(description="Address of the lead in the CRM, by LEADODDS_RECORD_LINK.")
    ]


class LeadsAnswer(AnswerBody):
    """Response of GET /v1/leads."""

    leads: list[ListedLead]
    next_cursor: Annotated[
        str | None, Field(description="Send it as cursor to get the next page; null on the last one.")
    ]
    total: Annotated[int, Field(description="Number of leads that pass the filters, on all pages.")]
    bands: Annotated[list[str], Field(description="Names of all bands, from the highest probability down.")]
    display: Annotated[list[str], Field(description="Names of the attributes that the list shows.")]
    request_id: RequestId


class FeedAnswer(AnswerBody):
    """Where a feed of scores goes on."""

    next_cursor: Annotated[
        str | None, Field(description="Send it as cursor to get the next page; null on the last one.")
    ]
    resume_cursor: Annotated[
        str | None,
        Field(
            description="Keep it from the last page, and send it as cursor the next time: no score that was "
            "written since is missed, whatever clocks do. Null on the pages before."
        ),
    ]
    updated_until: Annotated[
        str | None,
        Field(
            description="Time of the last row, which may be sent as updated_since; a score that is written "
            "late, or by a clock that was set back, is missed then."
        ),
    ]
    request_id: RequestId


class ScoresAnswer(FeedAnswer):
    """Response of GET /v1/scores."""

    scores: list[ScoreRow]


class ScoreEvent(AnswerBody):
    """A score as a CloudEvent."""

    specversion: Literal["1.0"]
    id: Annotated[str, Field(description="The same for the same score, however often it is sent.")]
    source: str
    type: Literal["leadodds.lead.scored"]
    subject: Annotated[str, Field(description="Your id of the lead.")]
    time: Annotated[str, Field(description="When the score was computed.")]
    datacontenttype: Literal["application/json"]
    data: ScoreRow


class EventsAnswer(FeedAnswer):
    """Response of GET /v1/scores/events."""

    events: list[ScoreEvent]


class HeldItem(AnswerBody):
    """An item whose id was received before with other content, or the body of a hook that was not mapped."""

    source: str
    lead_id: str
    item: Literal["interactions", "outcomes", "hooks"]
    reason: str
    received_at: str
    sent: Annotated[Any, Field(description="The item as sent; of a hook the key of its body.")]


class QuarantineAnswer(AnswerBody):
    """Response of GET /v1/quarantine."""

    items: list[HeldItem]
    next_cursor: str | None
    request_id: RequestId
