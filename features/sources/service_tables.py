"""The tables of a history as the service keeps them, and what makes them those of any other history.

The service keeps an instant as whole microseconds, and every value of an attribute as a text with its type,
in `attribute_changes`: what it is told is known from the moment it was received, the first value too. Read as
a history, instants are times again, and each attribute is a column of `leads` of its own type, empty at
creation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from features.history.lead_history import AttributeType

# Its row tells the version; a database that has it is one of the service.
VERSION_TABLE: Final = "leadodds_store"

# Compared byte by byte, so that the order of rows is the same in every database.
Text: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
METADATA: Final = sa.MetaData()


def sequence_column(*, index: bool = False, primary_key: bool = False) -> sa.Column[int]:
    """Declares which transaction of the service wrote a row: they are numbered from 1, in their order."""
    return sa.Column("sequence", sa.BigInteger, nullable=False, index=index, primary_key=primary_key)


LEADS: Final = sa.Table(
    "leads",
    METADATA,
    sa.Column("lead_id", Text, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("account_id", Text, index=True),
)
ATTRIBUTE_CHANGES: Final = sa.Table(
    "attribute_changes",
    METADATA,
    sa.Column("lead_id", Text, nullable=False),
    sa.Column("attribute", Text, nullable=False),
    sa.Column("type", Text),
    sa.Column("value", Text),
    sa.Column("available_at", sa.BigInteger, nullable=False),
    sequence_column(index=True),
    sa.Index("attribute_changes_of_lead", "lead_id", "available_at"),
)
INTERACTIONS: Final = sa.Table(
    "interactions",
    METADATA,
    sa.Column("source", Text, primary_key=True),
    sa.Column("interaction_id", Text, primary_key=True),
    sa.Column("lead_id", Text, nullable=False),
    sa.Column("kind", Text, nullable=False),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    sa.Column("available_at", sa.BigInteger, nullable=False),
    sa.Column("direction", Text),
    sa.Column("channel", Text),
    sa.Column("campaign", Text),
    sa.Column("value", sa.Double),
    sa.Column("further", Text),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sequence_column(index=True),
    sa.Index("interactions_of_lead", "lead_id", "occurred_at"),
)
OUTCOMES: Final = sa.Table(
    "outcomes",
    METADATA,
    sa.Column("key", sa.LargeBinary, primary_key=True),
    sa.Column("source", Text, nullable=False),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("outcome", Text, nullable=False),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),
    sa.Column("available_at", sa.BigInteger, nullable=False),
    sa.Column("amount", sa.Double),
    sequence_column(index=True),
)

_INSTANTS: Final = ("created_at", "occurred_at", "available_at")
_MOMENTS: Final = pa.timestamp("us", tz="UTC")
_ARROW_TYPES: Final[Mapping[str, pa.DataType]] = {
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "category": pa.string(),
}


def with_attributes(
    tables: Mapping[str, pa.Table], types: Mapping[str, AttributeType]
) -> dict[str, pa.Table]:
    """Gives `leads` a column for each attribute, empty at creation.

    Args:
        tables: of the service.
        types: of every attribute that has a value.
    """
    made = dict(tables)
    for name, type_ in types.items():
        empty = pa.nulls(len(made["leads"]), _ARROW_TYPES[type_])
        made["leads"] = made["leads"].append_column(name, empty)
    return made


def attribute_types(connection: sa.Connection) -> dict[str, AttributeType]:
    """Reads the type of every attribute: that of all its values, or category where they differ."""
    changes = ATTRIBUTE_CHANGES.c
    found = sa.select(changes.attribute, changes.type).where(changes.type.is_not(None)).distinct()
    return _joined((name, type_) for name, type_ in connection.execute(found))


def _joined(found: Iterable[tuple[str, AttributeType]]) -> dict[str, AttributeType]:
    types: dict[str, AttributeType] = {}
    for name, type_ in found:
        types[name] = type_ if types.get(name, type_) == type_ else "category"
    return dict(sorted(types.items()))


def with_times(table: pa.Table) -> pa.Table:
    """Turns the whole microseconds of a table of the service into times."""
    for place, name in enumerate(table.column_names):
        if name in _INSTANTS:
            table = table.set_column(place, name, table[name].cast(pa.int64()).cast(_MOMENTS))
    return table
