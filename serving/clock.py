"""The clock of a server: what was received before has an earlier time, whatever is done to the system's."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]


class SteadyClock:
    """Tells microseconds UTC and never goes back."""

    def __init__(self) -> None:
        self._latest = 0

    def __call__(self) -> int:
        """Tells the time."""
        self._latest = max(self._latest, time.time_ns() // 1000)
        return self._latest
