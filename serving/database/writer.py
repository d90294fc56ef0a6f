"""The one writer: waiting jobs run in one transaction, and are acknowledged once it is committed."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
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
from serving.errors import BusyError, StoreAwayError

_LOG: Final = logging.getLogger("leadodds.serving")
_T = TypeVar("_T")


class Receipt(NamedTuple):
    """When and in which transaction something was written.

    Attributes:
        at: microseconds UTC; what is written is known from then on.
        sequence: number of the transaction, rising from 1.
    """

    at: int
    sequence: int


Job = Callable[[sa.Connection, Receipt], _T]

# A commit costs one write to the disk, whatever it holds; more jobs would keep the first ones waiting.
_MOST_JOBS: Final = 64
# Nor does a transaction begin another job after so long: a thousand leads of one request take more by
# themselves, and other writers of the database wait meanwhile.
_LONG_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[_T]):
    job: Job[_T]
    future: Future[_T] = field(default_factory=Future)


# Stands among the jobs for one that is urgent.
_URGENT: Final[_Waiting[Any]] = _Waiting(lambda connection, receipt: None)  # noqa: ARG005 - never run


class Writer:
    """A thread that runs jobs in transactions, each job whole or not at all."""

    def __init__(self, engine: sa.Engine, *, clock: Clock, most_waiting: int | None = None) -> None:
        """Prepares the thread, which starts with the first job.

        Args:
            engine: of the database.
            clock: gives the moments of receipt.
            most_waiting: jobs in the queue; None: any number.
        """
        self._most_waiting = most_waiting
        self._transactions = Transactions(engine, writes=True)
        self._clock = clock
        self._jobs: queue.SimpleQueue[_Waiting[Any] | None] = queue.SimpleQueue()
        # Each has a `_URGENT` among the jobs, so that the thread wakes up.
        self._urgent: deque[_Waiting[Any]] = deque()
        self._thread: threading.Thread | None = None
        self._starting = threading.Lock()

    def submit(self, job: Job[_T], *, is_urgent: bool = False) -> Future[_T]:
        """Queues a job, which is called with a connection and its receipt.

        Args:
            job: the job.
            is_urgent: whether its caller gives up within a second. Such jobs are short, and are committed
                before the others begin; no long one is in their transaction.

        Returns:
            What the job returned, once it is committed; else its error, or StoreAwayError where the commit
            failed.

        Raises:
            BusyError: too many jobs wait.
        """
        if self._most_waiting is not None and self._jobs.qsize() >= self._most_waiting:
            raise BusyError
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leadodds-writer", daemon=True)
                self._thread.start()
        waiting = _Waiting(job)
        if is_urgent:
            self._urgent.append(waiting)
        self._jobs.put(_URGENT if is_urgent else waiting)
        return waiting.future

    def close(self) -> None:
        """Finishes the queued jobs, then ends."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._transactions.close()

    def _run(self) -> None:
        while (first := self._jobs.get()) is not None:
            if first is _URGENT:
                self._commit_urgent()
                continue
            group, is_last = [first], False
            while len(group) < _MOST_JOBS and not self._jobs.empty():
                following = self._jobs.get()
                if following is None:
                    is_last = True
                    break
                if following is not _URGENT:
                    group.append(following)
            self._commit(group)
            if is_last:
                return

    def _commit(self, group: list[_Waiting[Any]]) -> None:
        # Jobs whose callers gave up before they began are skipped, and nothing of them is written.
        group = [waiting for waiting in group if waiting.future.set_running_or_notify_cancel()]
        while group:
            self._commit_urgent()
            group = self._commit_some(group)
        self._commit_urgent()

    def _commit_urgent(self) -> None:
        """Commits the urgent jobs that wait, in a transaction of their own."""
        group: list[_Waiting[Any]] = []
        while self._urgent and len(group) < _MOST_JOBS:
            waiting = self._urgent.popleft()
            if waiting.future.set_running_or_notify_cancel():
                group.append(waiting)
        while group:
            group = self._commit_some(group)

    def _commit_some(self, group: list[_Waiting[Any]]) -> list[_Waiting[Any]]:
        """Runs the first jobs in one transaction; returns those that are left for the next."""
        try:
            returned = self._transactions.run(lambda connection: self._attempt_all(connection, group))
        except Exception as error:  # noqa: BLE001 - the writer outlives whatever happens to a transaction
            _LOG.error("a transaction was not committed: %s", type(error).__name__)
            returned = [StoreAwayError()] * len(group)
        for waiting, value in zip(group, returned, strict=False):
            if isinstance(value, Exception):
                waiting.future.set_exception(value)
            else:
                waiting.future.set_result(value)
        return group[len(returned) :]

    def _attempt_all(self, connection: sa.Connection, group: list[_Waiting[Any]]) -> list[Any]:
        lock_for_writing(connection)
        receipt = Receipt(self._clock(), next_sequence(connection))
        returned, began = [], time.monotonic()
        for waiting in group:
            returned.append(_attempt(connection, waiting.job, receipt))
            if time.monotonic() - began > _LONG_SECONDS:
                break
        return returned


def _attempt(connection: sa.Connection, job: Job[Any], receipt: Receipt) -> Any:
    """Runs one job; an error rolls back what it wrote, and nothing of the other jobs."""
    try:
        with savepoint(connection):
            return job(connection, receipt)
    except LeadOddsError as error:
        return error
    except sa.exc.OperationalError:
        # The database has failed, and with it the whole transaction.
        raise
    except Exception as error:  # noqa: BLE001 - a defect of one job fails no other
        return error
