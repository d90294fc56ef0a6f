"""What is written of one lead, interaction, outcome or alias: its fields, and how it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Required, TypeVar
from unicodedata import category

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)
from pydantic.config import JsonDict
from pydantic.functional_validators import AfterValidator
from pydantic_core import PydanticCustomError
from typing_extensions import TypedDict

from features.history.text_rule import TEXT_RULE
from features.tables.schema import OPTIONAL, REQUIRED
from serving.bodies.json_faults import FaultyItem
from serving.bodies.score_bodies import Instant, InteractionBody, Name, Number, Sent, faults_of
from serving.errors import CONTROL_TEXT, MISSING_TEXT, MOST_FAULTS, Fault

_OWN_NAMES: Final = {*REQUIRED["leads"], *OPTIONAL["leads"]}


def _is_attribute_name(name: str) -> str:
    if name in _OWN_NAMES:
        raise PydanticCustomError("reserved_name", "This is a column of its own, not an attribute.")
    return name


def _is_not_missing(text: str) -> str:
    """Refuses a text that stands for a missing value, because a table would leave the row out."""
    if text in TEXT_RULE.spellings:
        raise PydanticCustomError("missing_text", MISSING_TEXT)
    return text


def has_control_characters(text: str) -> bool:
    r"""Tells whether a text has control characters, such as a new line; most have none.

    >>> has_control_characters("L-1042"), has_control_characters("L-1042\n"), has_control_characters("Łódź")
    (False, True, False)
    """
    return not text.isprintable() and any(category(character) == "Cc" for character in text)


def _is_id(text: str) -> str:
    """Refuses an id that stands for a missing value, or that has control characters."""
    if has_control_characters(text):
        raise PydanticCustomError("control_character", CONTROL_TEXT)
    return _is_not_missing(text)


# Both together are a key, and PostgreSQL takes keys of up to 2,700 bytes.
MOST_SOURCE: Final = 100
MOST_ID: Final = 400
Source = Annotated[str, StringConstraints(min_length=1, max_length=MOST_SOURCE)]
ItemId = Annotated[str, StringConstraints(min_length=1, max_length=MOST_ID), AfterValidator(_is_id)]
RequiredName = Annotated[Name, AfterValidator(_is_not_missing)]
LeadId = Annotated[Name, AfterValidator(_is_id)]
AttributeName = Annotated[Name, AfterValidator(_is_attribute_name)]

LEAD_EXAMPLE: Final[JsonDict] = {
    "created_at": "2026-05-01T08:00:00Z",
    "account_id": "A-7",
    "attributes": {"company_size": 120, "country": "DE", "has_budget": True},
}


class LeadChanges(BaseModel):
    """Changes of a stored lead: what is not named stays unchanged."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"attributes": {"country": "AT"}}]}
    )

    created_at: Annotated[
        Instant | None,
        Field(description="When the lead was really created, where that is to be corrected."),
    ] = None
    account_id: Annotated[
        Name | None, Field(description="The company it belongs to; absent: unchanged, null: none.")
    ] = None
    attributes: Annotated[
        dict[AttributeName, Sent],
        Field(description="Facts about the lead by name, known from now on; null empties one."),
    ] = {}


class LeadBody(LeadChanges):
    """A lead, or its changes: attributes that are not named stay unchanged."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [LEAD_EXAMPLE]})

    created_at: Annotated[
        Instant,
        Field(description="When the lead was created; another time than the stored one corrects it."),
    ]


class LeadItem(LeadBody):
    """A lead among several."""

    lead_id: Annotated[LeadId, Field(description="Your id of the lead.")]


class ChangedLeadItem(LeadChanges):
    """A lead as a CRM wrote it: without `created_at`, changes of one that is stored."""

    lead_id: LeadId


class IntakeInteraction(InteractionBody, total=False):
    """One interaction; further columns are stored as they are."""

    __pydantic_config__ = ConfigDict(strict=True, extra="allow")  # type: ignore[misc]

    lead_id: Required[LeadId]
    kind: Required[Annotated[RequiredName, Field(description="The kind of interaction, such as page_view.")]]
    interaction_id: Required[  # type: ignore[misc]
        Annotated[ItemId, Field(description="Its id at the source; stored once for ever.")]
    ]


class IntakeOutcome(TypedDict, total=False):
    """An outcome of a lead; the last known counts until another or a correction becomes known."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    lead_id: Required[LeadId]
    outcome: Required[
        Annotated[
            Literal["converted", "lost", "reopened"],
            Field(description="reopened opens a lead again that was converted or lost."),
        ]
    ]
    occurred_at: Required[Instant]
    amount: Number | None
    available_at: Annotated[
        Instant | None, Field(description="When your systems knew of it; counts with backfill only.")
    ]
    outcome_id: Annotated[
        Annotated[ItemId, AfterValidator(_is_not_missing)] | None,
        Field(description="Its id at the source; the same id again with other content corrects it."),
    ]


class IntakeAlias(TypedDict, total=False):
    """Two ids of one person; what is known under the alias belongs to the lead from now on."""

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid")  # type: ignore[misc]

    alias_id: Required[Annotated[RequiredName, Field(description="The other id, such as a visitor's.")]]
    lead_id: Required[Annotated[RequiredName, Field(description="The lead, or an alias of it.")]]
    available_at: Annotated[
        Instant | None, Field(description="When your systems knew of it; counts with backfill only.")
    ]


_Item = TypeVar("_Item")
_INTERACTION_READER: Final = TypeAdapter(IntakeInteraction)
_OUTCOME_READER: Final = TypeAdapter(IntakeOutcome)
_ALIAS_READER: Final = TypeAdapter(IntakeAlias)
_LEAD_READER: Final = TypeAdapter(LeadItem)
_CHANGE_READER: Final = TypeAdapter(ChangedLeadItem)


def read_interaction(sent: object) -> Mapping[str, Any] | list[Fault]:
    """Checks an interaction; returns it, or its faults."""
    return _read(_INTERACTION_READER, sent)


def read_outcome(sent: object) -> Mapping[str, Any] | list[Fault]:
    """Checks an outcome; returns it, or its faults."""
    return _read(_OUTCOME_READER, sent)


def read_alias(sent: object) -> Mapping[str, Any] | list[Fault]:
    """Checks an alias; returns it, or its faults."""
    return _read(_ALIAS_READER, sent)


def read_lead_item(sent: object) -> LeadItem | list[Fault]:
    """Checks a lead among several; returns it, or its faults."""
    return _read(_LEAD_READER, sent)


def read_changed_lead(sent: object) -> ChangedLeadItem | list[Fault]:
    """Checks a lead, or changes of one; returns it, or its faults."""
    return _read(_CHANGE_READER, sent)


def _read(reader: TypeAdapter[_Item], sent: object) -> _Item | list[Fault]:
    if isinstance(sent, FaultyItem):
        return [*sent.faults[:MOST_FAULTS]]
    try:
        return reader.validate_python(sent)
    except ValidationError as error:
        return faults_of(error)
