"""Threads with a bounded queue: side by side, refused when there are too many, given up after a time."""

from __future__ import annotations

import asyncio
import threading

import pytest

from serving.errors import BusyError, StoreLateError
from serving.http.threads import BoundedThreads


def test_run__works_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)
    threads = BoundedThreads("test", threads=2, most_waiting=0)

    async def run() -> list[int]:
        return list(await asyncio.gather(*(threads.run(both.wait) for _ in range(2))))

    assert sorted(asyncio.run(run())) == [0, 1]
    threads.close()


def test_run__refuses_what_could_not_begin_soon_and_gives_up_what_takes_too_long() -> None:
    gate, ran = threading.Event(), []
    threads = BoundedThreads("test", threads=1, most_waiting=1)

    async def run() -> list[object]:
        first = asyncio.ensure_future(threads.run(lambda: gate.wait(10), seconds=0.05))
        await asyncio.sleep(0)
        second = asyncio.ensure_future(threads.run(lambda: ran.append("second"), seconds=0.05))
        await asyncio.sleep(0)
        third = asyncio.ensure_future(threads.run(lambda: ran.append("third")))
        found = await asyncio.gather(first, second, third, return_exceptions=True)
        gate.set()
        return [*found, await threads.run(lambda: "free again", seconds=10)]

    late, given_up, busy, last = asyncio.run(run())

    assert (type(late), type(given_up), type(busy)) == (StoreLateError, StoreLateError, BusyError)
    # What had not begun was not done later, either.
    assert (last, ran) == ("free again", [])
    threads.close()


def test_run__raises_what_the_work_raised() -> None:
    threads = BoundedThreads("test", threads=1, most_waiting=0)

    with pytest.raises(ZeroDivisionError):
        asyncio.run(threads.run(lambda: 1 // 0, seconds=10))
    threads.close()
