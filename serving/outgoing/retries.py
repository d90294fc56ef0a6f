"""When a call that was not taken is tried again."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

# Answers that say "later", not "never".
LATER: Final = frozenset({408, 429, 500, 502, 503, 504})


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait; None where it says nothing of it.

    Args:
        headers: of the answer, found in any case of their letters. `Retry-After` is a number, or a time.

    Source: RFC 9110 section 10.2.3.
    """
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def backoff(attempt: int, *, longest: float) -> float:
    """Doubles from a second on, with a random part, so that many callers do not come back together.

    Args:
        attempt: number of the attempt that failed, from 0.
        longest: seconds; never more.
    """
    # No power beyond what a float holds.
    return float(min(longest, 2.0 ** min(attempt, 32)) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
