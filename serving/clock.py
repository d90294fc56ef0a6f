"""The time of the server, which never goes back, and ids that sort by time."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from typing import Final

from features.times import US_PER_SECOND
from serving.errors import Fault

_LOG: Final = logging.getLogger("leadodds.serving")

Clock = Callable[[], int]

# How far a moment that is sent may lie after the clock of the server.
AHEAD_US: Final = 300 * US_PER_SECOND


def ahead_faults(path: str, moment: int, *, now: int) -> list[Fault]:
    """Finds fault with the moment of a prediction that lies in the future: nothing is known of it.

    Args:
        path: of the moment in the request.
        moment: microseconds UTC.
        now: microseconds UTC.
    """
    is_ahead = moment > now + AHEAD_US
    return [Fault(path, "not_ahead", "It lies more than 5 minutes after now.")] if is_ahead else []


# A clock that is set back further had been ahead: standing still would stop time until it catches up.
_MOST_BACK_US: Final = 10 * US_PER_SECOND


class SteadyClock:
    """Reads the clock of the machine, and stands still while that was set back a little."""

    def __init__(self) -> None:
        self._latest = 0

    def __call__(self) -> int:
        """Returns now, microseconds UTC."""
        now = time.time_ns() // 1000
        if now < self._latest - _MOST_BACK_US:
            _LOG.warning("the clock was set back by %g s", (self._latest - now) / US_PER_SECOND)
            self._latest = now
        self._latest = max(self._latest, now)
        return self._latest


_RANDOM_BYTES: Final = 10
_NS_PER_MS: Final = 1_000_000


def new_id() -> str:
    """Makes an id of 32 hexadecimal digits: the millisecond, then 80 random bits.

    A later id is greater, so that an index of ids grows at its end only.

    >>> first = new_id(); time.sleep(0.002); first < new_id(), len(first)
    (True, 32)

    Source: RFC 9562, section 5.7, without the bits of its version.
    """
    return f"{time.time_ns() // _NS_PER_MS:012x}{os.urandom(_RANDOM_BYTES).hex()}"


def id_of_moment(moment: int) -> str:
    """Gives the text that ids made before a moment, microseconds UTC, stand before, and later ones after.

    >>> id_of_moment(0) <= new_id() < id_of_moment(2**52)
    True
    """
    return f"{moment // 1000:012x}"
