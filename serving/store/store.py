"""The store of a server: writes leads, interactions and outcomes exactly once, and reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa

from features.errors import LeadOddsError
from features.sources.connections import redacted_url
from serving.bodies.intake_items import LeadChanges
from serving.clock import Clock, SteadyClock
from serving.database.engine import (
    UNLIMITED,
    DatabaseLimits,
    Leadership,
    lift_statement_limit,
    lock_for_writing,
    open_store_engine,
    writing,
)
from serving.database.log_truncation import LogTruncation
from serving.database.preparation import prepare_database
from serving.database.transactions import Transactions
from serving.database.writer import Job, Receipt, Writer
from serving.errors import ReadTooLongError, StoreAwayError
from serving.intake.aliases import add_aliases
from serving.intake.counts import counted_parts, parts_of
from serving.intake.ingest import add_interactions, add_outcomes
from serving.intake.items import Verdict
from serving.intake.leads import Erasure, erase_lead, put_lead
from serving.intake.linked_ids import lead_to_write
from serving.intake.many_leads import add_leads
from serving.intake.segment import add_messages
from serving.intake.stored_answers import AnsweringWriter, Once
from serving.settings import ServerSettings
from serving.store.audit import AuditTrail
from serving.store.display import keep_display

_T = TypeVar("_T")

# Steps of SQLite's machine: three milliseconds, in which a thousand interactions are read.
_QUICK_STEPS: Final = 60_000


class DatabaseError(LeadOddsError):
    """A database that the service cannot use."""

    def __init__(self, place: str, *, fault: str) -> None:
        super().__init__(
            f"The database {place} cannot be used: {fault}. Name another with LEADODDS_DATABASE."
        )


class Store:
    """A database of the service. The futures of methods that write are done once everything is committed.

    Attributes:
        audit: records the scores that are given.
        salt: of the hashes that remain of erased ids.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        secret_file: Path,
        must_exist: bool = False,
        limits: DatabaseLimits = UNLIMITED,
    ) -> None:
        """Opens the database, makes its tables where there are none, and upgrades older ones.

        Args:
            url: `sqlite:///...` or `postgresql://...`.
            clock: gives the moments of receipt.
            secret_file: of the service; made with a new database.
            must_exist: refuses a missing file instead of making it.
            limits: of time, and of what may wait for the writer.

        Raises:
            DatabaseError: the database cannot be opened or upgraded.
            StoreVersionError: it has a newer version, or one too old to upgrade.
            ForeignDatabaseError: its tables are not those of the service.
            SecretError: the secret is missing, or cannot be used.
            OtherSecretError: the secret is not that of the database.
        """
        place = redacted_url(url)
        try:
            self._engine = open_store_engine(url, must_exist=must_exist, limits=limits)
            self.salt = _prepare(self._engine, place=place, secret_file=secret_file)
        except (sa.exc.SQLAlchemyError, ImportError, OSError) as error:
            fault = str(getattr(error, "orig", None) or error).strip().partition("\n")[0].rstrip(".")
            raise DatabaseError(place, fault=fault) from None
        self._reading = Transactions(self._engine)
        self._quick = Transactions(self._engine, most_steps=_QUICK_STEPS)
        self._writer = Writer(self._engine, clock=clock, most_waiting=limits.waiting_writes)
        # Other than the writer where the answer of a request is stored.
        self._submitter: Writer | AnsweringWriter = self._writer
        self._leadership = Leadership(self._engine)
        self._log = LogTruncation(self._engine)
        self.audit = AuditTrail(self._writer, salt=self.salt)

    @property
    def is_remote(self) -> bool:
        """Whether the database lies behind a network."""
        return self._engine.dialect.name != "sqlite"

    def answering(self, once: Once, answer: Callable[[Any], Mapping[str, object]]) -> Store:
        """Gives this store to one request, whose answer is stored with what it writes.

        Args:
            once: the request.
            answer: makes the content of the answer from what a method returns.
        """
        store = copy(self)
        store._submitter = AnsweringWriter(self._writer, once, answer, salt=self.salt)
        return store

    def put_lead(
        self, lead_id: str, body: LeadChanges, *, must_exist: bool = False
    ) -> Future[tuple[str, list[str]]]:
        """Creates a lead, unless it must exist, or merges new attributes into it.

        Returns:
            The lead, which is the survivor of an alias, and the names of the attributes that changed.
        """

        def put(connection: sa.Connection, receipt: Receipt) -> tuple[str, list[str]]:
            changed = put_lead(
                connection, receipt, salt=self.salt, lead_id=lead_id, body=body, must_exist=must_exist
            )
            return lead_to_write(connection, lead_id), changed

        return self._submitter.submit(put)

    def add_leads(self, items: Sequence[object], *, backfill: bool = False) -> Future[list[Verdict]]:
        """Creates leads or merges new attributes into them; returns a verdict per lead."""
        add = partial(add_leads, salt=self.salt, backfill=backfill)
        return self._submitter.submit_parts([partial(add, items=part) for part in parts_of(items)])

    def add_interactions(
        self, source: str, items: Sequence[object], *, backfill: bool = False
    ) -> Future[list[Verdict]]:
        """Stores interactions; returns a verdict per item."""
        add = partial(add_interactions, salt=self.salt, source=source, backfill=backfill)
        return self._submitter.submit_parts(counted_parts("interactions", add, items))

    def add_messages(
        self, messages: Sequence[object], *, corrects_clocks: bool = False
    ) -> Future[list[Verdict]]:
        """Stores messages of Segment; returns a verdict per message."""
        add = partial(add_messages, salt=self.salt, corrects_clocks=corrects_clocks)
        return self._submitter.submit_parts(counted_parts("interactions", add, messages))

    def add_outcomes(
        self, source: str, items: Sequence[object], *, backfill: bool = False
    ) -> Future[list[Verdict]]:
        """Stores outcomes; returns a verdict per item."""
        add = partial(add_outcomes, salt=self.salt, source=source, backfill=backfill)
        return self._submitter.submit_parts(counted_parts("outcomes", add, items))

    def add_aliases(self, items: Sequence[object], *, backfill: bool = False) -> Future[list[Verdict]]:
        """Stores aliases; returns a verdict per item."""
        add = partial(add_aliases, salt=self.salt, backfill=backfill)
        return self._submitter.submit_parts(counted_parts("aliases", add, items))

    def erase_lead(self, lead_id: str) -> Future[Erasure]:
        """Removes all rows of a lead, from the write-ahead log of SQLite, too."""
        forgotten: Future[Erasure] = Future()
        # Who gives up waiting cannot take an erasure back.
        forgotten.set_running_or_notify_cancel()

        def forget(erased: Future[Erasure]) -> None:
            if (error := erased.exception()) is not None:
                forgotten.set_exception(error)
                return
            self._log.empty()
            forgotten.set_result(erased.result())

        erase = partial(erase_lead, salt=self.salt, lead_id=lead_id)
        self._writer.submit(erase).add_done_callback(forget)
        return forgotten

    def keep_display(self, names: Sequence[str]) -> tuple[str, ...]:
        """Notes which attributes are shown only; returns those to show."""
        return self._writer.submit(lambda connection, _: keep_display(connection, names)).result()

    def is_leader(self) -> bool:
        """Whether this process does what only one of several should, such as re-scoring."""
        return self._leadership.is_ours()

    def write(self, job: Job[_T], *, is_urgent: bool = False) -> Future[_T]:
        """Runs a job in a transaction of the one writer; an urgent one before all others."""
        return self._writer.submit(job, is_urgent=is_urgent)

    def write_parts(self, parts: Sequence[Job[Sequence[_T]]]) -> Future[list[_T]]:
        """Runs a long job in parts, between which those of others take their turns; see `submit_parts`."""
        return self._writer.submit_parts(parts)

    def read(self, read: Callable[[sa.Connection], _T]) -> _T:
        """Reads from one state of the database.

        Raises:
            StoreAwayError: the database does not respond.
        """
        try:
            return self._reading.run(read)
        except sa.exc.OperationalError:
            raise StoreAwayError from None

    def read_quickly(self, read: Callable[[sa.Connection], _T]) -> _T:
        """Reads from one state of an SQLite file what takes less than some milliseconds.

        Raises:
            StoreAwayError: the database does not respond.
            ReadTooLongError: it takes longer, or another process holds the file.
        """
        try:
            return self._quick.run(read)
        except sa.exc.OperationalError as error:
            if "locked" in str(error.orig):
                raise ReadTooLongError from None
            raise StoreAwayError from None

    def close(self) -> None:
        """Finishes the queued jobs and closes the database."""
        self.audit.close()
        self._writer.close()
        self._log.close()
        self._leadership.give_up()
        self._reading.close()
        self._quick.close()
        self._engine.dispose()


@contextmanager
def store_of_command(settings: ServerSettings, *, must_exist: bool = True) -> Iterator[Store]:
    """Opens the database that a server uses for a command, whether the server runs or not.

    Args:
        settings: of the server.
        must_exist: refuses a missing file instead of making it.

    Raises:
        LeadOddsError: as `Store`.
    """
    store = Store(
        settings.store_url, clock=SteadyClock(), secret_file=settings.secret_path, must_exist=must_exist
    )
    try:
        yield store
    finally:
        store.close()


def _prepare(engine: sa.Engine, *, place: str, secret_file: Path) -> bytes:
    try:
        with writing(engine).begin() as connection:
            lift_statement_limit(connection)
            lock_for_writing(connection)
            return prepare_database(connection, place=place, secret_file=secret_file)
    except Exception:
        engine.dispose()
        raise
