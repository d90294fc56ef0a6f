"""Statements that are compiled once; on SQLite the driver executes their text directly.

SQLAlchemy's work at every execution takes five times as long as a look-up in a file, and half the time of a
small response. Over a network it does not matter, so there SQLAlchemy executes them.
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

from serving.database.engine import insert_into

Rows = Sequence[tuple[Any, ...]]

_QMARK: Final = sqlite.dialect(paramstyle="qmark")

_NO_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({})
# Keys of one look-up, unless it is for many.
_KEYS_COUNT: Final = 100
# Rows of one insert: each call into SQLite releases the interpreter's lock and waits to get it back. Few
# sizes, so that the driver caches their texts; at most 15 columns x 100 rows of 32,766 parameters.
_ROWS_AT_ONCE: Final = (100, 10, 1)


class CompiledStatement:
    """A statement with a constant text, whose values need no conversion by SQLAlchemy."""

    def __init__(self, statement: Any) -> None:
        self._statement = statement

    def rows(self, connection: sa.Connection, parameters: Mapping[str, Any] = _NO_PARAMETERS) -> Rows:
        """Executes it and reads all rows.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not respond.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, dict(parameters)).all()
        rows: Rows = self._run(connection, parameters).fetchall()
        return rows

    def run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> None:
        """Executes it where it returns no rows.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not respond.
        """
        if connection.dialect.name != "sqlite":
            connection.execute(self._statement, dict(parameters))
            return
        self._run(connection, parameters)

    def _run(self, connection: sa.Connection, parameters: Mapping[str, Any]) -> Any:
        text, names, constants = self._composed
        values = [parameters[name] if name in parameters else constants[name] for name in names]
        return execute_sqlite(connection, text, values)

    @cached_property
    def _composed(self) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        """The text, the names of its parameters in order, and the values of its constants."""
        compiled = self._statement.compile(dialect=_QMARK)
        return compiled.string, tuple(compiled.positiontup or ()), dict(compiled.params)


class CompiledLookUp:
    """Selects the rows with some keys, always the same number at a time, so that the text is constant."""

    def __init__(
        self, statement: sa.Select[Any], key: sa.Column[Any], *, keys_count: int = _KEYS_COUNT
    ) -> None:
        self._keys = tuple(f"key_{place}" for place in range(keys_count))
        among = [sa.bindparam(name, type_=key.type) for name in self._keys]
        self._select = CompiledStatement(statement.where(key.in_(among)))

    def rows(
        self, connection: sa.Connection, keys: Sequence[Any], parameters: Mapping[str, Any] = _NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Reads the rows of the keys.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not respond.
        """
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), len(self._keys)):
            part = list(keys[start : start + len(self._keys)])
            # Filled up with the last key: a repeated key selects its row once.
            part += part[-1:] * (len(self._keys) - len(part))
            named = dict(zip(self._keys, part, strict=True))
            found.extend(self._select.rows(connection, {**parameters, **named}))
        return found


def execute_sqlite(connection: sa.Connection, text: str, parameters: Sequence[Any] = ()) -> Any:
    """Executes a text by the driver of SQLite; returns its cursor.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not respond.
    """
    connected: Any = connection.connection.dbapi_connection
    try:
        return connected.execute(text, parameters)
    except connection.dialect.loaded_dbapi.OperationalError as error:
        raise sa.exc.OperationalError(text, None, error) from None


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that name all columns of the table; their values need no conversion by SQLAlchemy.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not respond.
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
    return _of_many(sa.insert(table), size)


def replacing(connection: sa.Connection, table: sa.Table, *, unless_older: str | None = None) -> Any:
    """Makes a statement that inserts rows and replaces those with the same primary key.

    Args:
        connection: to a database.
        table: with a primary key.
        unless_older: a column; a stored row stays where its value is greater than that of the new row.
    """
    return _replacing(connection.dialect.name, table, unless_older)


def _replacing(dialect: str, table: sa.Table, unless_older: str | None) -> Any:
    statement = insert_into(dialect, table)
    others = {column.key: statement.excluded[column.key] for column in table.c if not column.primary_key}
    newer = None if unless_older is None else statement.excluded[unless_older] >= table.c[unless_older]
    return statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=others, where=newer)


def upsert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Sequence[Any]], *, unless_older: str | None
) -> None:
    """Inserts rows, and replaces those with the same primary key.

    Args:
        connection: in a transaction that writes.
        table: with a primary key.
        rows: cells in the order of the table's columns; they need no conversion by SQLAlchemy.
        unless_older: see `replacing`.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not respond.
    """
    if not rows:
        return
    dialect = connection.dialect.name
    if dialect != "sqlite":
        names = table.columns.keys()
        cells = [dict(zip(names, row, strict=True)) for row in rows]
        connection.execute(_replacing(dialect, table, unless_older), cells)
        return
    start = 0
    for size in _ROWS_AT_ONCE:
        while len(rows) - start >= size:
            text = _upsert_of_many(table, unless_older, size)
            execute_sqlite(connection, text, [cell for row in rows[start : start + size] for cell in row])
            start += size


@cache
def _upsert_of_many(table: sa.Table, unless_older: str | None, size: int) -> str:
    return _of_many(_replacing("sqlite", table, unless_older), size)


def _of_many(statement: Any, size: int) -> str:
    """Writes an insert of one row as that of several."""
    head, values, rest = str(statement.compile(dialect=_QMARK)).partition(" VALUES ")
    row, end, tail = rest.partition(")")
    return head + values + ", ".join([row + end] * size) + tail


class ListsOf(FunctionElement[str]):
    """One JSON list per column over all rows, in the same order of rows; empty lists without rows."""

    inherit_cache = True
    type = Text()


@compiles(ListsOf, "sqlite")
def _on_sqlite(element: ListsOf, compiler: SQLCompiler, **options: Any) -> str:
    lists = (f"json_group_array({compiler.process(clause, **options)})" for clause in element.clauses)
    return f"json_array({', '.join(lists)})"


@compiles(ListsOf, "postgresql")
def _on_postgresql(element: ListsOf, compiler: SQLCompiler, **options: Any) -> str:
    columns = (compiler.process(clause, **options) for clause in element.clauses)
    lists = (f"coalesce(json_agg({column}), '[]'::json)" for column in columns)
    return f"json_build_array({', '.join(lists)})::text"
