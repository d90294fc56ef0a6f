"""How often a key may ask: a bucket a key, which fills at its rate and holds what two seconds bring."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

_BURST_SECONDS: Final = 2.0


class Rates:
    """The buckets of one process; several workers have their own each.

    A key has as many buckets as there are workers, because a CRM keeps one connection to one of them.
    """

    def __init__(self, *, seconds: Callable[[], float] = monotonic) -> None:
        self._seconds = seconds
        self._full_at: dict[str, float] = {}

    def take(self, key_id: str, *, requests_per_second: float) -> float:
        """Takes one request out of a bucket.

        Returns:
            0.0 when it was there; else after how many seconds it will be, and nothing was taken.

        >>> rates = Rates(seconds=lambda: 0.0)
        >>> [rates.take("a", requests_per_second=1.0) for _ in range(4)]
        [0.0, 0.0, 1.0, 1.0]
        """
        now, each = self._seconds(), 1.0 / requests_per_second
        # Kept as the moment at which the bucket would be full again: one number, nothing to refill.
        full_at = max(self._full_at.get(key_id, now), now) + each
        wait = full_at - now - max(_BURST_SECONDS, each)
        if wait > 1e-9:
            return wait
        self._full_at[key_id] = full_at
        return 0.0
