"""The bodies of the routes that take many leads, interactions, outcomes or aliases: lists of items."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from serving.bodies.intake_items import (
    LEAD_EXAMPLE,
    IntakeAlias,
    IntakeInteraction,
    IntakeOutcome,
    LeadItem,
    Source,
)
from serving.bodies.score_bodies import DescribedAs

MOST_ITEMS: Final = 1000

_BACKFILL: Final = (
    "Each item is known from its own available_at on, by default occurred_at, instead of its receipt; "
    "needs a key with the scope admin."
)
_INTERACTION: Final[JsonDict] = {
    "interaction_id": "crm-77",
    "lead_id": "L-1042",
    "kind": "demo_requested",
    "occurred_at": "2026-05-19T16:30:00Z",
}
_OUTCOME: Final[JsonDict] = {
    "lead_id": "L-1042",
    "outcome": "converted",
    "occurred_at": "2026-06-02T09:00:00Z",
    "amount": 12000.0,
}
_ALIAS: Final[JsonDict] = {"alias_id": "visitor-8f2c", "lead_id": "L-1042"}
INTERACTIONS_EXAMPLES: Final[list[JsonValue]] = [{"source": "crm", "interactions": [_INTERACTION]}]


class LeadsBody(BaseModel):
    """Up to 1,000 leads, each merged as by PUT; each has a status of its own."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"leads": [{"lead_id": "L-1042", **LEAD_EXAMPLE}]}]},
    )

    ITEM_LISTS: ClassVar = ("leads",)

    leads: Annotated[list[Annotated[Any, DescribedAs(LeadItem)]], Field(max_length=MOST_ITEMS)]
    backfill: Annotated[
        bool,
        Field(
            description="Attributes of leads that are not stored yet are known from their creation on; "
            "needs a key with the scope admin."
        ),
    ] = False


class InteractionsBody(BaseModel):
    """Up to 1,000 interactions of one source; each has a status of its own."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": INTERACTIONS_EXAMPLES},
    )

    ITEM_LISTS: ClassVar = ("interactions",)

    source: Annotated[Source, Field(description="The system they come from.")]
    interactions: Annotated[
        list[Annotated[Any, DescribedAs(IntakeInteraction)]], Field(max_length=MOST_ITEMS)
    ]
    backfill: Annotated[bool, Field(description=_BACKFILL)] = False


class OutcomesBody(BaseModel):
    """Up to 1,000 outcomes of one source; each has a status of its own."""

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        json_schema_extra={"examples": [{"source": "crm", "outcomes": [_OUTCOME]}]},
    )

    ITEM_LISTS: ClassVar = ("outcomes",)

    source: Annotated[Source, Field(description="The system they come from.")]
    outcomes: Annotated[list[Annotated[Any, DescribedAs(IntakeOutcome)]], Field(max_length=MOST_ITEMS)]
    backfill: Annotated[bool, Field(description=_BACKFILL)] = False


class AliasesBody(BaseModel):
    """Up to 1,000 aliases; each has a status of its own."""

    model_config = ConfigDict(
        strict=True, extra="forbid", json_schema_extra={"examples": [{"aliases": [_ALIAS]}]}
    )

    ITEM_LISTS: ClassVar = ("aliases",)

    aliases: Annotated[list[Annotated[Any, DescribedAs(IntakeAlias)]], Field(max_length=MOST_ITEMS)]
    backfill: Annotated[
        bool,
        Field(
            description="Links that have an available_at are known from it on, instead of their receipt; "
            "needs a key with the scope admin."
        ),
    ] = False
