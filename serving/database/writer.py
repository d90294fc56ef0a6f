"""The one writer: what waits is written together and committed once, and only then acknowledged."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

from features.errors import LeadOddsError
from serving.clock import Clock
from serving.database.engine import lock_for_writing
from serving.database.schema import next_sequence
from serving.database.transactions import Transactions, savepoint
from serving.errors import StoreAwayError

_LOG: Final = logging.getLogger("leadodds.serving")
_Told = TypeVar("_Told")


class Receipt(NamedTuple):
    """Of everything that one transaction writes.

    Attributes:
        at: microseconds UTC; from then on it is known.
        sequence: number of the transaction; they are numbered in their order, from 1.
    """

    at: int
    sequence: int


Job = Callable[[sa.Connection, Receipt], _Told]

# A commit costs a write to the disk, whatever it holds; more than these would keep the first ones waiting.
_MOST_JOBS: Final = 64


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_Told]):
    job: Job[_Told]
    told: Future[_Told] = field(default_factory=Future)


class Writer:
    """A thread that runs jobs in transactions, each job whole or not at all."""

    def __init__(self, engine: sa.Engine, *, clock: Clock) -> None:
        self._transactions = Transactions(engine, writes=True)
        self._clock = clock
        self._jobs: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, job: Job[_Told]) -> Future[_Told]:
        """Takes a job: it is called with a connection and its receipt.

        Returns:
            What the job tells, once it is committed; or its error, or StoreAwayError where nothing of it was.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leadodds-writer", daemon=True)
                self._thread.start()
        waiting = _Waiting(job)
        self._jobs.put(waiting)
        return waiting.told

    def close(self) -> None:
        """Finishes what was taken, then ends."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._transactions.close()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            group, is_last = [first], False
            while len(group) < _MOST_JOBS and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    is_last = True
                    break
                group.append(following)
            self._commit(group)
            if is_last:
                return

    def _commit(self, group: list[_Waiting[Any]]) -> None:
        # Who gave up before the job began was told nothing, and nothing is written.
        group = [one for one in group if one.told.set_running_or_notify_cancel()]
        try:
            told = self._transactions.run(lambda connection: self._attempt_all(connection, group))
        except Exception as error:  # noqa: BLE001 - the writer outlives whatever happens to a transaction
            _LOG.error("a transaction was not committed: %s", type(error).__name__)
            told = [StoreAwayError()] * len(group)
        for one, answer in zip(group, told, strict=True):
            if isinstance(answer, Exception):
                one.told.set_exception(answer)
            else:
                one.told.set_result(answer)

    def _attempt_all(self, connection: sa.Connection, group: list[_Waiting[Any]]) -> list[Any]:
        lock_for_writing(connection)
        receipt = Receipt(self._clock(), next_sequence(connection))
        return [_attempt(connection, one.job, receipt) for one in group]


def _attempt(connection: sa.Connection, job: Job[Any], receipt: Receipt) -> Any:
    """Runs one job; what it wrote before an error is taken back, what others wrote stays."""
    try:
        with savepoint(connection):
            return job(connection, receipt)
    except LeadOddsError as error:
        return error
    except sa.exc.OperationalError:
        # The database itself is in trouble, and so is everything in this transaction.
        raise
    except Exception as error:  # noqa: BLE001 - a defect of one job costs no other its place
        return error
