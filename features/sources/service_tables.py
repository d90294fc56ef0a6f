"""The tables of the service's database, and their conversion to the tables of a history.

The service stores an instant as whole microseconds, and every attribute value as a text with its type in
`attribute_changes`: each value, the first one too, is known from the moment it was received. Read as a
history, instants become times, and each attribute becomes a column of `leads` of its own type, empty at
creation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

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
    tables: Mapping[str, pa.Table], types: Mapping[str, AttributeType | None]
) -> dict[str, pa.Table]:
    """Gives `leads` a column for each attribute, empty at creation.

    Args:
        tables: tables of the service; where an attribute has several types, with the values of changes as
            `tagged_value` selects them.
        types: type of every attribute that has a value; None for one that has several.
    """
    # Imported late: a server declares these tables, and has no use for the functions of Arrow.
    from features.parsing.tagged_cells import with_tags

    leads, changes = tables["leads"], tables["attribute_changes"]
    for name, type_ in types.items():
        empty = pa.nulls(len(leads), _ARROW_TYPES.get(type_ or "category"))
        leads = leads.append_column(name, empty if type_ else with_tags(pa.chunked_array([empty])))
    if None in types.values():
        place = changes.column_names.index("value")
        changes = changes.set_column(place, "value", with_tags(changes["value"].cast(pa.string())))
    return {**tables, "leads": leads, "attribute_changes": changes}


def tagged_value(types: Mapping[str, AttributeType | None], rule: TextRule) -> sa.ColumnElement[Any] | None:
    """Selects the values of changes with the letters of their types; None where no attribute has several."""
    # Imported late: a server declares these tables, and has no use for the functions of Arrow.
    from features.parsing.tagged_cells import TAGS, UNTYPED

    mixed = [name for name, type_ in types.items() if type_ is None]
    if not mixed:
        return None
    attribute, type_, value = (sa.column(name, sa.Text) for name in ("attribute", "type", "value"))
    letter = sa.case((attribute.in_(mixed), sa.case(TAGS, value=type_)), else_=UNTYPED)
    return sa.case((value.not_in(sorted(rule.spellings)), letter.concat(value))).label("value")


def attribute_types(connection: sa.Connection, rule: TextRule) -> dict[str, AttributeType | None]:
    """Reads the type of every attribute: that of all its values, or None where they have several.

    Which type such an attribute has depends on the values that are known at a moment; by the first rule of
    texts, which old bundles have, it is a category. A text that is missing has no type, and a lone dash is a
    text that may stand among numbers.
    """
    changes = ATTRIBUTE_CHANGES.c
    is_number_missing = changes.value.in_(sorted(rule.no_numbers))
    found = sa.select(changes.attribute, changes.type, is_number_missing).where(
        changes.type.is_not(None), changes.value.not_in(sorted(rule.spellings))
    )
    rows = connection.execute(found.distinct()).all()
    types: defaultdict[str, set[tuple[AttributeType, bool]]] = defaultdict(set)
    for name, type_, is_dash in rows:
        types[name].add((type_, is_dash))
    return {name: _joined(theirs, rule) for name, theirs in sorted(types.items())}


def _joined(found: set[tuple[AttributeType, bool]], rule: TextRule) -> AttributeType | None:
    """Joins types of values, each with whether the value is a lone dash."""
    types = {type_ for type_, _ in found}
    if len(types) == 1:
        return types.pop()
    if rule.number > 1:
        return None
    return "number" if {type_ for type_, is_dash in found if not is_dash} == {"number"} else "category"


def with_times(table: pa.Table) -> pa.Table:
    """Converts the whole microseconds of a table of the service to times."""
    for i, name in enumerate(table.column_names):
        if name in _INSTANTS:
            table = table.set_column(i, name, table[name].cast(pa.int64()).cast(_TIMESTAMP))
    return table
