"""The DuckDB in which an import runs: in memory, without files, network, extensions or configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from features.imports.reading.source_table import SourceRows

# Tables of the source, and tables of the import.
SOURCE: Final = "source"
_BATCH_ROWS: Final = 100_000
_TEXTS: Final = (pa.string(), pa.large_string())


@contextmanager
def open_session(spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Opens a DuckDB that can only see the tables that are put into it.

    Args:
        spill: existing folder for what does not fit into memory.
    """
    connection = duckdb.connect(config={"temp_directory": str(spill), "autoload_known_extensions": "false"})
    try:
        run(connection, "SET TimeZone = 'UTC'")
        run(connection, f"CREATE SCHEMA {SOURCE}")
        run(connection, "SET enable_external_access = false")
        run(connection, "SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    """Runs one statement, and gives its rows."""
    return list(connection.execute(sql).fetchall())


def put_table(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    rows: SourceRows,
    *,
    schema: str = SOURCE,
    missing: Sequence[str] = (),
) -> None:
    r"""Copies rows into a new table of a schema.

    Args:
        connection: the session.
        name: name of the table.
        rows: its rows.
        schema: its schema.
        missing: texts that stand for a missing cell, such as `\N`, and become NULL, so that expressions of a
            map see no more in them than its other values do.

    Raises:
        ImportSourceError: their table is broken.
    """
    connection.register("incoming", rows.reader)
    try:
        listed = ", ".join(map(literal, missing))
        texts = [field.name for field in rows.reader.schema if listed and field.type in _TEXTS]
        replaced = ", ".join(
            f"CASE WHEN {own} NOT IN ({listed}) THEN {own} END AS {own}" for own in map(quoted, texts)
        )
        cells = f"* REPLACE ({replaced})" if replaced else "*"
        run(connection, f"CREATE TABLE {schema}.{quoted(name)} AS SELECT {cells} FROM incoming")
    except duckdb.Error:
        if rows.faults:
            raise rows.faults[0] from None
        raise
    finally:
        connection.unregister("incoming")


def drop_table(connection: duckdb.DuckDBPyConnection, name: str, *, schema: str = "main") -> None:
    """Drops a table whose rows are no longer needed: each takes memory."""
    run(connection, f"DROP TABLE {schema}.{quoted(name)}")


def add_columns(connection: duckdb.DuckDBPyConnection, name: str, columns: Sequence[str]) -> None:
    """Gives a table of the source the columns that it lacks, empty; makes the table where it is absent."""
    table = f"{SOURCE}.{quoted(name)}"
    if columns:
        first = f"{quoted(columns[0])} VARCHAR"
        run(connection, f"CREATE TABLE IF NOT EXISTS {table} ({first})")
    for column in columns:
        run(connection, f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {quoted(column)} VARCHAR")


def read_rows(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.RecordBatchReader:
    """Runs a query, and gives its rows batch by batch."""
    return connection.sql(sql).to_arrow_reader(_BATCH_ROWS)


def columns_of(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, str]:
    """Gives the types of the columns of a query, which is not run, by name."""
    return {name: kind for name, kind, *_ in run(connection, f"DESCRIBE {query}")}


def quoted(name: str) -> str:
    """Writes a name for SQL.

    >>> print(quoted('a "b" c'))
    "a ""b"" c"
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Writes a text for SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"
