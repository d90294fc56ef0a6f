"""Runs work in transactions; for SQLite on connections that stay open.

SQLAlchemy's work to lend out a connection, to begin and to end takes longer than a look-up in a file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from serving.database.engine import beginning_by_hand, writing
from serving.database.statements import execute_sqlite
from serving.errors import ReadTooLongError

_T = TypeVar("_T")

# The pool has fifteen connections, of which the writer and long reads need some.
_MOST_IDLE: Final = 4
# SQLite asks after so many steps of its machine whether to go on: some fifty microseconds.
_STEPS: Final = 1_000
_BUDGET: Final = "leadodds_budget"


class _Budget:
    """Counts down how much of a transaction is left; SQLite asks it again and again."""

    left = 0

    def __call__(self) -> bool:
        """Tells SQLite to stop once nothing is left."""
        self.left -= 1
        return self.left < 0


class Transactions:
    """Runs work in transactions of one engine, for any number of threads."""

    def __init__(self, engine: sa.Engine, *, writes: bool = False, most_steps: int | None = None) -> None:
        """Opens nothing yet.

        Args:
            engine: of the database.
            writes: whether the transactions write.
            most_steps: a transaction that takes more steps of SQLite's machine is interrupted.
        """
        self._portions = None if most_steps is None else most_steps // _STEPS
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
            ReadTooLongError: it takes more steps than allowed.
        """
        if not self._is_file:
            with self._engine.begin() as connection:
                return work(connection)
        connection = self._take()
        try:
            execute_sqlite(connection, self._begin)
            returned = work(connection)
            execute_sqlite(connection, "COMMIT")
        except BaseException as error:
            # The pool rolls back what was begun.
            self._give_back(connection)
            if self._portions is not None and is_interrupted(error):
                raise ReadTooLongError from None
            raise
        if len(self._idle) < _MOST_IDLE:
            self._idle.append(connection)
        else:
            self._give_back(connection)
        return returned

    def close(self) -> None:
        """Closes the connections, once nothing runs any more."""
        while self._idle:
            self._give_back(self._idle.pop())

    def _take(self) -> sa.Connection:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
            if self._portions is not None:
                self._give_budget(connection)
        if self._portions is not None:
            connection.info[_BUDGET].left = self._portions
        return connection

    def _give_budget(self, connection: sa.Connection) -> None:
        connection.info[_BUDGET] = budget = _Budget()
        _driver_of(connection).set_progress_handler(budget, _STEPS)

    def _give_back(self, connection: sa.Connection) -> None:
        """Gives a connection back to the pool, whose others have no budget."""
        if self._portions is not None:
            _driver_of(connection).set_progress_handler(None, _STEPS)
        connection.close()


def _driver_of(connection: sa.Connection) -> Any:
    return connection.connection.dbapi_connection


def is_interrupted(error: BaseException) -> bool:
    """Tells whether SQLite stopped a statement because its transaction took too many steps."""
    return str(getattr(error, "orig", None) or error) == "interrupted"


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
