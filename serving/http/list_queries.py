"""Reads what is asked of a list: filters, order, the size of a page, and the cursor of the one before."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic_core import PydanticCustomError, to_json
from starlette.requests import Request

from features.funnel import STAGES, Stage
from serving.bodies.intake_bodies import ItemId
from serving.bodies.score_bodies import Instant, Name
from serving.errors import Fault, InvalidQueryError
from serving.http.queries import SentNumber, Whole, read_query
from serving.store.lists import Cursor, Feed, LeadFilter, Order

MOST_LEADS: Final = 200
MOST_SCORES: Final = 1000

_BAD_CURSOR: Final = Fault("?cursor", "cursor", "A cursor is the next_cursor of an answer, as it was.")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("no_nul", "A text holds no NUL character.")
    return text


def _parted(sent: object) -> object:
    return sent.split(",") if isinstance(sent, str) else sent


Searched = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_without_nul)]
Several = Annotated[list[Searched], BeforeValidator(_parted), Field(max_length=20)]
Stages = Annotated[list[Stage], BeforeValidator(_parted), Field(max_length=len(STAGES))]


class _ListQuery(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    cursor: Annotated[str, StringConstraints(max_length=4000)] | None = None


class LeadsQuery(_ListQuery):
    """Parameters of the ranked list."""

    limit: Annotated[Whole, Field(ge=1, le=MOST_LEADS)] = 50
    sort: Order = "rank"
    band: Several | None = None
    stage: Stages | None = None
    waiting: Annotated[SentNumber, Field(ge=0)] | None = None
    min_probability: Annotated[SentNumber, Field(ge=0, le=1)] | None = None
    source: Searched | None = None
    text: Searched | None = None

    @property
    def lead_filter(self) -> LeadFilter:
        """Which leads are asked for."""
        return LeadFilter(
            order=self.sort,
            bands=self.band,
            stages=self.stage,
            waiting_hours=self.waiting,
            min_probability=self.min_probability,
            source=self.source,
            text=self.text,
        )


class ScoresQuery(_ListQuery):
    """Parameters of the scores that were made since."""

    updated_since: Instant
    limit: Annotated[Whole, Field(ge=1, le=MOST_SCORES)] = MOST_LEADS
    feed: Feed = "current"


class QuarantineQuery(_ListQuery):
    """Parameters of the quarantine."""

    limit: Annotated[Whole, Field(ge=1, le=MOST_LEADS)] = 50


_Place = Annotated[int, Field(ge=0, lt=2**53)]
_Moment = Annotated[int, Field(ge=-(2**62), lt=2**62)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Sound = Annotated[Name, AfterValidator(_without_nul)]
_Version = Annotated[ItemId, AfterValidator(_without_nul)]
_Key = Annotated[str, StringConstraints(pattern=r"\A(?:[0-9a-f]{2}){1,64}\z")]

_AFTER_LEAD: Final[TypeAdapter[Any]] = TypeAdapter(tuple[_Place, _Finite, _Sound])
_AFTER_SCORE: Final[TypeAdapter[Any]] = TypeAdapter(tuple[_Moment, _Sound, _Finite, _Moment, _Version])
_AFTER_HELD: Final[TypeAdapter[Any]] = TypeAdapter(tuple[_Moment, _Key])


def read_leads_query(request: Request) -> tuple[LeadsQuery, Cursor | None]:
    """Reads what is asked of the ranked list.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    asked = read_query(LeadsQuery, request)
    return asked, _read_cursor(asked.cursor, _AFTER_LEAD)


def read_scores_query(request: Request) -> tuple[ScoresQuery, Cursor | None]:
    """Reads what is asked of the scores that were made since; see `read_leads_query`."""
    asked = read_query(ScoresQuery, request)
    return asked, _read_cursor(asked.cursor, _AFTER_SCORE)


def read_quarantine_query(request: Request) -> tuple[QuarantineQuery, Cursor | None]:
    """Reads what is asked of the quarantine; see `read_leads_query`."""
    asked = read_query(QuarantineQuery, request)
    return asked, _read_cursor(asked.cursor, _AFTER_HELD)


def write_cursor(following: Sequence[object] | None) -> str | None:
    """Writes where the next page begins, as a text that stands in an address.

    >>> write_cursor((50, 0.25, "a"))
    'WzUwLDAuMjUsImEiXQ'
    """
    return None if following is None else urlsafe_b64encode(to_json(following)).decode().rstrip("=")


def _read_cursor(text: str | None, shape: TypeAdapter[Any]) -> Cursor | None:
    if text is None:
        return None
    try:
        sent = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor: Cursor = shape.validate_json(sent, strict=True)
    except (ValidationError, binascii.Error, UnicodeEncodeError):
        raise InvalidQueryError([_BAD_CURSOR]) from None
    return cursor
