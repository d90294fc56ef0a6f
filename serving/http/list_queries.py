"""Reads what is asked of a list: filters, order, the size of a page, and the cursor of the one before."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Final

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, to_json

from features.funnel import STAGES, Stage
from serving.bodies.intake_bodies import ItemId
from serving.bodies.score_bodies import Instant, Name, Number
from serving.errors import Fault, InvalidQueryError
from serving.http.queries import NUMBER, WHOLE, Omissible, Parameters
from serving.store.lists import Cursor, Feed, LeadFilter, Order

MOST_LEADS: Final = 200
MOST_SCORES: Final = 1000

_BAD_CURSOR: Final = Fault("?cursor", "cursor", "A cursor is the next_cursor of an answer, as it was.")


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("no_nul", "A text holds no NUL character.")
    return text


def _split(sent: object) -> object:
    return sent.split(",") if isinstance(sent, str) else sent


SearchText = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_without_nul)]
_SPLIT: Final = WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 200})
Texts = Annotated[list[SearchText], BeforeValidator(_split), Field(max_length=20), _SPLIT]
Stages = Annotated[list[Stage], BeforeValidator(_split), Field(max_length=len(STAGES)), _SPLIT]
_Hours = Annotated[Number, Field(ge=0), NUMBER]
_Probability = Annotated[Number, Field(ge=0, le=1), NUMBER]

_Limit = Annotated[int, Field(ge=1, le=MOST_LEADS), WHOLE]
_LongLimit = Annotated[int, Field(ge=1, le=MOST_SCORES), WHOLE]
_CursorText = Annotated[str, StringConstraints(max_length=4000)]

_Place = Annotated[int, Field(ge=0, lt=2**53)]
_Moment = Annotated[int, Field(ge=-(2**62), lt=2**62)]
_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Sound = Annotated[Name, AfterValidator(_without_nul)]
_Version = Annotated[ItemId, AfterValidator(_without_nul)]
_Key = Annotated[str, StringConstraints(pattern=r"\A(?:[0-9a-f]{2}){1,64}\z")]


class _ListQuery(Parameters):
    # What a cursor holds: the values by which the list is ordered, of the last row of a page.
    row: ClassVar[TypeAdapter[Any]]

    cursor: Omissible[_CursorText] = Field(None, description="The next_cursor of the page before.")

    def read_cursor(self) -> Cursor | None:
        """Reads after which row the page begins; None is the first page.

        Raises:
            InvalidQueryError: the cursor is none of this list.
        """
        if self.cursor is None:
            return None
        try:
            sent = urlsafe_b64decode(self.cursor.encode("ascii") + b"=" * (-len(self.cursor) % 4))
            cursor: Cursor = self.row.validate_json(sent, strict=True)
        except (ValidationError, binascii.Error, UnicodeEncodeError):
            raise InvalidQueryError([_BAD_CURSOR]) from None
        return cursor


class LeadsQuery(_ListQuery):
    """Parameters of the ranked list."""

    row = TypeAdapter(tuple[_Place, _Finite, _Sound])

    limit: _Limit = Field(50, description="Rows of a page.")
    sort: Order = Field("rank", description="By worth of a call, or by waiting time.")
    band: Omissible[Texts] = Field(None, description="One band, or several parted by commas.")
    stage: Omissible[Stages] = Field(
        None, description=f"Of {', '.join(STAGES)}: one, or several parted by commas."
    )
    waiting: Omissible[_Hours] = Field(None, description="Waits for us so many hours or longer.")
    min_probability: Omissible[_Probability] = Field(None, description="So probable or more.")
    source: Omissible[SearchText] = Field(None, description="Value of the attribute source.")
    text: Omissible[SearchText] = Field(
        None, description="Occurs in the id, the account's id or an attribute that is a text."
    )

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

    row = TypeAdapter(tuple[_Moment, _Sound, _Finite, _Moment, _Version])

    updated_since: Instant = Field(description="A moment, inclusive.")
    limit: _LongLimit = Field(MOST_LEADS, description="Rows of a page.")
    feed: Feed = Field(
        "current", description="Each lead's score as it stands, or what the nightly job wrote."
    )


class QuarantineQuery(_ListQuery):
    """Parameters of the quarantine."""

    row = TypeAdapter(tuple[_Moment, _Key])

    limit: _Limit = Field(50, description="Rows of a page.")


def write_cursor(following: Sequence[object] | None) -> str | None:
    """Writes where the next page begins, as a text that stands in an address.

    >>> write_cursor((50, 0.25, "a"))
    'WzUwLDAuMjUsImEiXQ'
    """
    return None if following is None else urlsafe_b64encode(to_json(following)).decode().rstrip("=")
