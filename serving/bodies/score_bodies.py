"""The bodies of the routes that score: their fields, types and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Literal, Required, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
)
from pydantic.config import JsonDict
from pydantic_core import CoreSchema, PydanticCustomError, core_schema
from typing_extensions import TypedDict

from features.history.text_rule import EXACT_FLOATS
from features.times import TimeError, parse_time
from serving.bodies.json_faults import FaultyItem
from serving.errors import Fault, InvalidBodyError, pointer

# Outside lie typing errors (year 0205, 20266) and instants that other systems cannot store.
EARLIEST_US: Final = parse_time("1900-01-01T00:00:00Z")
LATEST_US: Final = parse_time("2200-01-01T00:00:00Z")

BATCH_LEADS: Final = 200
MOST_REASONS: Final = 1000
MOST_NAME: Final = 500
# Of the value of an attribute.
MOST_TEXT: Final = 4_000
_BEYOND_DOUBLES: Final = 2**1023

AttributeValue = bool | int | float | str | None


def _read_instant(sent: object) -> int:
    if not isinstance(sent, str):
        raise PydanticCustomError("time", "A time is a text like 2026-05-01T12:00:00Z.")
    try:
        instant = parse_time(sent)
    except (TimeError, OverflowError):
        raise PydanticCustomError("time", "A time has a date, a time of day and a zone.") from None
    if not EARLIEST_US <= instant < LATEST_US:
        raise PydanticCustomError("time_range", "A time lies between the years 1900 and 2200.")
    return instant


def _read_attribute(sent: object) -> AttributeValue:
    if isinstance(sent, str) and len(sent) > MOST_TEXT:
        raise PydanticCustomError("text_length", f"A text has at most {MOST_TEXT} characters.")
    if sent is None or isinstance(sent, (bool, float, str)):
        return sent
    if isinstance(sent, int) and abs(sent) < _BEYOND_DOUBLES:
        # Beyond exact doubles it stays an integer: as a category it is the text of all its digits.
        return float(sent) if abs(sent) < EXACT_FLOATS else sent
    raise PydanticCustomError("attribute_value", "An attribute is a number, true or false, a text, or null.")


def _read_reasons(sent: object) -> int | Literal["all"]:
    if sent == "all":
        return "all"
    if isinstance(sent, int) and not isinstance(sent, bool) and 0 <= sent <= MOST_REASONS:
        return sent
    raise PydanticCustomError("reasons", 'Reasons are a whole number from 0 to 1000, or "all".')


Instant = Annotated[
    int, PlainValidator(_read_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=MOST_NAME)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Sent = Annotated[
    Any,
    PlainValidator(_read_attribute),
    WithJsonSchema({"type": ["number", "boolean", "string", "null"], "maxLength": MOST_TEXT}),
]


@dataclass(frozen=True, slots=True)
class DescribedAs:
    """Describes a field by `shape` without checking it, because its items are checked later, each by itself.

    Attributes:
        shape: a type that pydantic can describe.
    """

    shape: Any

    def __get_pydantic_core_schema__(self, _: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Takes the JSON schema from the shape, and lets every value pass."""
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(self.shape), python_schema=core_schema.any_schema()
        )


class InteractionBody(TypedDict, total=False):
    """One thing that happened between a lead and us; further columns are allowed and ignored."""

    # Twenty TypedDicts validate in half the time of twenty models.
    __pydantic_config__ = ConfigDict(strict=True, extra="ignore")  # type: ignore[misc]

    kind: Required[Annotated[Name, Field(description="The kind of interaction, such as page_view.")]]
    occurred_at: Required[Annotated[Instant, Field(description="When it happened.")]]
    available_at: Annotated[
        Instant | None, Field(description="When your systems knew; absent: when it happened.")
    ]
    source: Annotated[Name | None, Field(description="The system it comes from.")]
    interaction_id: Annotated[Name | None, Field(description="Its id there; the same id twice counts once.")]
    direction: Annotated[
        Literal["inbound", "outbound", ""] | None,
        Field(description="inbound from the lead, or outbound to it; empty: the usual one of the kind."),
    ]
    channel: Annotated[str, Field(max_length=MOST_NAME)] | None
    campaign: Annotated[str, Field(max_length=MOST_NAME)] | None
    value: Annotated[
        Number | None, Field(description="A number that came with it, such as seconds or euros.")
    ]
    is_automated: Annotated[
        bool | None,
        Field(description="A machine made it, such as a scanner of links; absent: its times tell."),
    ]


