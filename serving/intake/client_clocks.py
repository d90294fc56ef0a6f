"""Corrects the times of messages by how far the clock of their sender was off."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from serving.bodies.score_bodies import Instant

_INSTANT: Final = TypeAdapter[int](Instant)
# Whoever sets one of these beside `timestamp` has corrected or chosen that one.
_OF_CORRECTED: Final = ("originalTimestamp", "receivedAt")


def clock_shift(message: object, received_at: int) -> int:
    """Computes what to add to the times of a message: our time of its receipt less the client's of sending.

    Args:
        message: as it was sent.
        received_at: microseconds UTC.

    Returns:
        Microseconds; 0 without a readable `sentAt`, and where `timestamp` was corrected on the way here.

    Source: `timestamp = receivedAt - (sentAt - originalTimestamp)`,
    https://segment.com/docs/connections/spec/common/.

    >>> clock_shift({"timestamp": "1970-01-01T00:00:05Z", "sentAt": "1970-01-01T00:00:07Z"}, 8_000_000)
    1000000
    """
    if not isinstance(message, dict):
        return 0
    if message.get("timestamp") is not None and any(message.get(name) is not None for name in _OF_CORRECTED):
        return 0
    try:
        return received_at - _INSTANT.validate_python(message.get("sentAt"))
    except ValidationError:
        return 0
