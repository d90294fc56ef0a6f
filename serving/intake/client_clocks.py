"""Corrects the times of messages by how far the clock of their sender was off."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter, ValidationError

from features.times import format_time
from serving.bodies.score_bodies import Instant
from serving.clock import AHEAD_US
from serving.intake.segment_messages import moment_of

_INSTANT: Final = TypeAdapter[int](Instant)
# Whoever sets one of these beside `timestamp` has corrected or chosen that one.
_OF_CORRECTED: Final = ("originalTimestamp", "receivedAt")


def clock_shift(message: object, received_at: int) -> int:
    """Computes what to add to the times of a message: our time of its receipt less the client's of sending.

    Args:
        message: as it was sent.
        received_at: microseconds UTC.

    Returns:
        Microseconds; 0 without a readable `sentAt`, where `timestamp` was corrected on the way here, and
        where the message was sent before it happened: `sentAt` is then of another clock.

    Source: `timestamp = receivedAt - (sentAt - originalTimestamp)`,
    https://segment.com/docs/connections/spec/common/.

    >>> clock_shift({"timestamp": "1970-01-01T00:00:05Z", "sentAt": "1970-01-01T00:00:07Z"}, 8_000_000)
    1000000
    """
    if not isinstance(message, dict):
        return 0
    if message.get("timestamp") is not None and any(message.get(name) is not None for name in _OF_CORRECTED):
        return 0
    sent_at, moment = _instant(message.get("sentAt")), _instant(moment_of(message))
    if sent_at is None or (moment is not None and moment > sent_at + AHEAD_US):
        return 0
    return received_at - sent_at


def timed_message(message: object, received_at: int) -> tuple[object, int]:
    """Gives a message with a time, and what to add to it.

    One without a time happened when it was received. It has the same time whenever it comes, so that the
    same message again has the same content.
    """
    if isinstance(message, dict) and moment_of(message) is None:
        return {**message, "timestamp": format_time(0)}, received_at
    return message, clock_shift(message, received_at)


def _instant(sent: object) -> int | None:
    try:
        return _INSTANT.validate_python(sent)
    except ValidationError:
        return None
