"""Reads the address of a request: the lead's id in its path and the parameters of its query."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from fastapi import Path
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from starlette.requests import Request
from starlette.types import Scope

from serving.bodies.score_bodies import MOST_REASONS, Instant, Name, Number
from serving.errors import Fault, InvalidQueryError
from serving.stored_leads.score_lead import ScoreOptions

MOST_SHOWN: Final = 100_000
_DIGITS: Final = 12
_PREFIX: Final = b"/v1/leads/"
_PARTS_OF_A_LEAD: Final = ([b"score"], [b"life"])


def _read_whole(sent: object) -> object:
    if isinstance(sent, str) and sent.isascii() and sent.isdecimal() and len(sent) <= _DIGITS:
        return int(sent)
    return sent


def _read_number(sent: object) -> object:
    try:
        return float(sent) if isinstance(sent, str) and "_" not in sent else sent
    except ValueError:
        raise PydanticCustomError("float_parsing", "A number is written like 30 or 7.5.") from None


LeadId = Annotated[Name, Path(description="Your id of the lead.")]
# They come last in a type, after its bounds.
WHOLE: Final = BeforeValidator(_read_whole)
NUMBER: Final = BeforeValidator(_read_number)


_Horizon = Annotated[Number, Field(gt=0), NUMBER]
_ReasonCount = Annotated[int, Field(ge=0, le=MOST_REASONS), WHOLE]
_TimelineLength = Annotated[int, Field(ge=0, le=MOST_SHOWN), WHOLE]


class _WithoutNull:
    """Describes a parameter that may be absent: an address knows no null."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describes the parameter where it is present."""
        present: JsonSchemaValue = handler(schema)["anyOf"][0]
        return present


_Present = TypeVar("_Present")
Omissible = Annotated[_Present | None, _WithoutNull()]


class Parameters(BaseModel):
    """The parameters of a query, all others being refused."""

    model_config = ConfigDict(strict=True, extra="forbid")


class LifeQuery(Parameters):
    """Parameters of the life of a lead."""

    as_of: Omissible[Instant] = Field(None, description="A moment of the past; absent: now.")
    horizon_days: Omissible[_Horizon] = Field(None, description="Absent: the main horizon.")

    @property
    def options(self) -> ScoreOptions:
        """What is asked of the lead."""
        return ScoreOptions(self.as_of, self.horizon_days, 0)


class ScoreQuery(LifeQuery):
    """Parameters of a score."""

    reasons: _ReasonCount | Literal["all"] = Field(3, description="How many reasons to name; absent: 3.")

    @property
    def options(self) -> ScoreOptions:
        """What is asked of the lead."""
        return ScoreOptions(self.as_of, self.horizon_days, self.reasons)


class TimelineQuery(Parameters):
    """Parameters of a lead with its timeline."""

    interactions: _TimelineLength = Field(100, description="How many of the newest interactions to show.")


_NAME: Final = TypeAdapter(Name)
_Query = TypeVar("_Query", bound=BaseModel)


def read_query(model: type[_Query], request: Request) -> _Query:
    """Reads the parameters of a query.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    try:
        return model.model_validate(_parameters(request))
    except ValidationError as error:
        raise InvalidQueryError(_faults(error)) from None


def ends_in(scope: Scope, part: str) -> bool:
    """Tells /v1/leads/{id}/score from a lead whose id ends in a slash, written %2F, and the word score."""
    return _segments(scope)[1:] == [part.encode()]


def read_lead_id(request: Request) -> str:
    """Reads the id out of a path like /v1/leads/{id}, with whatever its route has after it.

    A slash that is part of an id comes as %2F, which is gone once a path is decoded as a whole.

    Raises:
        InvalidQueryError: it is no text, or one that no lead has.
    """
    segments = _segments(request.scope)
    is_part_of_lead = request.method == "GET" and segments[1:] in _PARTS_OF_A_LEAD
    if len(segments) != 1 and not is_part_of_lead:
        raise InvalidQueryError([Fault("", "one_segment", "A slash in an id is written %2F.")])
    try:
        lead_id = unquote_to_bytes(segments[0]).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidQueryError([Fault("", "utf8", "An id in a path is UTF-8, percent-encoded.")]) from None
    if "\0" in lead_id:
        raise InvalidQueryError([Fault("", "no_nul", "A text holds no NUL character.")])
    try:
        return _NAME.validate_python(lead_id)
    except ValidationError as error:
        raise InvalidQueryError(_faults(error)) from None


def _segments(scope: Scope) -> list[bytes]:
    """Parts what follows /v1/leads/ before it is decoded; nothing where even that came encoded."""
    raw: bytes = scope["raw_path"].partition(b"?")[0]
    return raw.removeprefix(_PREFIX).split(b"/") if raw.startswith(_PREFIX) else []


def _parameters(request: Request) -> dict[str, str]:
    if not request.scope["query_string"]:
        return {}
    sent = request.query_params.multi_items()
    doubled = [name for name, count in Counter(name for name, _ in sent).items() if count > 1]
    if doubled:
        raise InvalidQueryError([Fault("?", "duplicate_key", "A parameter stands in an address only once.")])
    return dict(sent)


def _faults(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(_place(entry["loc"]), entry["type"], entry["msg"]) for entry in found]


def _place(steps: tuple[int | str, ...]) -> str:
    return f"?{str(steps[0])[:200]}" if steps else ""
