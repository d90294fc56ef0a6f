"""Reads the address of a request: the lead's id in the path, and the parameters of the query."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import unquote_plus, unquote_to_bytes

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
_ALONE: Final = "With max_age the current score answers: as of its own moment, with three reasons."
_PREFIX: Final = b"/v1/leads/"
_PARTS_OF_A_LEAD: Final = ([b"score"], [b"life"])
_LONGEST_AGE_SECONDS: Final = 31 * 24 * 3600


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
# In a type they come after its bounds, which pydantic describes in words of JSON Schema only then.
WHOLE: Final = BeforeValidator(_read_whole)
NUMBER: Final = BeforeValidator(_read_number)


_Horizon = Annotated[Number, Field(gt=0), NUMBER]
_Age = Annotated[int, Field(ge=0, le=_LONGEST_AGE_SECONDS), WHOLE]
_ReasonCount = Annotated[int, Field(ge=0, le=MOST_REASONS), WHOLE]
_TimelineLength = Annotated[int, Field(ge=0, le=MOST_SHOWN), WHOLE]


class _WithoutNull:
    """Describes an optional parameter without null, which an address cannot carry."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Returns the schema of the parameter where it is present."""
        present: JsonSchemaValue = handler(schema)["anyOf"][0]
        return present


_Present = TypeVar("_Present")
Omissible = Annotated[_Present | None, _WithoutNull()]


class Parameters(BaseModel):
    """The parameters of a query; unknown ones are refused."""

    model_config = ConfigDict(strict=True, extra="forbid")


class LifeQuery(Parameters):
    """Query of the life of a lead."""

    as_of: Omissible[Instant] = Field(None, description="Moment of the prediction; now by default.")
    horizon_days: Omissible[_Horizon] = Field(
        None, description="Days within which a conversion counts; the main horizon of the model by default."
    )

    @property
    def options(self) -> ScoreOptions:
        """The options of the score."""
        return ScoreOptions(self.as_of, self.horizon_days, 0)


class ScoreQuery(LifeQuery):
    """Query of a score."""

    reasons: _ReasonCount | Literal["all"] = Field(3, description="Number of reasons to return, or all.")
    max_age: Omissible[_Age] = Field(
        None,
        description="Seconds: the current score answers where it is not older, the model in use made it, and "
        "nothing newer of the lead or its account is stored; it has an as_of of its own and no score_id. Not "
        "together with other parameters.",
    )

    @property
    def options(self) -> ScoreOptions:
        """The options of the score.

        Raises:
            InvalidQueryError: the current score is asked for, and something that it does not have.
        """
        others = sorted(self.model_fields_set - {"max_age"})
        if self.max_age is not None and others:
            raise InvalidQueryError([Fault(f"?{name}", "not_with_max_age", _ALONE) for name in others])
        return ScoreOptions(self.as_of, self.horizon_days, self.reasons)


class TimelineQuery(Parameters):
    """Query of a lead with its timeline."""

    interactions: _TimelineLength = Field(100, description="Number of the newest interactions to return.")


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
    """Whether a path as sent is like /v1/leads/{id}/score: /v1/leads/a%2Fscore is the lead `a/score`."""
    return _segments(scope)[1:] == [part.encode()]


def is_part_of_lead(scope: Scope) -> bool:
    """Whether a path as sent is that of a part of a lead: its score, or its life."""
    return _segments(scope)[1:] in _PARTS_OF_A_LEAD


def read_lead_id(request: Request) -> str:
    """Reads the id in a path like /v1/leads/{id} or /v1/leads/{id}/score.

    A slash inside an id is sent as %2F; the decoded path of the request no longer shows it.

    Raises:
        InvalidQueryError: the id is not UTF-8, too long, empty or has a slash or NUL in it.
    """
    segments = _segments(request.scope)
    if len(segments) != 1 and segments[1:] not in _PARTS_OF_A_LEAD:
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
    """Splits what follows /v1/leads/, before it is decoded; empty if /v1/leads/ itself is encoded."""
    raw: bytes = scope["raw_path"].partition(b"?")[0]
    return raw.removeprefix(_PREFIX).split(b"/") if raw.startswith(_PREFIX) else []


def _parameters(request: Request) -> dict[str, str]:
    if not request.scope["query_string"]:
        return {}
    parts: list[str] = request.scope["query_string"].decode("latin-1").split("&")
    # As `parse_qsl` and Starlette read them, in a tenth of the time.
    halves = [part.partition("=") for part in parts if part]
    sent = [(unquote_plus(name), unquote_plus(value)) for name, _, value in halves]
    parameters = dict(sent)
    if len(parameters) < len(sent):
        raise InvalidQueryError([Fault("?", "duplicate_key", "A parameter stands in an address only once.")])
    return parameters


def _faults(error: ValidationError) -> list[Fault]:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(_place(entry["loc"]), entry["type"], entry["msg"]) for entry in found]


def _place(steps: tuple[int | str, ...]) -> str:
    return f"?{str(steps[0])[:200]}" if steps else ""
