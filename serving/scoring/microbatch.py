"""Gathers what is asked at the same time, so that it is answered together.

Nobody waits for a clock: questions are gathered as long as the event loop, turn by turn, brings new ones, and
are answered as soon as it brings none. A question that comes alone is answered two empty turns later, some
ten microseconds; under load the questions of all connections that wait share one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

_Question = TypeVar("_Question")
_Reply = TypeVar("_Reply")

# Gives a reply for each question, in their order, or why there is none.
Answers = Callable[[Sequence[_Question]], Sequence[_Reply | Exception]]
# Gives the reply to one question, or raises why there is none.
Ask = Callable[[_Question], Awaitable[_Reply]]

# So many at once keep the loop busy for a few milliseconds; more of them would gain little.
MOST_TOGETHER: Final = 16
# What a connection brings in one turn of the loop begins to be read in the next.
_QUIET_TURNS: Final = 2


class Together(Generic[_Question, _Reply]):
    """Answers the questions of one event loop, those of a moment together."""

    def __init__(self, answer: Answers[_Question, _Reply]) -> None:
        self._answer = answer
        self._waiting: list[tuple[_Question, asyncio.Future[_Reply]]] = []
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
        # Nobody waits any more for what is done.
        asked = [one for one in self._waiting if not one[1].done()]
        self._waiting = []
        if not asked:
            return
        try:
            replies = self._answer([question for question, _ in asked])
        except Exception as error:  # noqa: BLE001 - nobody may wait for ever
            replies = [error] * len(asked)
        for (_, waits), reply in zip(asked, replies, strict=True):
            if isinstance(reply, Exception):
                waits.set_exception(reply)
            else:
                waits.set_result(reply)


def apart(answer: Answers[_Question, _Reply]) -> Ask[_Question, _Reply]:
    """Answers each question by itself and in a thread, for what waits for others and not for us."""

    async def ask(question: _Question) -> _Reply:
        (reply,) = await asyncio.to_thread(answer, [question])
        if isinstance(reply, Exception):
            raise reply
        return reply

    return ask
