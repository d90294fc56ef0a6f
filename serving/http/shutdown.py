"""Stopping without losing a request: after SIGTERM a server finishes what it took and refuses new ones.

It goes on listening for a moment, so that a load balancer sees /readyz answer 503, and new requests get an
answer that says to try again instead of a refused connection.
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


class GracefulShutdown:
    """Whether the server is stopping.

    Attributes:
        has_begun: new requests are refused from now on.
    """

    def __init__(self) -> None:
        self.has_begun = False

    @contextmanager
    def delayed_by(self, seconds: float) -> Iterator[None]:
        """Delays the server's own reaction to SIGTERM by some seconds, in which new requests are refused.

        A keyboard interrupt comes from a person at a terminal and stops at once, as does a second SIGTERM.
        """
        stop = signal.getsignal(signal.SIGTERM)
        if not callable(stop):
            # No server of ours runs this, or it does not run in the main thread.
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
            _LOG.warning("stopping: finishing what was taken, refusing what comes now")
            loop.call_soon_threadsafe(loop.call_later, seconds, stop, number, None)

        return begin
