"""Scores as rows of a database: the one declaration of the table `scores`, and how a score is written to it.

An instant is whole microseconds UTC, as everywhere in a database of the service; `reasons` and `curve` are
JSON. The same (lead, horizon, `as_of`, model version) again replaces the row that is there.
"""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa
from pydantic_core import to_json

from features.sources.service_tables import METADATA, Text
from serving.database.upserts import insert_into
from serving.scoring.arrow_rows import SCORE_SCHEMA

SCORES_NAME: Final = "scores"
INSTANTS: Final = ("as_of", "scored_at")
LISTS: Final = ("reasons", "curve")
SCORE_KEY: Final = ("lead_id", "horizon_days", "as_of", "model_version")

_TYPES: Final[dict[pa.DataType, Any]] = {
    pa.string(): Text,
    pa.float64(): sa.Double,
    pa.int64(): sa.BigInteger,
    pa.bool_(): sa.Boolean,
}


def score_columns(*, key: tuple[str, ...]) -> list[sa.Column[Any]]:
    """Declares the columns of a score in their order, for a table with this primary key."""
    return [
        sa.Column(field.name, _type_of(field), primary_key=field.name in key, nullable=_is_nullable(field))
        for field in SCORE_SCHEMA
    ]


def declare_scores(name: str, metadata: sa.MetaData) -> sa.Table:
    """Declares a table of scores, for whoever wants it under another name.

    >>> [column.name for column in declare_scores("s", sa.MetaData()).primary_key]
    ['lead_id', 'horizon_days', 'as_of', 'model_version']
    """
    columns = score_columns(key=())
    return sa.Table(
        name,
        metadata,
        *columns,
        sa.PrimaryKeyConstraint(*SCORE_KEY),
        sa.Index(f"{name}_written", "scored_at", "lead_id"),
    )


def score_rows(scores: pa.Table) -> list[dict[str, Any]]:
    """Writes a table of scores as rows of the database."""
    columns = {name: scores.column(name).to_pylist() for name in scores.column_names if name not in INSTANTS}
    for name in INSTANTS:
        columns[name] = scores.column(name).cast(pa.int64()).to_pylist()
    for name in LISTS:
        columns[name] = [to_json(cell).decode() for cell in columns[name]]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def replacing(connection: sa.Connection, table: sa.Table, *, unless_older: str | None = None) -> Any:
    """Makes a statement that inserts rows and replaces those whose key is there.

    Args:
        connection: to a database.
        table: with a primary key.
        unless_older: a column: a row stays where that of the new row is smaller.
    """
    statement = insert_into(connection.dialect.name, table)
    others = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
    newer = None if unless_older is None else statement.excluded[unless_older] >= table.c[unless_older]
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others, where=newer)


def _type_of(field: pa.Field) -> Any:
    if field.name in INSTANTS:
        return sa.BigInteger
    return Text if field.name in LISTS else _TYPES[field.type]


def _is_nullable(field: pa.Field) -> bool:
    return field.name not in (*SCORE_KEY, *INSTANTS, *LISTS, "status", "feature_set")


SCORES: Final = declare_scores(SCORES_NAME, METADATA)
