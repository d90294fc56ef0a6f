"""Reads the query of a list: filters, order, page size, and the cursor of the previous page."""

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
    model_validator,
)
from pydantic_core import PydanticCustomError, to_json

from features.funnel import STAGES, Stage
from serving.bodies.score_bodies import MOST_NAME, Instant, Name, Number
from serving.errors import Fault, InvalidQueryError
from serving.http.queries import NUMBER, WHOLE, Omissible, Parameters
from serving.store.lists import Cursor, Feed, LeadFilter, Order, SetAside

MOST_LEADS: Final = 200
MOST_SCORES: Final = 1000

_BAD_CURSOR: Final = Fault("?cursor", "cursor", "A cursor is one of an answer of this list, as it was.")


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
_Text = Annotated[str, StringConstraints(max_length=MOST_NAME), AfterValidator(_without_nul)]
_Key = Annotated[str, StringConstraints(pattern=r"\A(?:[0-9a-f]{2}){1,64}\z")]


class _ListQuery(Parameters):
    # The content of a cursor: the values by which the list is sorted, of the last row of a page.
    row: ClassVar[TypeAdapter[Any]]

    cursor: Omissible[_CursorText] = Field(None, description="The next_cursor of the previous page.")

    def read_cursor(self) -> Cursor | None:
        """Decodes the row after which the page begins; None for the first page.

        Raises:
            InvalidQueryError: the cursor is not from this list.
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
    """Query of the ranked list."""

    row = TypeAdapter(tuple[_Place, _Finite, _Sound])

    limit: _Limit = Field(50, description="Number of rows per page.")
    sort: Order = Field(
        "rank",
        description="By the worth of a call, or by waiting time; the latter lists only leads that wait.",
    )
    band: Omissible[Texts] = Field(None, description="One band, or several separated by commas.")
    stage: Omissible[Stages] = Field(
        None, description=f"One of {', '.join(STAGES)}, or several separated by commas."
    )
    waiting: Omissible[_Hours] = Field(None, description="Minimum waiting time in hours.")
    min_probability: Omissible[_Probability] = Field(None, description="Minimum probability.")
    source: Omissible[SearchText] = Field(None, description="Value of the attribute source.")
    owner: Omissible[SearchText] = Field(None, description="Value of the attribute owner.")
    territory: Omissible[SearchText] = Field(None, description="Value of the attribute territory.")
    sales: Omissible[SearchText] = Field(
        None, description="Value of the attribute sales, such as inside or outside."
    )
    set_aside: SetAside = Field(
        "without",
        description="Whether leads that are set aside (not interested, call later) are listed: "
        "without them, with them, or only these.",
    )
    text: Omissible[SearchText] = Field(
        None,
        description="Text to search in the lead's id, the account's id and the attributes that are texts.",
    )

    @property
    def lead_filter(self) -> LeadFilter:
        """The requested leads and their order."""
        return LeadFilter(
            order=self.sort,
            bands=self.band,
            stages=self.stage,
            waiting_hours=self.waiting,
            min_probability=self.min_probability,
            source=self.source,
            owner=self.owner,
            territory=self.territory,
            sales=self.sales,
            set_aside=self.set_aside,
            text=self.text,
        )


class ScoresQuery(_ListQuery):
    """Query of scores since a moment."""

    row = TypeAdapter(tuple[_Moment | None, _Place, _Text, _Finite, _Moment, _Text])

    updated_since: Omissible[Instant] = Field(
        None, description="Scores made at this moment or later; needed without a cursor, ignored with one."
    )
    limit: _LongLimit = Field(MOST_LEADS, description="Number of rows per page.")
    feed: Feed = Field(
        "current", description="The current score of each lead, or the scores that the nightly job wrote."
    )

    @model_validator(mode="after")
    def _begins_somewhere(self) -> ScoresQuery:
        if self.updated_since is None and self.cursor is None:
            raise PydanticCustomError("since_or_cursor", "A feed begins at updated_since, or at a cursor.")
        return self


class QuarantineQuery(_ListQuery):
    """Query of the quarantine."""

    row = TypeAdapter(tuple[_Moment, _Key])

    limit: _Limit = Field(50, description="Number of rows per page.")


def write_cursor(following: Sequence[object] | None) -> str | None:
    """Encodes where the next page begins, as text for an address; None on the last page.

    >>> write_cursor((50, 0.25, "a"))
    'WzUwLDAuMjUsImEiXQ'
    """
    return None if following is None else urlsafe_b64encode(to_json(following)).decode().rstrip("=")
