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

Rows = Sequence[tuple[Any, ...]]

_QMARK: Final = sqlite.dialect(paramstyle="qmark")

_NO_PARAMETERS: Final[Mapping[str, Any]] = MappingProxyType({})
# Keys of one look-up.
_KEYS: Final = tuple(f"key_{place}" for place in range(100))
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

    def __init__(self, statement: sa.Select[Any], key: sa.Column[Any]) -> None:
        among = [sa.bindparam(name, type_=key.type) for name in _KEYS]
        self._select = CompiledStatement(statement.where(key.in_(among)))

    def rows(
        self, connection: sa.Connection, keys: Sequence[Any], parameters: Mapping[str, Any] = _NO_PARAMETERS
    ) -> list[tuple[Any, ...]]:
        """Reads the rows of the keys.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not respond.
        """
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), len(_KEYS)):
            part = list(keys[start : start + len(_KEYS)])
            # Filled up with the last key: a repeated key selects its row once.
            part += part[-1:] * (len(_KEYS) - len(part))
            named = dict(zip(_KEYS, part, strict=True))
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
    text = str(sa.insert(table).compile(dialect=_QMARK))
    head, values, row = text.partition(" VALUES ")
    return head + values + ", ".join([row] * size)


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
