"""Reads the tables of a history from a database, through a cursor on the server, in one consistent view."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.connections import open_engine
from features.problems import Findings
from features.stored import VERSION_TABLE, as_history, attribute_types
from features.tables import REQUIRED, RawTables, pick_columns

CHUNK_ROWS: Final = 50_000
_NEEDED: Final = ("leads", "interactions")


def shown_url(url: str) -> str:
    """Writes a database URL without its password."""
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except sa.exc.ArgumentError:
        return url.partition("://")[0] + "://..."


def read_database(source: str, findings: Findings) -> RawTables:
    """Reads the tables that are there, and reports those that are missing.

    Args:
        source: a URL, `sqlite:///...` or `postgresql://...`.
        findings: takes what is wrong.
    """
    try:
        engine = _engine(source)
        with engine.connect() as connection:
            return _read_tables(connection, findings)
    except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
        findings.add("D001", place=shown_url(source), fault=f"cannot be opened: {_reason(error)}")
        return RawTables({})


def _engine(source: str) -> sa.Engine:
    url = sa.make_url(source)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        # SQLite would make an empty database of that name.
        raise FileNotFoundError(f"there is no file {url.database}")
    return open_engine(source, poolclass=sa.pool.NullPool)


def _read_tables(connection: sa.Connection, findings: Findings) -> RawTables:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection = connection.execution_options(isolation_level="REPEATABLE READ")
    inspector = sa.inspect(connection)
    there = {*inspector.get_table_names(), *inspector.get_view_names()}
    tables: dict[str, pa.Table] = {}
    unused: dict[str, tuple[str, ...]] = {}
    for table in REQUIRED:
        if table in there:
            columns = inspector.get_columns(table)
            used, unused[table] = pick_columns(table, [column["name"] for column in columns])
            booleans = {column["name"] for column in columns if isinstance(column["type"], sa.Boolean)}
            tables[table] = _read_table(connection, table, used, booleans)
        elif table in _NEEDED:
            findings.add("D002", table=table)
    if VERSION_TABLE in there and {*REQUIRED} <= there:
        # Columns that the service keeps for itself are no concern of a reader.
        return RawTables(as_history(tables, attribute_types(connection)))
    return RawTables(tables, unused=unused)


def _read_table(connection: sa.Connection, table: str, used: Sequence[str], booleans: set[str]) -> pa.Table:
    query: Any = sa.select(*(sa.column(name) for name in used)).select_from(sa.table(table))
    rows = connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS).execute(query)
    chunks = [_as_arrow(used, chunk, booleans) for chunk in rows.partitions()]
    if not chunks:
        return pa.schema([(name, pa.null()) for name in used]).empty_table()
    return _concatenate(chunks)


def _as_arrow(used: Sequence[str], rows: Sequence[Sequence[Any]], booleans: set[str]) -> pa.Table:
    columns = zip(*rows, strict=True)
    return pa.table(
        {name: _array(cells, is_boolean=name in booleans) for name, cells in zip(used, columns, strict=True)}
    )


def _array(cells: Sequence[Any], *, is_boolean: bool) -> pa.Array:
    """Makes a column of cells; where one holds cells of several types, as SQLite allows, all become text."""
    if is_boolean:
        cells = [None if cell is None else bool(cell) for cell in cells]
    if any(isinstance(cell, Decimal) for cell in cells):
        cells = [None if cell is None else float(cell) for cell in cells]
    try:
        return pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if cell is None else str(cell) for cell in cells])


def _concatenate(chunks: Sequence[pa.Table]) -> pa.Table:
    try:
        return pa.concat_tables(chunks, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        as_text = [
            pa.table({name: chunk[name].cast(pa.string()) for name in chunk.column_names}) for chunk in chunks
        ]
        return pa.concat_tables(as_text)


def _reason(error: Exception) -> str:
    """The driver's own first line: it names host and database, never a password or a row."""
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
