"""Runs statements that never change: on SQLite straight by the driver.

SQLAlchemy composes each statement once. What it does again at every execution takes five times as long as a
look into a file, and half the time of a small answer; over a network nobody would notice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

Rows = Sequence[tuple[Any, ...]]

_QMARK: Final = sqlite.dialect(paramstyle="qmark")


# Rows of one statement: each step into SQLite hands the interpreter to other threads and waits to have it
# back. Few sizes, so that the driver remembers their texts; at most 15 columns x 100 of 32,766 parameters.
_ROWS_AT_ONCE: Final = (100, 10, 1)


class FixedSelect:
    """A select whose text is always the same; none of its columns needs a conversion after the driver's."""

    def __init__(self, statement: sa.Select[Any]) -> None:
        compiled = statement.compile(dialect=_QMARK)
        self._statement = statement
        self._text = compiled.string
        self._names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self._constants = dict(compiled.params)

    def rows(self, connection: sa.Connection, asked: Mapping[str, Any]) -> Rows:
        """Reads all rows.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not answer.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, dict(asked)).all()
        parameters = {**self._constants, **asked}
        found = execute_sqlite(connection, self._text, [parameters[name] for name in self._names])
        rows: Rows = found.fetchall()
        return rows


def execute_sqlite(connection: sa.Connection, text: str, parameters: Sequence[Any]) -> Any:
    """Executes a text by the driver of SQLite; gives its cursor.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    driver = connection.dialect.loaded_dbapi
    try:
        return connection.connection.cursor().execute(text, parameters)
    except driver.OperationalError as error:
        raise sa.exc.OperationalError(text, None, error) from None


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Inserts rows that name all columns of the table, as values that the driver takes as they are.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
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
