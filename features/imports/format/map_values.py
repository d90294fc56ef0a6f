"""Values of a map that may be SQL: where a cell, a joined table, the elements of a list come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from features.history.lead_history import AttributeType
from features.history.settings import Known, Use
from features.imports.format.values import MapPart, PlainValue


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
        first_by: of several partners only the one with the lowest value of this column of it, or the earliest
            time.
        last_by: likewise with the highest value.
    """

    table: str
    as_: str | None = Field(None, alias="as")
    on: Mapping[str, str] | str
    kind: Literal["left", "inner"] = "left"
    first_by: Value | None = None
    last_by: Value | None = None

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


class Latest(MapPart):
    """Of rows that are alike only one is taken.

    Attributes:
        by: columns in which they are alike.
        last_by: the row with the highest value of this column, or the latest time, is taken.
        first_by: the row with the lowest value, or the earliest time, is taken, as of events of one person.
    """

    by: tuple[str, ...] = Field(min_length=1)
    last_by: Value | None = None
    first_by: Value | None = None

    @model_validator(mode="after")
    def _has_one_order(self) -> Self:
        if (self.first_by is None) == (self.last_by is None):
            raise ValueError("give first_by or last_by")
        return self
