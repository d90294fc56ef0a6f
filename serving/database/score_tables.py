"""The tables of scores: of nights, those that were given, the current ones, and records for replays."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.sources.service_tables import METADATA, Text, sequence_column
from serving.scoring.arrow_rows import SCORE_SCHEMA

INSTANTS: Final = ("as_of", "scored_at")
LISTS: Final = ("reasons", "curve")
SCORE_KEY: Final = ("lead_id", "horizon_days", "as_of", "model_version")

_TYPES: Final[dict[pa.DataType, Any]] = {
    pa.string(): Text,
    pa.float64(): sa.Double,
    pa.int64(): sa.BigInteger,
    pa.bool_(): sa.Boolean,
}


def score_columns(*, key: tuple[str, ...], instant: Any = sa.BigInteger) -> list[sa.Column[Any]]:
    """Declares the columns of a score in their order, for a table with this primary key.

    Args:
        key: names of the columns of the primary key.
        instant: the type of an instant; microseconds UTC in the database of the service.
    """
    types = dict.fromkeys(INSTANTS, instant) | dict.fromkeys(LISTS, Text)
    return [
        sa.Column(
            field.name,
            types.get(field.name) or _TYPES[field.type],
            primary_key=field.name in key,
            nullable=field.name not in (*SCORE_KEY, *INSTANTS, *LISTS, "status", "feature_set"),
        )
        for field in SCORE_SCHEMA
    ]


def declare_scores(metadata: sa.MetaData, *, name: str = "scores", instant: Any = sa.BigInteger) -> sa.Table:
    """Declares a table that the night writes: in the database of the service, or in any other.

    >>> [column.name for column in declare_scores(sa.MetaData()).primary_key]
    ['lead_id', 'horizon_days', 'as_of', 'model_version']
    """
    columns = score_columns(key=(), instant=instant)
    # The key has an order of its own, so that the scores of a lead lie together.
    return sa.Table(name, metadata, *columns, sa.PrimaryKeyConstraint(*SCORE_KEY))


def score_cells(scores: pa.Table) -> dict[str, list[Any]]:
    """Turns a table of scores into cells of the database, by column."""
    # Imported late: a server reads such cells, and has no use for the functions of Arrow.
    from serving.scoring.list_texts import list_texts

    cells = {name: scores.column(name) for name in scores.column_names}
    instants = {name: cells[name].cast(pa.int64()).to_pylist() for name in INSTANTS}
    lists = {name: list_texts(cells[name]) for name in LISTS}
    return {name: instants.get(name) or lists.get(name) or cells[name].to_pylist() for name in cells}


def score_rows(scores: pa.Table) -> list[dict[str, Any]]:
    """Turns a table of scores into rows of the database."""
    columns = score_cells(scores)
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


# Who sells to a lead, where, and whether inside or outside: attributes of these names, as they come.
SALES_ATTRIBUTES: Final = ("owner", "territory", "sales")


def written_column() -> sa.Column[int]:
    """Declares the number of the transaction that wrote a score; a feed of scores is in its order."""
    return sa.Column("written", sa.BigInteger, nullable=False, server_default="0")


SCORES: Final = declare_scores(METADATA)
SCORES.append_column(written_column())
SCORES_INDEXES: Final = (
    sa.Index("scores_written", SCORES.c.written, SCORES.c.lead_id),
    sa.Index("scores_scored", SCORES.c.scored_at, SCORES.c.written),
)
# The scores that were given, for the comparison with what became of the leads.
SCORES_HISTORY: Final = declare_scores(METADATA, name="scores_history")
sa.Index("scores_history_scored", SCORES_HISTORY.c.scored_at)
# The latest score of every lead. `priority` orders the list of open leads and is null for a closed one;
# `search_text` is what the list is searched in. Their stored names are `worth` and `words`.
CURRENT_SCORES: Final = sa.Table(
    "current_scores",
    METADATA,
    *score_columns(key=("lead_id",)),
    sa.Column("worth", sa.Double, key="priority"),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("account_id", Text),
    sa.Column("source", Text),
    sa.Column("words", Text, nullable=False, key="search_text"),
    sequence_column(),
    # Remarks on what the lead lacked, a list as JSON.
    sa.Column("notes", Text, nullable=False, server_default="[]"),
    # Attributes that the list is filtered by, and until when the lead is not to be called.
    *(sa.Column(name, Text) for name in SALES_ATTRIBUTES),
    sa.Column("set_aside_until", sa.BigInteger),
    written_column(),
)
_IS_OPEN: Final = CURRENT_SCORES.c.priority.is_not(None)
_ORDER: Final = (CURRENT_SCORES.c.priority.desc(), CURRENT_SCORES.c.lead_id)
_FILTERED: Final = (
    *("waiting_hours", "band", "stage", "probability", "source", "search_text"),
    *(*SALES_ATTRIBUTES, "set_aside_until"),
)
# Covers all columns of the filters, so that the rows of other leads are never read. PostgreSQL takes index
# rows of up to 2,700 bytes only, and texts may be longer.
sa.Index(
    "current_scores_list",
    *(*_ORDER, *(CURRENT_SCORES.c[name] for name in _FILTERED)),
    sqlite_where=_IS_OPEN,
).ddl_if(dialect="sqlite")
sa.Index("current_scores_waiting", CURRENT_SCORES.c.waiting_hours.desc(), CURRENT_SCORES.c.lead_id)
sa.Index("current_scores_written", CURRENT_SCORES.c.written, CURRENT_SCORES.c.lead_id)
sa.Index("current_scores_scored", CURRENT_SCORES.c.scored_at, CURRENT_SCORES.c.written)
# Of open leads only. Written as text, because an index with options of PostgreSQL loads its dialect in every
# server.
_WORTH_INDEX: Final = sa.DDL(  # type: ignore[no-untyped-call]
    "CREATE INDEX current_scores_worth ON current_scores (worth DESC, lead_id) WHERE worth IS NOT NULL"
)
_AGE_INDEX: Final = sa.DDL(  # type: ignore[no-untyped-call]
    "CREATE INDEX current_scores_age ON current_scores (model_version, as_of) WHERE worth IS NOT NULL"
)
sa.event.listen(CURRENT_SCORES, "after_create", _WORTH_INDEX.execute_if(dialect="postgresql"))
sa.event.listen(CURRENT_SCORES, "after_create", _AGE_INDEX)
# The scores that were given from the store, for replay; rows never change.
AUDIT: Final = sa.Table(
    "audit",
    METADATA,
    sa.Column("score_id", Text, primary_key=True),
    sa.Column("lead_id", Text, nullable=False, index=True),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("horizon_days", sa.Double, nullable=False),
    sa.Column("reasons", Text, nullable=False),
    sequence_column(),
    sa.Column("model_version", Text, nullable=False),
    sa.Column("feature_set", Text, nullable=False),
    sa.Column("scored_at", sa.BigInteger, nullable=False),
    sa.Column("status", Text, nullable=False),
    sa.Column("probability", sa.Double),
    sa.Column("probability_low", sa.Double),
    sa.Column("probability_high", sa.Double),
    sa.Column("base_log_odds", sa.Double),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)
