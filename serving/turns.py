"""Gathers what is asked at the same time, so that it is answered together.

Nobody waits for a clock: questions are gathered while the event loop, turn by turn, brings new ones, and are
answered as soon as a turn brings none. A question that comes alone is answered two empty turns later, some
ten microseconds; under load the questions of all connections that wait share one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

_Question = TypeVar("_Question")
_Reply = TypeVar("_Reply")

_Asked = list[tuple[_Question, asyncio.Future[_Reply]]]

# So many at once keep the loop busy for a few milliseconds; more of them would gain little.
MOST_TOGETHER: Final = 16
# What a connection brings in one turn of the loop begins to be read in the next.
_QUIET_TURNS: Final = 2


class Turns(Generic[_Question, _Reply]):
    """Answers questions of one event loop, those of a turn together."""

    def __init__(
        self,
        answer: Callable[[Sequence[_Question]], Sequence[_Reply | Exception]],
        *,
        in_thread: bool = False,
    ) -> None:
        """Takes what answers some questions.

        Args:
            answer: gives a reply for each question, in their order, or why there is none.
            in_thread: whether it waits for others, and the loop should not.
        """
        self._answer = answer
        self._in_thread = in_thread
        self._asking: set[asyncio.Task[None]] = set()
        self._waiting: _Asked[_Question, _Reply] = []
        self._is_gathering = False
        self._quiet_turns = 0

    async def ask(self, question: _Question) -> _Reply:
        """Asks together with whoever asks now.

        Raises:
            Exception: why there is no reply to this question.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[_Reply] = loop.create_future()
        self._waiting.append((question, reply))
        self._quiet_turns = 0
        if not self._is_gathering:
            self._is_gathering = True
            loop.call_soon(self._gather, loop)
        if len(self._waiting) == MOST_TOGETHER:
            self._reply()
        return await reply

    def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets a turn of the loop pass, and replies after some without a question."""
        self._quiet_turns += 1
        if self._waiting and self._quiet_turns <= _QUIET_TURNS:
            loop.call_soon(self._gather, loop)
            return
        self._is_gathering = False
        self._reply()

    def _reply(self) -> None:
        asked, self._waiting = self._waiting, []
        if not asked:
            return
        if not self._in_thread:
            _tell(asked, self._ask_all(asked))
            return
        # The loop itself keeps no task alive.
        task = asyncio.create_task(self._reply_later(asked))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _reply_later(self, asked: _Asked[_Question, _Reply]) -> None:
        _tell(asked, await asyncio.to_thread(self._ask_all, asked))

    def _ask_all(self, asked: _Asked[_Question, _Reply]) -> Sequence[_Reply | Exception]:
        try:
            return self._answer([question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever
            return [error] * len(asked)


def _tell(asked: _Asked[_Question, _Reply], replies: Sequence[_Reply | Exception]) -> None:
    for (_, waits), reply in zip(asked, replies, strict=True):
        if waits.done():
            # Nobody waits any more.
            continue
        if isinstance(reply, Exception):
            waits.set_exception(reply)
        else:
            waits.set_result(reply)
