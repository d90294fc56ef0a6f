"""Instants and durations: microseconds since 1970 UTC inside, RFC 3339 and aware datetimes at the edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from features.errors import LeadOddsError

US_PER_SECOND: Final = 1_000_000
US_PER_HOUR: Final = 3_600 * US_PER_SECOND
US_PER_DAY: Final = 24 * US_PER_HOUR

# Marks an event that has not happened; greater than every instant that parses.
NEVER_US: Final = 2**63 - 1
# Longest duration and longest window that are accepted: a hundred years.
LONGEST_DAYS: Final = 36_525

_UNITS: Final = {"s": US_PER_SECOND, "m": 60 * US_PER_SECOND, "h": US_PER_HOUR, "d": US_PER_DAY}

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WITHOUT_ZONE: Final = _EPOCH.replace(tzinfo=None)
_US: Final = timedelta(microseconds=1)


class TimeError(LeadOddsError):
    """A text that is not an instant with a zone."""

    def __init__(self, text: str, *, item: str) -> None:
        super().__init__(
            f"{item} is {text!r}, which is not a time with a zone. Write it like 2026-05-01T12:00:00Z."
        )


class DurationError(LeadOddsError):
    """A text that is not a duration."""

    def __init__(self, text: str, *, item: str) -> None:
        super().__init__(
            f"{item} is {text!r}, which is not a duration above 0. Write it like 30s, 15m, 12h or 90d."
        )


def parse_duration(text: str, *, item: str = "the duration") -> int:
    """Reads a number with its unit.

    Args:
        text: seconds, minutes, hours or days, such as 90d; at most `LONGEST_DAYS`.
        item: name of the value, for the error.

    Returns:
        Microseconds, above 0.

    Raises:
        DurationError: the text is not such a duration.

    >>> parse_duration("1.5h") == 90 * 60 * US_PER_SECOND
    True
    """
    unit = _UNITS.get(text[-1:])
    try:
        number = float(text[:-1])
    except ValueError:
        raise DurationError(text, item=item) from None
    if unit is None or not 0 < number * unit <= LONGEST_DAYS * US_PER_DAY:
        raise DurationError(text, item=item)
    return max(1, round(number * unit))


def parse_time(text: str, *, item: str = "the time") -> int:
    """Reads an RFC 3339 instant.

    Args:
        text: date, time of day and zone; a time without a zone is refused because its instant is unknown.
        item: name of the value, for the error.

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        TimeError: the text does not parse, or carries no zone.

    >>> parse_time("1970-01-02T01:00:00+01:00") == US_PER_DAY
    True
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TimeError(text, item=item) from None
    if moment.tzinfo is None:
        raise TimeError(text, item=item)
    return to_us(moment)


def to_us(moment: datetime) -> int:
    """Turns an aware datetime into microseconds since 1970 UTC, exactly."""
    return (moment - _EPOCH) // _US


def to_datetime(us: int) -> datetime:
    """Turns microseconds since 1970 UTC into an aware datetime."""
    return _EPOCH + timedelta(microseconds=us)


def format_time(us: int) -> str:
    """Writes an instant as RFC 3339 text in UTC; a fraction of zero is left out.

    >>> format_time(US_PER_DAY)
    '1970-01-02T00:00:00Z'
    """
    # Without a zone it is written in a third of the time.
    return (_EPOCH_WITHOUT_ZONE + timedelta(microseconds=us)).isoformat() + "Z"
