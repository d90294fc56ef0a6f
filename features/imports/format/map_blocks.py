"""Blocks of a map: rows of one table of the source that become rows of one table of the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from features.history.lead_history import OUTCOMES
from features.imports.format.map_values import Attribute, Join, Latest, Unnest, Value
from features.imports.format.values import MapPart, PlainValue

# Meaning of a status that closes nothing; such a row is no outcome.
OPEN: Final = "open"
# Columns of a history that no attribute may be called.
_RESERVED: Final = ("lead_id", "created_at", "account_id")

_V = TypeVar("_V", bound=PlainValue)


def check_attribute_names(attributes: Mapping[str, _V]) -> Mapping[str, _V]:
    """Refuses attributes that are called like a column of leads.

    Raises:
        ValueError: one is.
    """
    for name in attributes:
        if name in _RESERVED:
            raise ValueError(f"{name} is no attribute: give it beside the attributes")
    return attributes


def check_outcomes(value: _V) -> _V:
    """Refuses meanings of a status that are no outcomes.

    Raises:
        ValueError: one is none.
    """
    for text in (*(value.values or {}).values(), value.constant, value.default):
        if text is not None and text not in (*OUTCOMES, OPEN):
            raise ValueError(f"{text} is no outcome: write converted, lost, reopened or open")
    return value


class Block(MapPart):
    """Rows of one table of the source that become rows of one table of the history.

    Attributes:
        from_: name of the table in the source.
        optional: whether the table may be absent.
        latest: of rows that are alike in `by` only one is taken: `{by = ["id"], last_by = "synced_at"}`.
        join: further tables, joined in their order.
        unnest: lists that become rows, after the joins.
        where: expression; rows for which it is not true are left out, and counted.
        deleted: whether a row was deleted at the source; such rows are left out, and counted.
    """

    from_: str = Field(alias="from")
    optional: bool = False
    latest: Latest | None = None
    join: tuple[Join, ...] = ()
    unnest: tuple[Unnest, ...] = ()
    where: str | None = None
    deleted: Value | None = None

    def values(self) -> Iterator[tuple[str, Value]]:
        """Gives the values of the block by the names of their keys."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Value):
                yield name, value

    @property
    def tables(self) -> Iterator[str]:
        """Names of the tables of the source that it reads."""
        yield self.from_
        yield from (join.table for join in self.join)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [self.from_, *(join.name for join in self.join)]
        if len({name.lower() for name in names}) < len(names):
            raise ValueError("two tables of the block have one name; give one of them another with `as`")
        for key, value in self.values():
            if value.table is not None and value.table not in names:
                raise ValueError(f"{key} is of the table {value.table}, which is neither in from nor in join")
        return self


class Leads(Block):
    """Leads, each once, with their attributes.

    Attributes:
        lead_id: their id.
        created_at: when they were created.
        account_id: the company that several belong to.
        erased: whether a person asked to be forgotten: the lead and all of its rows are left out, and removed
            from a history that has them.
        attributes: by the name that they have in the history.
    """

    lead_id: Value
    created_at: Value
    account_id: Value | None = None
    erased: Value | None = None
    attributes: Mapping[str, Attribute] = {}

    _are_no_columns = field_validator("attributes")(check_attribute_names)

    def values(self) -> Iterator[tuple[str, Value]]:
        """See `Block`."""
        yield from super().values()
        yield from ((f"attributes.{name}", value) for name, value in self.attributes.items())


class Interactions(Block):
    """Interactions; columns are those of a history.

    Attributes:
        available_at: when the row was recorded. A row recorded more than an hour before it happens is a plan:
            it becomes `<kind>_planned` at that moment, and the kind itself once it has happened.
        source: the name of the table unless given.
    """

    lead_id: Value
    kind: Value
    occurred_at: Value
    available_at: Value | None = None
    source: Value | None = None
    interaction_id: Value | None = None
    direction: Value | None = None
    channel: Value | None = None
    value: Value | None = None
    campaign: Value | None = None
    is_automated: Value | None = None


class Outcomes(Block):
    """Outcomes; a row whose text `outcome` does not list is none.

    Attributes:
        outcome: `values` of it give `converted`, `lost`, `reopened`, or `open` for what is no outcome; so
            does a constant.
        occurred_at: when. A closing status without its time is refused.
        reopens: outcomes that a `reopened` of this block takes back; after any other one it is left out.
    """

    reopens: tuple[Literal["converted", "lost"], ...] = ("converted", "lost")
    lead_id: Value
    outcome: Value
    occurred_at: Value
    available_at: Value | None = None
    source: Value | None = None
    outcome_id: Value | None = None
    amount: Value | None = None

    _are_outcomes = field_validator("outcome")(check_outcomes)


class AttributeChanges(Block):
    """The log of changes of attributes that are `known = "changes"`.

    Attributes:
        attribute: name of the attribute in the history.
        value: the value from then on.
        old: the value before, where the log has it: the first one is the value at creation.
        available_at: when it changed.
    """

    lead_id: Value
    attribute: Value
    value: Value
    old: Value | None = None
    available_at: Value


class LeadAliases(Block):
    """Other ids of leads: anonymous visitors who became known, duplicates that were merged."""

    alias_id: Value
    lead_id: Value
    available_at: Value
