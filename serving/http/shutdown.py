"""Stopping without losing anybody: told to end, a server finishes what it took and refuses what comes then.

For a moment it still listens, so that whoever distributes requests sees /readyz say 503 and new requests get
an answer that says to try again, rather than a connection that nobody takes.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_LOG: Final = logging.getLogger("leadodds.serving")

_Stop = Callable[[int, FrameType | None], object]


class Drain:
    """Whether the server is stopping.

    Attributes:
        has_begun: nothing new is taken any more.
    """

    def __init__(self) -> None:
        self.has_begun = False

    @contextmanager
    def before_stopping(self, *, seconds: float) -> Iterator[None]:
        """Stands between SIGTERM and the server's own way to stop, which follows after some seconds.

        A keyboard interrupt is a person at a terminal, and stops at once; a second SIGTERM does so too.
        """
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            # No server of ours runs this, or not in the main thread.
            yield
            return
        signal.signal(signal.SIGTERM, self._begin_then(stop, asyncio.get_running_loop(), seconds))
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, stop)

    def _begin_then(self, stop: _Stop, loop: asyncio.AbstractEventLoop, seconds: float) -> _Stop:
        def begin(number: int, frame: FrameType | None) -> None:
            if self.has_begun:
                stop(number, frame)
                return
            self.has_begun = True
            _LOG.warning("stopping: what was taken is finished, what comes now is refused")
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

        return begin
