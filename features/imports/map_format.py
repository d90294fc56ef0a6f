"""The format of a map: which tables of a source give which tables of a history, and by which columns.

docs/import.md explains it on one example.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from features.history.lead_history import OUTCOMES, AttributeType
from features.history.settings import Known, Use
from features.imports.values import MapPart, PlainValue, known_zone

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


class Value(PlainValue):
    """Where the cells of one column come from.

    Attributes:
        table: name of a joined table that has the column; the table of `from` unless given.
        expression: scalar expression of DuckDB over the columns of all tables of the block.
        optional: whether the column may be absent; its cells are then empty.
    """

    table: str | None = None
    expression: str | None = None
    optional: bool = False

    @classmethod
    def origins(cls) -> tuple[str, ...]:
        """See `PlainValue`."""
        return ("column", "constant", "expression")

    @model_validator(mode="after")
    def _table_has_column(self) -> Self:
        if self.column is None and (self.table is not None or self.optional):
            raise ValueError("table and optional belong to a column")
        return self


class Attribute(Value):
    """An attribute of leads: its value, and what is known about its past.

    Attributes:
        known: `creation`: set when the lead is created, and rarely later. `changes`: the map has its changes.
            `export`: only today's value is known, which may have been filled in after the sale.
        use: what it is for; `feature` allows one that is known only as of the export.
        type: type of its values; inferred unless given.
    """

    known: Known = "export"
    use: Use | None = None
    type: AttributeType | None = None


class Join(MapPart):
    """A table of which each row of a block gets at most one row more than it had.

    Attributes:
        table: its name in the source.
        as_: its name in the block; the same unless given.
        on: columns of it, and the columns of the tables before it that they equal; or an expression.
        kind: `left`: rows without a partner stay. `inner`: they are left out, and counted.
        first_by: of several partners only the one with the lowest value of this column of it.
        last_by: likewise with the highest value.
    """

    table: str
    as_: str | None = Field(None, alias="as")
    on: Mapping[str, str] | str
    kind: Literal["left", "inner"] = "left"
    first_by: str | None = None
    last_by: str | None = None

    @property
    def name(self) -> str:
        """Its name in the block."""
        return self.as_ or self.table

    @model_validator(mode="after")
    def _has_one_order(self) -> Self:
        if self.first_by and self.last_by:
            raise ValueError("give first_by or last_by, not both")
        if (self.first_by or self.last_by) and isinstance(self.on, str):
            raise ValueError("first_by and last_by need `on` as columns: they tell which rows are alike")
        if not self.on:
            raise ValueError("`on` is empty")
        return self


class Unnest(Value):
    """A list, of which each element becomes a row.

    Attributes:
        as_: name of the column of its elements.
    """

    as_: str = Field(alias="as")


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


class Latest(MapPart):
    """Of rows that are alike only one is taken.

    Attributes:
        by: columns in which they are alike.
        last_by: the row with the highest value of this column is taken.
        first_by: the row with the lowest value of this column is taken, as of events of one person.
    """

    by: tuple[str, ...] = Field(min_length=1)
    last_by: str | None = None
    first_by: str | None = None

    @model_validator(mode="after")
    def _has_one_order(self) -> Self:
        if (self.first_by is None) == (self.last_by is None):
            raise ValueError("give first_by or last_by")
        return self

    @property
    def order(self) -> tuple[str, str]:
        """The column that says which row is taken, and in which direction it is sorted."""
        return (self.last_by, "DESC") if self.last_by is not None else (self.first_by or "", "ASC")


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


class TableFile(MapPart):
    """Where a table of the source is, if its file or sheet does not have its name.

    Attributes:
        file: name or pattern of its files in the folder, such as `Leads_*.csv`; several are read as one.
        sheet: name of the sheet of a workbook.
        table: name in the database.
        encoding: of a file that is not in Unicode, such as `cp1252` of Windows.
        header_line: number of the line of the header of a CSV file that begins with lines that are no rows.
        optional: whether it may be absent: it then counts as a table without rows.
        optional_columns: columns of it that may be absent: their cells are then empty, in expressions, too.
    """

    file: str | None = None
    sheet: str | None = None
    table: str | None = None
    encoding: str | None = None
    header_line: int = Field(1, ge=1)
    optional: bool = False
    optional_columns: tuple[str, ...] = ()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        try:
            return None if encoding is None else codecs.lookup(encoding).name
        except LookupError:
            raise ValueError(f"{encoding} is no encoding: write a name such as cp1252") from None

    @model_validator(mode="after")
    def _has_columns_of_what_is_absent(self) -> Self:
        if self.optional and not self.optional_columns:
            raise ValueError("an optional table lists its columns in optional_columns")
        return self


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


class ImportMap(MapPart):
    """A whole map.

    Attributes:
        description: what it reads, in a sentence.
        zone: zone of times that carry none and whose value names no zone; such times are refused without.
        exported_at: when the source was exported, with its zone; the moment of the import unless given.
        missing: further spellings of a missing cell, such as `Select`.
        schema_: schema of the database.
        tables: places of tables, by the names that the blocks use.
        leads: one block or several; of rows with the same id that of the first block counts.
        interactions: any number of blocks.
        outcomes: any number of blocks.
        attribute_changes: any number of blocks.
        lead_aliases: any number of blocks.
    """

    description: str = ""
    zone: str | None = None
    exported_at: datetime | None = None
    missing: tuple[str, ...] = ()
    schema_: str | None = Field(None, alias="schema")
    tables: Mapping[str, TableFile] = {}
    leads: Annotated[tuple[Leads, ...], BeforeValidator(_as_list), Field(min_length=1)]
    interactions: Annotated[tuple[Interactions, ...], BeforeValidator(_as_list)] = ()
    outcomes: Annotated[tuple[Outcomes, ...], BeforeValidator(_as_list)] = ()
    attribute_changes: Annotated[tuple[AttributeChanges, ...], BeforeValidator(_as_list)] = ()
    lead_aliases: Annotated[tuple[LeadAliases, ...], BeforeValidator(_as_list)] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str | None) -> str | None:
        return None if zone is None else known_zone(zone)

    @field_validator("exported_at")
    @classmethod
    def _has_zone(cls, moment: datetime | None) -> datetime | None:
        if moment is not None and moment.tzinfo is None:
            raise ValueError("it carries no zone: write it like 2026-05-01T12:00:00Z")
        return moment

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        """Two blocks of one table would count an interaction with two kinds as sent twice."""
        seen: set[str] = set()
        for block in self.interactions:
            if block.source is None and block.interaction_id is not None:
                if block.from_ in seen:
                    raise ValueError(
                        f"two blocks of interactions take ids from {block.from_}: give one a source of its "
                        f'own, such as source = {{constant = "{block.from_}_2"}}'
                    )
                seen.add(block.from_)
        return self

    @model_validator(mode="after")
    def _changes_are_there(self) -> Self:
        attributes = [named for block in self.leads for named in block.attributes.items()]
        for name, attribute in attributes:
            if attribute.known == "changes" and not self.attribute_changes:
                raise ValueError(f'{name} is known = "changes", and the map has no attribute_changes')
            if any(other.known != attribute.known for own, other in attributes if own == name):
                raise ValueError(f"{name} is known in two ways")
        return self

    def attributes(self) -> dict[str, Attribute]:
        """Gives the attributes of all blocks; of those with one name that of the first block."""
        return {
            name: attribute for block in reversed(self.leads) for name, attribute in block.attributes.items()
        }

    def blocks(self) -> Iterator[tuple[str, str, Block]]:
        """Gives the table of each block, its name for people, and the block."""
        for table in TABLES:
            blocks: tuple[Block, ...] = getattr(self, table)
            for number, block in enumerate(blocks, 1):
                yield table, table if len(blocks) == 1 else f"{table} {number}", block


# Tables of a history that a map can fill.
TABLES: Final[tuple[str, ...]] = ("leads", "interactions", "outcomes", "attribute_changes", "lead_aliases")
