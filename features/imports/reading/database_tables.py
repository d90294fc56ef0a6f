"""Reads tables of a database, in one transaction, into Arrow; no expression of a map reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.history.text_rule import TextRule
from features.imports.errors import ImportSourceError
from features.imports.map_format import ImportMap
from features.imports.map_format import TableFile as Place
from features.imports.reading.source_table import SourceTable
from features.sources.cells import array_of_cells
from features.sources.connections import open_engine, redacted_url
from features.sources.pieces import OpenTable, concatenate

_CHUNK_ROWS: Final = 50_000
_REMEDY: Final = "Look at the address, and whether the user may read it."


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a table; see `features.sources.pieces.Piece`."""

    rows: pa.Table

    def read(self) -> Iterator[pa.Table]:
        """Gives all rows."""
        yield self.rows


@contextmanager
def open_tables(
    url: str, wanted: Sequence[str], import_map: ImportMap, rule: TextRule
) -> Iterator[dict[str, SourceTable]]:
    """Finds tables and views of a database, which can be read until the context ends.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        wanted: names of tables in the map.
        import_map: says where they are, and in which schema.
        rule: how cells of several types become texts.

    Raises:
        ImportSourceError: the database cannot be opened or read.
    """
    with _connected(url) as connection:
        yield dict(_find(connection, wanted, import_map, rule))


@contextmanager
def all_tables(url: str, rule: TextRule) -> Iterator[dict[str, SourceTable]]:
    """Finds every table and view of a database, which can be read until the context ends.

    Raises:
        ImportSourceError: the database cannot be opened or read.
    """
    with _connected(url) as connection:
        names = [*sa.inspect(connection).get_table_names(), *sa.inspect(connection).get_view_names()]
        yield {
            name: SourceTable(name, name, _Table(connection, name, None, rule).open) for name in sorted(names)
        }


@contextmanager
def _connected(url: str) -> Iterator[sa.Connection]:
    try:
        address = sa.make_url(url)
        if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
            raise ImportSourceError(f"There is no file {address.database}", "Name the file of the database.")
        with open_engine(url, poolclass=sa.pool.NullPool).connect() as connection:
            yield _in_transaction(connection)
    except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
        told = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
        raise ImportSourceError(f"{redacted_url(url)} cannot be read: {told}", _REMEDY) from None


def _in_transaction(connection: sa.Connection) -> sa.Connection:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
        return connection
    return connection.execution_options(isolation_level="REPEATABLE READ")


def _find(
    connection: sa.Connection, wanted: Sequence[str], import_map: ImportMap, rule: TextRule
) -> Iterator[tuple[str, SourceTable]]:
    schema = import_map.schema_
    inspector = sa.inspect(connection)
    present = [*inspector.get_table_names(schema), *inspector.get_view_names(schema)]
    for name in wanted:
        own = import_map.tables.get(name, Place()).table or name
        alike = [own] if own in present else [each for each in present if each.lower() == own.lower()]
        if len(alike) == 1:
            table = _Table(connection, alike[0], schema, rule)
            yield name, SourceTable(name, alike[0], table.open)


@dataclass(frozen=True, slots=True)
class _Table:
    connection: sa.Connection
    name: str
    schema: str | None
    rule: TextRule

    def open(self) -> OpenTable:
        columns = sa.inspect(self.connection).get_columns(self.name, self.schema)
        names = tuple(column["name"] for column in columns)
        booleans = {column["name"] for column in columns if isinstance(column["type"], sa.Boolean)}
        query: Any = sa.select(*map(sa.column, names)).select_from(sa.table(self.name, schema=self.schema))
        streaming = self.connection.execution_options(stream_results=True, yield_per=_CHUNK_ROWS)
        chunks = [
            pa.table(
                {
                    name: array_of_cells(cells, self.rule, is_boolean=name in booleans)
                    for name, cells in zip(names, zip(*rows, strict=True), strict=True)
                }
            )
            for rows in streaming.execute(query).partitions()
        ]
        empty = pa.table({name: pa.nulls(0, pa.string()) for name in names})
        table = concatenate(chunks, self.rule) if chunks else empty
        return OpenTable(table.schema, names, (_Rows(table),), len(table))
