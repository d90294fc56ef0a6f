"""Writes scores into the table `scores` of a database, replacing what is there of the same question.

A row is of one lead, horizon, moment and version. Rows go in by batches, each in a transaction of its own, so
that nobody who reads or writes waits for long; a job that is run again writes the same rows over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.output.targets import TargetError
from features.progress import Progress
from features.sources.connections import open_engine, shown_url
from features.sources.service_tables import Text
from features.times import format_time, to_us
from serving.batch.combine import Chunk
from serving.batch.files import json_text
from serving.batch.store_scores import is_of_service, write_store_scores
from serving.database.upserts import DIALECTS, insert_into
from serving.scoring.arrow_rows import SCORE_COLUMNS

BATCH_ROWS: Final = 500
_PATIENCE_SECONDS: Final = 30
# SQLite has no type for instants: they are RFC 3339 texts there, which sort as they should.
_Instant: Final = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
_KEY: Final = ("lead_id", "horizon_days", "as_of", "model_version")
_NUMBERS: Final = (
    "probability",
    "probability_low",
    "probability_high",
    "expected_value",
    "waiting_hours",
    "base_log_odds",
    "horizon_days",
)
_TYPES: Final[Mapping[str, Any]] = {
    **dict.fromkeys(_NUMBERS, sa.Double()),
    **dict.fromkeys(("as_of", "scored_at"), _Instant),
    "rank": sa.BigInteger(),
    "prospect": sa.Boolean(),
}
SCORES: Final = sa.Table(
    "scores",
    sa.MetaData(),
    *(
        sa.Column(name, _TYPES.get(name, Text), primary_key=name in _KEY, nullable=name not in _KEY)
        for name in SCORE_COLUMNS
    ),
)


def check_database(url: str) -> None:
    """Makes sure, before any work, that the table is there or can be made.

    Raises:
        TargetError: the database cannot be opened, is of another kind, or has another table of that name.
    """
    with _opened(url) as connection:
        _prepare(connection, url)


def upsert_scores(url: str, chunks: Sequence[Chunk], *, progress: Progress) -> None:
    """Writes the rows of all chunks.

    Args:
        url: of the database.
        chunks: of all rows.
        progress: told how far the writing is.

    Raises:
        TargetError: the database refuses; what was written stands, and is written over by the next try.
    """
    with _opened(url) as connection:
        write = write_store_scores if is_of_service(connection) else _write
        # The look at the tables has begun a transaction.
        connection.rollback()
        for number, chunk in enumerate(chunks, 1):
            rows = chunk.read()
            for start in range(0, len(rows), BATCH_ROWS):
                with connection.begin():
                    write(connection, rows.slice(start, BATCH_ROWS))
            progress("write", number / len(chunks))


class _opened:  # noqa: N801 - a context manager that turns errors of drivers into sentences
    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> sa.Connection:
        try:
            url = sa.make_url(self._url)
            options = {"timeout": _PATIENCE_SECONDS} if url.get_backend_name() == "sqlite" else {}
            engine = open_engine(self._url, poolclass=sa.pool.NullPool, connect_args=options)
            if engine.dialect.name not in DIALECTS:
                raise _refused(self._url, f"{engine.dialect.name} is no database that scores go to")
            self._connection = engine.connect()
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise _refused(self._url, _reason(error)) from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, sa.exc.SQLAlchemyError):
            raise _refused(self._url, _reason(error)) from error


def _prepare(connection: sa.Connection, url: str) -> None:
    inspector = sa.inspect(connection)
    if not inspector.has_table("scores"):
        SCORES.create(connection)
        connection.commit()
        return
    key = inspector.get_pk_constraint("scores")["constrained_columns"]
    missing = {*SCORE_COLUMNS} - {column["name"] for column in inspector.get_columns("scores")}
    if missing or {*key} != {*_KEY}:
        raise _refused(url, "it has a table scores that is not one of ours")


def _upsert(dialect: str) -> Any:
    insert = insert_into(dialect, SCORES)
    others = {name: insert.excluded[name] for name in SCORE_COLUMNS if name not in _KEY}
    return insert.on_conflict_do_update(index_elements=list(_KEY), set_=others)


def _write(connection: sa.Connection, rows: pa.Table) -> None:
    as_text = connection.dialect.name == "sqlite"
    batch = [_record(row, as_text=as_text) for row in rows.to_pylist()]
    connection.execute(_upsert(connection.dialect.name), batch)


def _record(row: dict[str, Any], *, as_text: bool) -> dict[str, Any]:
    instants = {name: _instant(row[name]) if as_text else row[name] for name in ("as_of", "scored_at")}
    return {**row, **instants, **{name: json_text(row[name]) for name in ("reasons", "curve")}}


def _instant(moment: datetime) -> str:
    return format_time(to_us(moment))


def _refused(url: str, fault: str) -> TargetError:
    remedy = "Name a PostgreSQL or SQLite database in which scores is ours to write."
    return TargetError(shown_url(url), fault=fault, remedy=remedy)


def _reason(error: Exception) -> str:
    """The driver's own first line: it names host and database, never a password or a row."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
