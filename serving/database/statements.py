"""Runs statements that never change: on SQLite straight by the driver.

SQLAlchemy composes each statement once. What it does again at every execution takes five times as long as a
look into a file, and half the time of a small answer; over a network nobody would notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

Rows = Sequence[tuple[Any, ...]]

_QMARK: Final = sqlite.dialect(paramstyle="qmark")

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
# Parameters of one look-up.
_KEYS: Final = tuple(f"key_{place}" for place in range(100))
# Rows of one statement: each step into SQLite hands the interpreter to other threads and waits to have it
# back. Few sizes, so that the driver remembers their texts; at most 15 columns x 100 of 32,766 parameters.
_ROWS_AT_ONCE: Final = (100, 10, 1)


class CompiledStatement:
    """A statement whose text is always the same, and whose values the driver takes and gives as they are."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    def rows(self, connection: sa.Connection, asked: Mapping[str, Any] = _NOTHING) -> Rows:
        """Runs it and reads all rows.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not answer.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, dict(asked)).all()
        rows: Rows = self._run(connection, asked).fetchall()
        return rows

    def run(self, connection: sa.Connection, asked: Mapping[str, Any]) -> None:
        """Runs it where it gives no rows.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not answer.
        """
        if connection.dialect.name != "sqlite":
            connection.execute(self._statement, dict(asked))
            return
        self._run(connection, asked)

    def _run(self, connection: sa.Connection, asked: Mapping[str, Any]) -> Any:
        text, names, constants = self._composed
        found = [asked[name] if name in asked else constants[name] for name in names]
        return execute_sqlite(connection, text, found)

    @cached_property
    def _composed(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """The text, the names of its parameters in their order, and those that are always the same."""
        compiled = self._statement.compile(dialect=_QMARK)
        return compiled.string, tuple(compiled.positiontup or ()), dict(compiled.params)


class CompiledLookUp:
    """Selects the rows whose key is one of some, so many at a time that the text is always the same."""

    def __init__(self, statement: sa.Select[Any], key: sa.Column[Any]) -> None:
        among = [sa.bindparam(name, type_=key.type) for name in _KEYS]
        self._select = CompiledStatement(statement.where(key.in_(among)))

    def rows(
        self, connection: sa.Connection, keys: Sequence[Any], asked: Mapping[str, Any] = _NOTHING
    ) -> list[tuple[Any, ...]]:
        """Reads the rows of the keys.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not answer.
        """
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), len(_KEYS)):
            part = list(keys[start : start + len(_KEYS)])
            # The last one again, until there are enough: a key is found once, however often it is asked for.
            part += part[-1:] * (len(_KEYS) - len(part))
            found.extend(self._select.rows(connection, {**asked, **dict(zip(_KEYS, part, strict=True))}))
        return found


def execute_sqlite(connection: sa.Connection, text: str, parameters: Sequence[Any] = ()) -> Any:
    """Executes a text by the driver of SQLite; gives its cursor.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    connected: Any = connection.connection.dbapi_connection
    try:
        return connected.execute(text, parameters)
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise sa.exc.OperationalError(text, None, error) from None


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that name all columns of the table, as values that the driver takes as they are.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    if not rows:
        return
    if connection.dialect.name != "sqlite":
        connection.execute(sa.insert(table), rows)
        return
    names, start = table.columns.keys(), 0
    for size in _ROWS_AT_ONCE:
        while len(rows) - start >= size:
            part = rows[start : start + size]
            execute_sqlite(connection, _insert(table, size), [row[name] for row in part for name in names])
            start += size


@cache
def _insert(table: sa.Table, size: int) -> str:
    text = str(sa.insert(table).compile(dialect=_QMARK))
    head, values, row = text.partition(" VALUES ")
    return head + values + ", ".join([row] * size)


class ListsOf(FunctionElement[str]):
    """A list for each of some columns over all rows, in one order of the rows; empty where there is none."""

    inherit_cache = True
    type = Text()


@compiles(ListsOf, "sqlite")
def _on_sqlite(element: ListsOf, compiler: SQLCompiler, **options: Any) -> str:
    lists = (f"json_group_array({compiler.process(one, **options)})" for one in element.clauses)
    return f"json_array({', '.join(lists)})"


@compiles(ListsOf, "postgresql")
def _on_postgresql(element: ListsOf, compiler: SQLCompiler, **options: Any) -> str:
    lists = (f"coalesce(json_agg({compiler.process(one, **options)}), '[]'::json)" for one in element.clauses)
    return f"json_build_array({', '.join(lists)})::text"
