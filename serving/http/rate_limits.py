"""How much each key may send in a second, and how often an address may fail in a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

_BURST_SECONDS: Final = 2.0
_MOST_BUCKETS: Final = 10_000


class RateLimits:
    """The token buckets of one process; each of several workers has its own.

    A key may then use as many buckets as there are workers; a CRM keeps one connection, thus one worker.
    """

    def __init__(
        self, *, burst_seconds: float = _BURST_SECONDS, seconds: Callable[[], float] = monotonic
    ) -> None:
        """Makes no bucket yet.

        Args:
            burst_seconds: a full bucket holds what flows in so long, or one portion.
            seconds: the stopwatch.
        """
        self._burst_seconds = burst_seconds
        self._seconds = seconds
        self._full_at: dict[str, float] = {}

    def take(self, name: str, *, per_second: float, amount: float = 1.0) -> float:
        """Takes an amount out of a bucket.

        Returns:
            0.0 if the request may pass; else the seconds to wait, and nothing is taken.

        >>> rates = RateLimits(seconds=lambda: 0.0)
        >>> [rates.take("a", per_second=1.0) for _ in range(4)]
        [0.0, 0.0, 1.0, 1.0]
        """
        now, each = self._seconds(), amount / per_second
        # Stored as the moment at which the bucket is full again: one number, nothing to refill.
        full_at = max(self._full_at.get(name, now), now) + each
        wait = full_at - now - max(self._burst_seconds, each)
        if wait > 1e-9:
            return wait
        # The oldest bucket makes way, so that addresses without number take bounded memory.
        if name not in self._full_at and len(self._full_at) >= _MOST_BUCKETS:
            del self._full_at[next(iter(self._full_at))]
        self._full_at[name] = full_at
        return 0.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a key without a limit of its own may send in a second, and an address fail in a minute."""

    requests_per_second: float
    leads_per_second: float
    bytes_per_second: float
    failed_keys_per_minute: float
