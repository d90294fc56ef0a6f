"""Reads what stands in the address of a request: the id in its path and the parameters of its query."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Final, Literal, TypeVar
from urllib.parse import unquote_to_bytes

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError
from starlette.requests import Request

from serving.bodies.score_bodies import MOST_REASONS, Instant, Name, Number
from serving.errors import Fault, InvalidQueryError
from serving.stored_leads.score_lead import ScoreOptions

MOST_SHOWN: Final = 100_000
_DIGITS: Final = 12
_PREFIX: Final = b"/v1/leads/"
_OF_A_LEAD: Final = ([b"score"], [b"life"])


def _read_whole(sent: object) -> object:
    if isinstance(sent, str) and sent.isascii() and sent.isdecimal() and len(sent) <= _DIGITS:
        return int(sent)
    return sent


def _read_number(sent: object) -> object:
    try:
        return float(sent) if isinstance(sent, str) and "_" not in sent else sent
    except ValueError:
        raise PydanticCustomError("float_parsing", "A number is written like 30 or 7.5.") from None


Whole = Annotated[int, BeforeValidator(_read_whole)]
SentNumber = Annotated[Number, BeforeValidator(_read_number)]


class LifeQuery(BaseModel):
    """Parameters of the life of a lead."""

    model_config = ConfigDict(strict=True, extra="forbid")

    as_of: Instant | None = None
    horizon_days: Annotated[SentNumber, Field(gt=0)] | None = None


class ScoreQuery(LifeQuery):
    """Parameters of a score."""

    reasons: Annotated[Whole, Field(ge=0, le=MOST_REASONS)] | Literal["all"] = 3


class TimelineQuery(BaseModel):
    """Parameters of a lead with its timeline."""

    model_config = ConfigDict(strict=True, extra="forbid")

    interactions: Annotated[Whole, Field(ge=0, le=MOST_SHOWN)] = 100


_NAME: Final = TypeAdapter(Name)
_Query = TypeVar("_Query", bound=BaseModel)


def read_question(request: Request) -> ScoreOptions:
    """Reads what is asked of a lead.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    asked = read_query(ScoreQuery, request)
    return ScoreOptions(asked.as_of, asked.horizon_days, asked.reasons)


def read_life_question(request: Request) -> ScoreOptions:
    """Reads what is asked of the life of a lead.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    asked = read_query(LifeQuery, request)
    return ScoreOptions(asked.as_of, asked.horizon_days, 0)


def read_timeline_limit(request: Request) -> int:
    """Reads how many interactions are shown.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    return read_query(TimelineQuery, request).interactions


def read_query(kind: type[_Query], request: Request) -> _Query:
    """Reads the parameters of a query.

    Raises:
        InvalidQueryError: with every fault's parameter and rule.
    """
    try:
        return kind.model_validate(_parameters(request))
    except ValidationError as error:
        raise InvalidQueryError(_faults(error)) from None


def is_path_of(request: Request, last: Literal["score", "life"]) -> bool:
    """Tells /v1/leads/{id}/score from a lead whose id ends in a slash, written %2F, and the word score."""
    return _segments(request)[1:] == [last.encode()]


def read_lead_id(request: Request) -> str:
    """Reads the id out of a path like /v1/leads/{id}, with whatever its route has after it.

    A slash that is part of an id comes as %2F, which is gone once a path is decoded as a whole.

    Raises:
        InvalidQueryError: it is no text, or one that no lead has.
    """
    segments = _segments(request)
    is_of_lead = request.method == "GET" and segments[1:] in _OF_A_LEAD
    if len(segments) != 1 and not is_of_lead:
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


def _segments(request: Request) -> list[bytes]:
    """Parts what follows /v1/leads/ before it is decoded; nothing where even that came encoded."""
    raw: bytes = request.scope["raw_path"].partition(b"?")[0]
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
