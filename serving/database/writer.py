"""The one writer: waiting jobs run in one transaction, and are acknowledged once it is committed."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import chain
from operator import itemgetter
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
# Nor does a transaction begin another job, or another part of one, after so long: a thousand leads of one
# request take more, and other writers of the database wait meanwhile.
_LONG_SECONDS: Final = 0.1
# Likewise where an urgent job waits, or, for the next part of a long job, that of any other caller.
_SHORT_SECONDS: Final = 0.02


@dataclass(slots=True)
class _Waiting(Generic[_T]):
    """A job that is not done.

    Attributes:
        parts: those that are left, in order.
        join: makes what the caller gets of what the parts returned.
        future: of the caller.
        is_running: whether it is run, or was given up by its caller; None before its turn.
        returned: by the parts that are done; an error is the last.
    """

    parts: deque[Job[Any]]
    join: Callable[[list[Any]], _T]
    future: Future[_T] = field(default_factory=Future)
    is_running: bool | None = None
    returned: list[Any] = field(default_factory=list)

    def begin(self) -> bool:
        """Whether it is to be run: its caller has not given up before it began."""
        if self.is_running is None:
            self.is_running = self.future.set_running_or_notify_cancel()
        return self.is_running

    def run_part(self, connection: sa.Connection, receipt: Receipt) -> None:
        """Runs the next part; after an error none is left."""
        value = _attempt(connection, self.parts.popleft(), receipt)
        self.returned.append(value)
        if isinstance(value, Exception):
            self.parts.clear()

    def acknowledge(self) -> None:
        """Gives the caller what was committed, or the error."""
        if isinstance(self.returned[-1], Exception):
            self.future.set_exception(self.returned[-1])
        else:
            self.future.set_result(self.join(self.returned))


# Stands among the jobs for one that is urgent.
_URGENT: Final[_Waiting[Any]] = _Waiting(deque(), itemgetter(0))


class Writer:
    """A thread that runs jobs in transactions, each job, or each part of a long one, whole or not at all."""

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
                before the others begin or go on; no long one is in their transaction.

        Returns:
            What the job returned, once it is committed; else its error, or StoreAwayError where the commit
            failed.

        Raises:
            BusyError: too many jobs wait.
        """
        return self._queue(_Waiting(deque([job]), itemgetter(0)), is_urgent=is_urgent)

    def submit_parts(self, parts: Sequence[Job[Sequence[_T]]]) -> Future[list[_T]]:
        """Queues a long job in parts, between which the jobs of other callers take their turns.

        Args:
            parts: run in their order, each with the receipt of its transaction. After an error no further
                one begins, and those before it stay written: to write them again has to be harmless.

        Returns:
            All that the parts returned, once the last one is committed; see `submit`.

        Raises:
            BusyError: too many jobs wait.
        """
        return self._queue(_Waiting(deque(parts), _joined), is_urgent=False)

    def close(self) -> None:
        """Finishes the queued jobs, then ends."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None
        self._transactions.close()

    def _queue(self, waiting: _Waiting[_T], *, is_urgent: bool) -> Future[_T]:
        if self._most_waiting is not None and self._jobs.qsize() >= self._most_waiting:
            raise BusyError
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leadodds-writer", daemon=True)
                self._thread.start()
        if is_urgent:
            self._urgent.append(waiting)
        self._jobs.put(_URGENT if is_urgent else waiting)
        return waiting.future

    def _run(self) -> None:
        taken: deque[_Waiting[Any]] = deque()
        is_open = True
        while is_open or taken:
            is_open = is_open and self._take(taken)
            while self._urgent:
                count = min(len(self._urgent), _MOST_JOBS)
                urgent = deque(self._urgent.popleft() for _ in range(count))
                while urgent:
                    self._commit(urgent)
            if taken and taken[0].returned:
                # A long job that was interrupted goes on behind those that came meanwhile.
                taken.rotate(-1)
            if taken:
                self._commit(taken)

    def _take(self, taken: deque[_Waiting[Any]]) -> bool:
        """Takes jobs from the queue, waiting for the first; tells whether more may come."""
        while len(taken) < _MOST_JOBS and not (taken and self._jobs.empty()):
            waiting = self._jobs.get()
            if waiting is None:
                return False
            if waiting is _URGENT:
                break
            taken.append(waiting)
        return True

    def _commit(self, jobs: deque[_Waiting[Any]]) -> None:
        """Runs the first jobs in one transaction; one whose parts are not all done stays the first."""
        try:
            count = self._transactions.run(lambda connection: self._attempt_all(connection, [*jobs]))
        except Exception as error:  # noqa: BLE001 - the writer outlives whatever happens to a transaction
            _LOG.error("a transaction was not committed: %s", type(error).__name__)
            count = len(jobs)
            for waiting in jobs:
                waiting.parts.clear()
                waiting.returned.append(StoreAwayError())
        for _ in range(count):
            if jobs[0].parts:
                return
            waiting = jobs.popleft()
            if waiting.begin():
                waiting.acknowledge()

    def _attempt_all(self, connection: sa.Connection, jobs: Sequence[_Waiting[Any]]) -> int:
        """Runs jobs until their transaction has taken long; returns their number, an interrupted one too."""
        lock_for_writing(connection)
        receipt = Receipt(self._clock(), next_sequence(connection))
        began = time.monotonic()
        for count, waiting in enumerate(jobs, 1):
            if not waiting.begin():
                waiting.parts.clear()
            while waiting.parts:
                waiting.run_part(connection, receipt)
                has_others = waiting.parts and (count < len(jobs) or not self._jobs.empty())
                allowed = _SHORT_SECONDS if self._urgent or has_others else _LONG_SECONDS
                if time.monotonic() - began > allowed:
                    return count
        return len(jobs)


def _joined(returned: list[Any]) -> list[Any]:
    return [*chain.from_iterable(returned)]


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
