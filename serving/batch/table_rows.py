"""Writes scores into the table `scores` of a database, in place of rows with the same key.

The key is lead, horizon, moment and version. Rows are written in batches, each in a transaction of its own,
so that other readers and writers do not wait for long; a job that runs again writes the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.output.targets import TargetError
from features.progress import Progress
from features.sources.connections import open_engine, redacted_url
from features.sources.service_tables import VERSION_TABLE
from features.times import format_time, to_datetime, to_us
from serving.batch.combine import Chunk
from serving.batch.files import json_text
from serving.batch.given_scores import Keeping
from serving.database.engine import DIALECTS
from serving.database.preparation import check_version, read_salt
from serving.database.schema import next_sequence
from serving.database.score_tables import (
    INSTANTS,
    LISTS,
    SCORE_KEY,
    SCORES,
    SCORES_HISTORY,
    declare_scores,
    score_rows,
)
from serving.database.statements import replacing
from serving.intake.erasures import erased_leads, has_erasures
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.store.given_scores import add_written

BATCH_ROWS: Final = 500
_PATIENCE_SECONDS: Final = 30
# SQLite has no type for instants: they are RFC 3339 texts there, which sort as they should.
_Instant: Final = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
TABLE: Final = declare_scores(sa.MetaData(), instant=_Instant)
HISTORY: Final = declare_scores(sa.MetaData(), name=SCORES_HISTORY.name, instant=_Instant)


def check_database(url: str) -> None:
    """Checks, before any work, that the table exists or can be made.

    Raises:
        TargetError: the database cannot be opened, is of another kind, or has another table of that name.
        StoreVersionError: it is a database of the service with another version.
    """
    with _opened(url) as connection:
        _prepare(connection, url)


def upsert_scores(
    url: str, chunks: Sequence[Chunk], *, secret_file: Path, keeping: Keeping | None, progress: Progress
) -> None:
    """Writes the rows of all chunks.

    Args:
        url: of the database.
        chunks: of all rows.
        secret_file: of the service, whose erased leads are left out.
        keeping: how the rows are kept in `scores_history`, too; None: they are not.
        progress: called with the progress of the writing.

    Raises:
        TargetError: the database refuses a batch; the batches before it stay, and the next try replaces them.
    """
    with _opened(url) as connection:
        is_kept = keeping is not None
        to_service = partial(
            write_store_scores, secret_file=secret_file, place=redacted_url(url), is_kept=is_kept
        )
        is_of_service = _is_of_service(connection, url)
        write = to_service if is_of_service else partial(_write, is_kept=is_kept)
        # The check of the tables began a transaction.
        connection.rollback()
        for number, chunk in enumerate(chunks, 1):
            rows = chunk.read()
            for start in range(0, len(rows), BATCH_ROWS):
                with connection.begin():
                    write(connection, rows.slice(start, BATCH_ROWS))
            progress("write", number / len(chunks))
        if keeping is not None and keeping.before is not None and not is_of_service:
            with connection.begin():
                _delete_old(connection, keeping.before)


class _opened:  # noqa: N801 - a context manager that turns errors of drivers into sentences
    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> sa.Connection:
        try:
            url = sa.make_url(self._url)
            options = {"timeout": _PATIENCE_SECONDS} if url.get_backend_name() == "sqlite" else {}
            engine = open_engine(self._url, poolclass=sa.pool.NullPool, connect_args=options)
            if engine.dialect.name not in DIALECTS:
                raise _refused(self._url, f"{engine.dialect.name} is not supported")
            self._connection = engine.connect()
        except (sa.exc.SQLAlchemyError, ImportError) as error:
            raise _refused(self._url, _reason(error)) from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._connection.close()
        if isinstance(error, sa.exc.SQLAlchemyError):
            raise _refused(self._url, _reason(error)) from error


def _prepare(connection: sa.Connection, url: str) -> None:
    if _is_of_service(connection, url):
        return
    inspector = sa.inspect(connection)
    for table in (TABLE, HISTORY):
        if not inspector.has_table(table.name):
            table.create(connection)
            continue
        key = inspector.get_pk_constraint(table.name)["constrained_columns"]
        missing = {*SCORE_COLUMNS} - {column["name"] for column in inspector.get_columns(table.name)}
        if missing == {"held_out"}:
            # An earlier release made it.
            connection.execute(sa.text(f"ALTER TABLE {table.name} ADD COLUMN held_out BOOLEAN"))
        elif missing or {*key} != {*SCORE_KEY}:
            raise _refused(url, f"it has a table {table.name} that LeadOdds did not make")
    connection.commit()


def _write(connection: sa.Connection, rows: pa.Table, *, is_kept: bool) -> None:
    as_text = connection.dialect.name == "sqlite"
    batch = [_record(row, as_text=as_text) for row in rows.to_pylist()]
    connection.execute(replacing(connection, TABLE), batch)
    if is_kept and (given := [row for row in batch if row["probability"] is not None]):
        connection.execute(replacing(connection, HISTORY), given)


def _delete_old(connection: sa.Connection, before: int) -> None:
    oldest = format_time(before) if connection.dialect.name == "sqlite" else to_datetime(before)
    connection.execute(sa.delete(HISTORY).where(HISTORY.c.scored_at < oldest))


def _record(row: dict[str, Any], *, as_text: bool) -> dict[str, Any]:
    instants = {name: _instant(row[name]) if as_text else row[name] for name in INSTANTS}
    return {**row, **instants, **{name: json_text(row[name]) for name in LISTS}}


def _instant(moment: datetime) -> str:
    return format_time(to_us(moment))


def _refused(url: str, fault: str) -> TargetError:
    remedy = "Name a PostgreSQL or SQLite database whose table scores LeadOdds may write."
    return TargetError(redacted_url(url), fault=fault, remedy=remedy)


def _reason(error: Exception) -> str:
    """The first line of the driver's message: it names host and database, never a password or a row."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")


def _is_of_service(connection: sa.Connection, url: str) -> bool:
    """Whether a database is one of the service; refuses another version than that of this release."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        return False
    check_version(connection, place=redacted_url(url))
    return True


def write_store_scores(
    connection: sa.Connection, scores: pa.Table, *, secret_file: Path, place: str, is_kept: bool
) -> None:
    """Writes rows in place of older ones with the same key.

    Args:
        connection: in a transaction.
        scores: some rows of a job; a lead may have been erased since they were computed.
        secret_file: of the service; not needed where nothing was erased.
        place: of the database, for people.
        is_kept: whether they are added to the scores that were given.

    Raises:
        LeadOddsError: something was erased, and the secret is not that of the database.
    """
    # An erasure counts, too, so that no lead is erased between the check and the writing.
    sequence = next_sequence(connection)
    rows = [{**row, "written": sequence} for row in score_rows(scores)]
    erased = set()
    if has_erasures(connection):
        salt = read_salt(connection, secret_file, place=place)
        erased = erased_leads(connection, salt, [row["lead_id"] for row in rows])
    if written := [row for row in rows if row["lead_id"] not in erased]:
        connection.execute(replacing(connection, SCORES, unless_older="scored_at"), written)
        if is_kept:
            add_written(connection, sequence)
