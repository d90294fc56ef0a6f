"""Concurrent requests run as one batch, and each gets the reply it would get alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from serving.scoring.microbatch import MOST_AT_ONCE, MicroBatcher


class Recorder:
    """Doubles numbers, refuses odd ones, and records the batches."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def __call__(self, requests: Sequence[int]) -> list[int | Exception]:
        self.batches.append([*requests])
        return [ValueError(f"{number} is odd") if number % 2 else 2 * number for number in requests]


def test_micro_batcher__runs_concurrent_requests_as_one_batch() -> None:
    handler = Recorder()

    replies = _submit_all(MicroBatcher(handler).submit, [2, 4, 6])

    assert replies == [4, 8, 12]
    assert handler.batches == [[2, 4, 6]]


def test_micro_batcher__waits_for_the_next_turn_of_the_loop() -> None:
    handler = Recorder()
    submit = MicroBatcher(handler).submit

    async def later(request: int) -> int:
        await asyncio.sleep(0)
        return await submit(request)

    async def run() -> list[int]:
        return await asyncio.gather(submit(2), later(4))

    assert asyncio.run(run()) == [4, 8]
    assert handler.batches == [[2, 4]]


def test_micro_batcher__answers_a_lone_request() -> None:
    handler = Recorder()
    submit = MicroBatcher(handler).submit

    async def run() -> list[int]:
        return [await submit(2), await submit(4)]

    assert asyncio.run(run()) == [4, 8]
    assert handler.batches == [[2], [4]]


def test_micro_batcher__splits_many_requests() -> None:
    handler = Recorder()
    numbers = [*range(0, 100, 2)]

    replies = _submit_all(MicroBatcher(handler).submit, numbers)

    assert replies == [2 * number for number in numbers]
    assert [number for batch in handler.batches for number in batch] == numbers
    assert max(map(len, handler.batches)) == MOST_AT_ONCE


def test_micro_batcher__gives_an_error_to_its_own_request_only() -> None:
    replies = _submit_all(MicroBatcher(Recorder()).submit, [2, 3, 4])

    assert (replies[0], replies[2]) == (4, 8)
    assert str(replies[1]) == "3 is odd"


def test_micro_batcher__gives_a_defect_to_all_of_the_batch() -> None:
    def fail(requests: Sequence[int]) -> list[int | Exception]:
        raise RuntimeError(f"{len(requests)} at once")

    replies = _submit_all(MicroBatcher(fail).submit, [2, 4])

    assert [str(reply) for reply in replies] == ["2 at once", "2 at once"]


def test_micro_batcher__goes_on_without_a_cancelled_request() -> None:
    handler = Recorder()
    submit = MicroBatcher(handler).submit

    async def run() -> int:
        gone = asyncio.ensure_future(submit(2))
        stays = asyncio.ensure_future(submit(4))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(run()) == 8


@pytest.mark.parametrize("count", [1, 2, MOST_AT_ONCE, MOST_AT_ONCE + 1])
def test_micro_batcher__takes_batch_after_batch(count: int) -> None:
    handler = Recorder()
    submit = MicroBatcher(handler).submit

    async def run() -> list[list[int]]:
        return [await asyncio.gather(*(submit(2 * number) for number in range(count))) for _ in range(3)]

    assert asyncio.run(run()) == [[4 * number for number in range(count)]] * 3


def _submit_all(
    submit: Callable[[int], Awaitable[int]], requests: Sequence[int]
) -> list[int | BaseException]:
    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(submit(request) for request in requests), return_exceptions=True)

    return asyncio.run(run())
