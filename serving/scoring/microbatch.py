"""Gathers requests that arrive at the same time into one batch, so that one pass serves all of them.

No timer delays a request: the batch grows as long as each turn of the event loop brings new requests, and
runs as soon as some turns bring none. A lone request runs twenty empty turns later, after 15 microseconds;
under load the requests of all waiting connections share one pass.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

_Request = TypeVar("_Request")
_Reply = TypeVar("_Reply")

# Returns for each request, in their order, its reply or the error that prevented one.
BatchHandler = Callable[[Sequence[_Request]], Sequence[_Reply | Exception]]
# Returns the reply to one request, or raises the error that prevented one.
AsyncHandler = Callable[[_Request], Awaitable[_Reply]]

# A batch of this size keeps the loop busy for a few milliseconds; a larger one would gain little.
MOST_AT_ONCE: Final = 16
# What a connection receives in one turn of the loop is parsed in the next, and who has just been answered
# needs a few microseconds to ask again. With 2, sixteen callers of `POST /v1/score` got a quarter fewer
# answers a second, as batches began without some of them; with 60, lookups took longer.
_QUIET_TURNS: Final = 20


class MicroBatcher(Generic[_Request, _Reply]):
    """Batches the concurrent requests of one event loop."""

    def __init__(self, handler: BatchHandler[_Request, _Reply]) -> None:
        self._handler = handler
        self._waiting: list[tuple[_Request, asyncio.Future[_Reply]]] = []
        self._is_gathering = False
        self._quiet_turns = 0

    async def submit(self, request: _Request) -> _Reply:
        """Returns the reply to a request, computed with the others that arrive now.

        Raises:
            Exception: the error that prevented a reply to this request.
        """
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[_Reply] = loop.create_future()
        self._waiting.append((request, reply))
        self._quiet_turns = 0
        if not self._is_gathering:
            self._is_gathering = True
            loop.call_soon(self._gather, loop)
        if len(self._waiting) == MOST_AT_ONCE:
            self._run()
        return await reply

    def _gather(self, loop: asyncio.AbstractEventLoop) -> None:
        """Lets a turn of the loop pass, and runs the batch after some without a new request."""
        self._quiet_turns += 1
        if self._waiting and self._quiet_turns <= _QUIET_TURNS:
            loop.call_soon(self._gather, loop)
            return
        self._is_gathering = False
        self._run()

    def _run(self) -> None:
        # A future that is done was cancelled: its caller has gone.
        batch = [waiting for waiting in self._waiting if not waiting[1].done()]
        self._waiting = []
        if not batch:
            return
        try:
            replies = self._handler([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - no caller may wait for ever
            replies = [error] * len(batch)
        for (_, future), reply in zip(batch, replies, strict=True):
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)
