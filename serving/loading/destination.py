"""The database that a history is loaded into, on a connection of its own with the prepared rows beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import sqlalchemy as sa

from features.history.settings import HistorySettings
from features.sources.connections import redacted_url
from serving.clock import Clock
from serving.database.engine import (
    beginning_by_hand,
    expect_many_rows,
    lock_for_writing,
    open_store_engine,
    writing,
)
from serving.database.schema import next_sequence
from serving.database.statements import execute_sqlite
from serving.database.writer import Receipt
from serving.loading.alias_links import Link, write_links
from serving.loading.copied_rows import copy_csv
from serving.loading.loads import LoadState, read_load, write_load, write_settings
from serving.loading.prepared import PREPARED, Batch, added
from serving.loading.write import write_leads
from serving.store.store import DatabaseError, Store

_T = TypeVar("_T")


class Destination:
    """Writes batches in transactions of their own; its connection stays open.

    Attributes:
        clock: of the moments of writing.
        is_file: whether it is an SQLite file; PostgreSQL otherwise.
    """

    def __init__(self, url: str, *, clock: Clock, secret_file: Path) -> None:
        self.clock = clock
        self._place = redacted_url(url)
        store = Store(url, clock=clock, secret_file=secret_file)
        self._salt = store.salt
        store.close()
        engine = open_store_engine(url)
        self.is_file = engine.dialect.name == "sqlite"
        self._engine = beginning_by_hand(engine) if self.is_file else writing(engine)
        self._rows: BinaryIO | None = None

    def __enter__(self) -> Destination:
        """Connects."""
        with self._errors_as_ours():
            self._connection = self._engine.connect()
            expect_many_rows(self._connection)
            if self.is_file:
                # A commit that a power cut takes back takes the state of the loading with it.
                execute_sqlite(self._connection, "PRAGMA synchronous=NORMAL")
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the connection."""
        self._connection.close()
        self._engine.dispose()

    @contextmanager
    def reading(self, prepared: Path) -> Iterator[None]:
        """Has the rows of a file beside the tables until the block ends."""
        if not self.is_file:
            with prepared.open("rb") as rows:
                self._rows = rows
                yield
            return
        execute_sqlite(self._connection, "ATTACH DATABASE ? AS prepared", (str(prepared),))
        yield
        execute_sqlite(self._connection, "DETACH DATABASE prepared")

    def read_load(self, load_id: str) -> LoadState | None:
        """Reads how far a loading got."""
        return self._run(lambda connection: read_load(connection, load_id))

    def write_batch(self, batch: Batch, state: LoadState, target_of: Mapping[str, str]) -> LoadState:
        """Writes the rows of some leads, and the state with their counts added.

        Args:
            batch: which rows.
            state: after the batch, without its counts.
            target_of: the id that each alias of the history is linked to.
        """

        def write(connection: sa.Connection) -> LoadState:
            if not self.is_file:
                copy_csv(connection, self._rows, batch.spans, PREPARED)
            lock_for_writing(connection)
            receipt = Receipt(self.clock(), next_sequence(connection))
            counts = write_leads(connection, receipt, batch, salt=self._salt, target_of=target_of)
            reached = state.with_counts(added(state.counts or {}, counts))
            write_load(connection, reached, now=receipt.at)
            return reached

        return self._run(write)

    def begin(self, state: LoadState, settings: HistorySettings) -> LoadState:
        """Writes what the history says of itself, and the state with the counts added."""

        def write(connection: sa.Connection) -> LoadState:
            lock_for_writing(connection)
            counts = added(state.counts or {}, write_settings(connection, settings))
            begun = state.with_counts(counts)
            write_load(connection, begun, now=self.clock())
            return begun

        return self._run(write)

    def write_links(self, links: Sequence[Link], state: LoadState) -> LoadState:
        """Writes aliases, and the state with their counts added; what was written before is a duplicate."""

        def write(connection: sa.Connection) -> LoadState:
            lock_for_writing(connection)
            receipt = Receipt(self.clock(), next_sequence(connection))
            counts = write_links(connection, receipt, links, salt=self._salt)
            reached = state.with_counts(added(state.counts or {}, counts))
            write_load(connection, reached, now=receipt.at)
            return reached

        return self._run(write)

    def write_state(self, state: LoadState) -> LoadState:
        """Writes the state alone."""

        def write(connection: sa.Connection) -> LoadState:
            lock_for_writing(connection)
            write_load(connection, state, now=self.clock())
            return state

        return self._run(write)

    def _run(self, write: Callable[[sa.Connection], _T]) -> _T:
        connection = self._connection
        with self._errors_as_ours():
            if not self.is_file:
                with connection.begin():
                    return write(connection)
            execute_sqlite(connection, "BEGIN IMMEDIATE")
            try:
                returned = write(connection)
                execute_sqlite(connection, "COMMIT")
            except BaseException:
                execute_sqlite(connection, "ROLLBACK")
                raise
            return returned

    @contextmanager
    def _errors_as_ours(self) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            fault = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
            raise DatabaseError(self._place, fault=fault) from None
