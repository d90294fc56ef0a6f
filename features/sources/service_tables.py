"""The tables of the service's database, and their conversion to the tables of a history.

The service stores an instant as whole microseconds, and every attribute value as a text with its type in
`attribute_changes`: each value, the first one too, is known from the moment it was received. Read as a
history, instants become times, and each attribute becomes a column of `leads` of its own type, empty at
creation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import pyarrow as pa
import sqlalchemy as sa

from features.history.lead_history import AttributeType
from features.history.text_rule import TextRule

# Its row holds the version of the schema; a database with this table belongs to the service.
VERSION_TABLE: Final = "leadodds_store"

# Compared byte by byte: the order of rows is the same in every database.
Text: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
METADATA: Final = sa.MetaData()


def sequence_column(*, index: bool = False, primary_key: bool = False) -> sa.Column[int]:
    """Declares the number of the transaction that wrote a row; transactions are numbered from 1, in order."""
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
    sa.Column("is_automated", sa.Boolean),
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
    sa.Column("outcome_id", Text),
)

# Each alias has one link, the first that was received; it counts from its receipt on.
LEAD_ALIASES: Final = sa.Table(
    "lead_aliases",
    METADATA,
    sa.Column("alias_id", Text, primary_key=True),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("available_at", sa.BigInteger, nullable=False),
    sequence_column(index=True),
)

# The tables that every version of the service's database has.
STORED: Final = (LEADS.name, INTERACTIONS.name, OUTCOMES.name, ATTRIBUTE_CHANGES.name)

_INSTANTS: Final = ("created_at", "occurred_at", "available_at")
_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
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
        tables: tables of the service.
        types: type of every attribute that has a value.
    """
    leads = tables["leads"]
    for name, type_ in types.items():
        leads = leads.append_column(name, pa.nulls(len(leads), _ARROW_TYPES[type_]))
    return {**tables, "leads": leads}


def attribute_types(connection: sa.Connection, rule: TextRule) -> dict[str, AttributeType]:
    """Reads the type of every attribute: the type of all its values, or category where they differ.

    A text that is missing has no type, and neither has a lone dash among numbers.
    """
    changes = ATTRIBUTE_CHANGES.c
    is_number_missing = changes.value.in_(sorted(rule.no_numbers))
    found = sa.select(changes.attribute, changes.type, is_number_missing).where(
        changes.type.is_not(None), changes.value.not_in(sorted(rule.spellings))
    )
    rows = connection.execute(found.distinct()).all()
    types = _joined((name, type_) for name, type_, is_missing in rows if not is_missing)
    others = {name for name, _, is_missing in rows if is_missing and types.get(name) != "number"}
    return dict(sorted((types | dict.fromkeys(others, "category")).items()))


def _joined(found: Iterable[tuple[str, AttributeType]]) -> dict[str, AttributeType]:
    types: dict[str, AttributeType] = {}
    for name, type_ in found:
        types[name] = type_ if types.get(name, type_) == type_ else "category"
    return types


def with_times(table: pa.Table) -> pa.Table:
    """Converts the whole microseconds of a table of the service to times."""
    for i, name in enumerate(table.column_names):
        if name in _INSTANTS:
            table = table.set_column(i, name, table[name].cast(pa.int64()).cast(_TIMESTAMP))
    return table
