"""Runs work in transactions; for SQLite on connections that stay open.

SQLAlchemy's work to lend out a connection, to begin and to end takes longer than a look-up in a file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import sqlalchemy as sa

from serving.database.engine import beginning_by_hand, writing
from serving.database.statements import execute_sqlite

_T = TypeVar("_T")

# The pool has fifteen connections, of which the writer and long reads need some.
_MOST_IDLE: Final = 4


class Transactions:
    """Runs work in transactions of one engine, for any number of threads."""

    def __init__(self, engine: sa.Engine, *, writes: bool = False) -> None:
        self._is_file = engine.dialect.name == "sqlite"
        self._engine = writing(engine) if writes else engine
        if self._is_file:
            self._engine = beginning_by_hand(engine)
        self._begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
        self._idle: deque[sa.Connection] = deque()

    def run(self, work: Callable[[sa.Connection], _T]) -> _T:
        """Runs work in a transaction, which is committed at its end or rolled back by an error.

        Raises:
            sqlalchemy.exc.OperationalError: the database does not respond.
        """
        if not self._is_file:
            with self._engine.begin() as connection:
                return work(connection)
        connection = self._take()
        try:
            execute_sqlite(connection, self._begin)
            returned = work(connection)
            execute_sqlite(connection, "COMMIT")
        except BaseException:
            # The pool rolls back what was begun.
            connection.close()
            raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            connection.close()
        return returned

    def close(self) -> None:
        """Closes the connections, once nothing runs any more."""
        while self._idle:
            self._idle.pop().close()

    def _take(self) -> sa.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._engine.connect()


@contextmanager
def savepoint(connection: sa.Connection) -> Iterator[None]:
    """Rolls back what the block wrote, and nothing else, where an error leaves it."""
    if connection.dialect.name != "sqlite":
        with connection.begin_nested():
            yield
        return
    execute_sqlite(connection, "SAVEPOINT job")
    try:
        yield
    except BaseException:
        execute_sqlite(connection, "ROLLBACK TO job")
        raise
    finally:
        execute_sqlite(connection, "RELEASE job")
