"""Shares and days as texts for people."""

from __future__ import annotations

from features.times import format_time


def percent(part: float, whole: float = 1.0) -> str:
    """Writes a share in percent.

    >>> percent(1, 3), percent(0.9999), percent(0.004)
    ('33 %', '99.99 %', '0.40 %')
    """
    share = 100 * part / whole
    digits = 0 if 1 <= share <= 99 or share in (0, 100) else 2
    return f"{share:.{digits}f} %"


def day_of(us: int) -> str:
    """Writes the day of an instant, UTC.

    >>> day_of(0)
    '1970-01-01'
    """
    return format_time(us)[:10]
