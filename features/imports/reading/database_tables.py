"""Reads tables of a database through cursors, in one transaction; no expression of a map reaches it."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGInspector

from features.history.text_rule import TextRule
from features.imports.errors import ImportSourceError
from features.imports.format.map_format import ImportMap
from features.imports.format.map_format import TableFile as Place
from features.imports.reading.source_table import FoundTables, SourceTable
from features.imports.reading.spooled_rows import CHUNK_ROWS, spool_rows
from features.sources.connections import open_engine, redacted_url
from features.sources.databases import within_years
from features.sources.pieces import OpenTable

_REMEDY: Final = "Look at the address, and whether the user may read it."
# Schemas of PostgreSQL's own.
_SYSTEM: Final = ("information_schema", "pg_")


@contextmanager
def open_tables(
    url: str,
    wanted: Sequence[str],
    import_map: ImportMap,
    rule: TextRule,
    *,
    spill: Path,
    used: Callable[[str], bool],
) -> Iterator[FoundTables]:
    """Finds tables and views of a database, which can be read until the context ends.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        wanted: names of tables in the map.
        import_map: says where they are, and in which schema.
        rule: how cells of several types become texts.
        spill: folder for rows on their way.
        used: tells of the name of a column whether it is read.

    Raises:
        ImportSourceError: the database cannot be opened or read.
    """
    with _connected(url) as connection:
        database = _Database(connection, rule, spill, used)
        own = import_map.schema_
        found: dict[str, SourceTable] = {}
        for name in wanted:
            place = database.find(import_map.tables.get(name, Place()).table or name, own)
            if place is not None:
                found[name] = database.table(name, *place)
        yield FoundTables(found, tuple(database.tables(own)))


@contextmanager
def all_tables(url: str, rule: TextRule, *, spill: Path, most_rows: int) -> Iterator[list[SourceTable]]:
    """Finds every table and view of a database, which can be read until the context ends.

    Args:
        url: `sqlite:///...` or `postgresql://...`.
        rule: how cells of several types become texts.
        spill: folder for rows on their way.
        most_rows: rows that are read of each.

    Raises:
        ImportSourceError: the database cannot be opened or read.
    """
    with _connected(url) as connection:
        database = _Database(connection, rule, spill, lambda _: True, most_rows)
        places = [(schema, name) for schema in database.schemas for name in database.tables(schema)]
        yield [
            database.table(name if schema is None else f"{schema}.{name}", schema, name)
            for schema, name in sorted(places, key=str)
        ]


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
    connection = connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    # The driver reads times in the zone of the session, and none may leave the years 1 to 9999 there.
    connection.exec_driver_sql("SET TIME ZONE 'UTC'")
    return connection


@dataclass(frozen=True)
class _Database:
    """The tables of a connection."""

    connection: sa.Connection
    rule: TextRule
    spill: Path
    used: Callable[[str], bool]
    most_rows: int | None = None

    @cached_property
    def _inspector(self) -> sa.Inspector:
        return sa.inspect(self.connection)

    @cached_property
    def schemas(self) -> list[str | None]:
        """Schemas that hold tables of users: that of the connection, which has no name here, comes first."""
        if self.connection.dialect.name == "sqlite":
            return [None]
        own = self._inspector.default_schema_name
        named = [name for name in self._inspector.get_schema_names() if not name.startswith(_SYSTEM)]
        return [None, *(name for name in named if name != own)]

    def tables(self, schema: str | None) -> list[str]:
        """Lists tables and views of a schema, those that are kept or lie elsewhere, too."""
        look = self._inspector
        names = [*look.get_table_names(schema), *look.get_view_names(schema)]
        if isinstance(look, PGInspector):
            names += [*look.get_materialized_view_names(schema), *look.get_foreign_table_names(schema)]
        return sorted(names)

    def find(self, name: str, schema: str | None) -> tuple[str | None, str] | None:
        """Finds a table by its name, or by `schema.table`, whatever its capitals unless several are alike."""
        before, _, rest = name.partition(".")
        for own, table in ((schema, name), (before, rest)) if before in self.schemas else ((schema, name),):
            present = self.tables(own)
            alike = (
                [table] if table in present else [each for each in present if each.lower() == table.lower()]
            )
            if len(alike) == 1:
                return own, alike[0]
        return None

    def table(self, name: str, schema: str | None, table: str) -> SourceTable:
        """Gives a table that there is, not yet read."""
        return SourceTable(name, table, lambda: self._open(schema, table))

    def _open(self, schema: str | None, table: str) -> OpenTable:
        with warnings.catch_warnings():
            # Columns of types of an extension, which are read as the driver gives them.
            warnings.filterwarnings("ignore", "Did not recognize type", sa.exc.SAWarning)
            columns = self._inspector.get_columns(table, schema)
        columns = [column for column in columns if self.used(column["name"])] or columns[:1]
        dialect = self.connection.dialect.name
        selected = [within_years(column["name"], column["type"], dialect) for column in columns]
        query: Any = sa.select(*selected).select_from(sa.table(table, schema=schema)).limit(self.most_rows)
        streaming = self.connection.execution_options(stream_results=True, yield_per=CHUNK_ROWS)
        return spool_rows(
            streaming.execute(query),
            [column["name"] for column in columns],
            self.rule,
            self.spill,
            booleans=frozenset(
                column["name"] for column in columns if isinstance(column["type"], sa.Boolean)
            ),
        )
