"""Questions of one moment are answered together, and none of them feels the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import pytest

from serving.scoring.microbatch import MOST_TOGETHER, Together, apart


class Recorder:
    """Doubles numbers, refuses odd ones, and keeps who came together."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def __call__(self, questions: Sequence[int]) -> list[int | Exception]:
        self.groups.append([*questions])
        return [ValueError(f"{one} is odd") if one % 2 else 2 * one for one in questions]


def test_together__answers_at_once_what_is_asked_at_once() -> None:
    answer = Recorder()

    replies = _ask_all(Together(answer).ask, [2, 4, 6])

    assert replies == [4, 8, 12]
    assert answer.groups == [[2, 4, 6]]


def test_together__waits_for_what_the_next_turn_of_the_loop_brings() -> None:
    answer = Recorder()
    ask = Together(answer).ask

    async def later(question: int) -> int:
        await asyncio.sleep(0)
        return await ask(question)

    async def run() -> list[int]:
        return await asyncio.gather(ask(2), later(4))

    assert asyncio.run(run()) == [4, 8]
    assert answer.groups == [[2, 4]]


def test_together__a_question_that_comes_alone_is_answered() -> None:
    answer = Recorder()
    ask = Together(answer).ask

    async def run() -> list[int]:
        return [await ask(2), await ask(4)]

    assert asyncio.run(run()) == [4, 8]
    assert answer.groups == [[2], [4]]


def test_together__parts_many_questions() -> None:
    answer = Recorder()
    asked = [*range(0, 100, 2)]

    replies = _ask_all(Together(answer).ask, asked)

    assert replies == [2 * one for one in asked]
    assert [one for group in answer.groups for one in group] == asked
    assert max(map(len, answer.groups)) == MOST_TOGETHER


def test_together__a_fault_is_of_its_own_question() -> None:
    replies = _ask_all(Together(Recorder()).ask, [2, 3, 4])

    assert (replies[0], replies[2]) == (4, 8)
    assert str(replies[1]) == "3 is odd"


def test_together__a_defect_reaches_everyone_who_waits() -> None:
    def fail(questions: Sequence[int]) -> list[int | Exception]:
        raise RuntimeError(f"{len(questions)} at once")

    replies = _ask_all(Together(fail).ask, [2, 4])

    assert [str(one) for one in replies] == ["2 at once", "2 at once"]


def test_together__who_goes_away_holds_nobody_up() -> None:
    answer = Recorder()
    ask = Together(answer).ask

    async def run() -> int:
        gone = asyncio.ensure_future(ask(2))
        stays = asyncio.ensure_future(ask(4))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(run()) == 8


def test_apart__asks_in_threads_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)

    def answer(questions: Sequence[int]) -> list[int | Exception]:
        both.wait()
        return [ValueError("odd") if one % 2 else 2 * one for one in questions]

    replies = _ask_all(apart(answer), [2, 3])

    assert replies[0] == 4
    assert str(replies[1]) == "odd"


@pytest.mark.parametrize("count", [1, 2, MOST_TOGETHER, MOST_TOGETHER + 1])
def test_together__rounds_follow_each_other(count: int) -> None:
    answer = Recorder()
    ask = Together(answer).ask

    async def run() -> list[list[int]]:
        return [await asyncio.gather(*(ask(2 * one) for one in range(count))) for _ in range(3)]

    assert asyncio.run(run()) == [[4 * one for one in range(count)]] * 3


def _ask_all(ask: Callable[[int], Awaitable[int]], questions: Sequence[int]) -> list[int | BaseException]:
    async def run() -> list[int | BaseException]:
        return await asyncio.gather(*(ask(one) for one in questions), return_exceptions=True)

    return asyncio.run(run())