_EXAMPLE: Final[JsonDict] = {
    "lead_id": "L-1042",
    "created_at": "2026-05-01T08:00:00Z",
    "as_of": "2026-05-20T12:00:00Z",
    "attributes": {"company_size": 120, "country": "DE", "has_budget": True},
    "interactions": [
        {"kind": "page_view", "occurred_at": "2026-05-01T08:00:00Z", "channel": "web"},
        {"kind": "demo_requested", "occurred_at": "2026-05-19T16:30:00Z", "interaction_id": "crm-77"},
    ],
}


HorizonDays = Annotated[
    float | None, Field(gt=0, allow_inf_nan=False, description="Absent: the model's main horizon.")
]
Reasons = Annotated[
    int | Literal["all"],
    PlainValidator(_read_reasons),
    Field(description="How many reasons to name, the strongest first, or all."),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 1000}, {"const": "all"}]}),
]


class ScoreRequest(BaseModel):
    """One lead, with all that the caller knows of it."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    lead_id: Annotated[Name, Field(description="Your id of the lead.")]
    created_at: Annotated[Instant, Field(description="When the lead was created.")]
    as_of: Annotated[Instant | None, Field(description="The moment of the prediction; absent: now.")] = None
    account_id: Annotated[Name | None, Field(description="The company it belongs to.")] = None
    attributes: Annotated[
        dict[str, Sent],
        Field(description="Facts about the lead by name; those the model does not use are ignored."),
    ] = {}
    interactions: Annotated[
        list[InteractionBody], Field(description="Those that were not known at as_of are ignored.")
    ] = []
    account_interactions: Annotated[
        list[InteractionBody] | None,
        Field(description="All interactions of the account, this lead's own included."),
    ] = None
    horizon_days: HorizonDays = None
    reasons: Reasons = 3


class BatchRequest(BaseModel):
    """Up to 200 leads; each has a status of its own."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"leads": [_EXAMPLE]}]}
    )

    ITEM_LISTS: ClassVar = ("leads",)

    leads: Annotated[
        list[Annotated[Any, DescribedAs(ScoreRequest)]],
        Field(max_length=BATCH_LEADS, description="Bodies of POST /v1/score."),
    ]


class StoredLeadsRequest(BaseModel):
    """Up to 200 stored leads; each has a status of its own."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"lead_ids": ["L-1042", "L-1043"]}]}
    )

    lead_ids: Annotated[
        list[Name], Field(max_length=BATCH_LEADS, description="Your ids of the leads, or aliases of them.")
    ]
    as_of: Annotated[Instant | None, Field(description="The moment of the prediction; absent: now.")] = None
    horizon_days: HorizonDays = None
    reasons: Reasons = 3


_Body = TypeVar("_Body", bound=BaseModel)


def check_body(model: type[_Body], document: object) -> _Body:
    """Checks a parsed body.

    Raises:
        InvalidBodyError: with every fault's path and rule.
    """
    if isinstance(document, FaultyItem):
        raise InvalidBodyError(document.faults)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidBodyError(faults_of(error)) from None


def faults_of(error: ValidationError) -> list[Fault]:
    """Turns the errors of pydantic into faults, without the values that were sent."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Fault(pointer(entry["loc"]), entry["type"], entry["msg"]) for entry in found]
