"""Threads for what would hold the event loop: those of the database, and those of everything else.

Each kind has its own, so that a database that does not respond leaves the rest alone, and takes only so many
calls: what could not begin soon is refused at once instead of waiting without end.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from serving.errors import BusyError, StoreLateError

_T = TypeVar("_T")


class BoundedThreads:
    """Some threads with a bounded queue before them."""

    def __init__(self, name: str, *, threads: int, most_waiting: int) -> None:
        """Prepares the threads, which start when they are needed.

        Args:
            name: of the threads.
            threads: their number.
            most_waiting: calls that wait for a thread at most.
        """
        self._start = partial(ThreadPoolExecutor, threads, thread_name_prefix=f"leadodds-{name}")
        self._threads: ThreadPoolExecutor | None = None
        self._most = threads + most_waiting
        self._taken = 0
        self._guard = threading.Lock()

    async def run(self, work: Callable[[], _T], *, seconds: float | None = None) -> _T:
        """Runs work in a thread.

        Args:
            work: to do.
            seconds: the caller waits so long; the thread goes on until the work is done.

        Raises:
            BusyError: too much is waiting.
            StoreLateError: the time is over.
        """
        with self._guard:
            if self._taken >= self._most:
                raise BusyError
            self._taken += 1
            self._threads = self._threads or self._start()
            future = self._threads.submit(work)
        future.add_done_callback(self._done)
        return await wait_for(future, seconds=seconds)

    def close(self) -> None:
        """Ends the threads once they are idle; work that has not begun is given up."""
        with self._guard:
            threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, _: Future[Any]) -> None:
        with self._guard:
            self._taken -= 1


async def wait_for(future: Future[_T], *, seconds: float | None) -> _T:
    """Waits for a future; one that has not begun when the time is over is given up.

    Raises:
        StoreLateError: the time is over.
    """
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
    except TimeoutError:
        raise StoreLateError from None
