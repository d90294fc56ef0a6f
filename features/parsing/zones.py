"""Local times as instants: the zone of a history's tables is stated once, in its settings.

A local time that occurs twice, or never, when clocks change is the later of the instants it may mean: a row
then counts as known rather later than earlier.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from features.history.lead_history import Ints
from features.times import US_PER_DAY, to_us

# Times on the clock of a zone are handled as if they were UTC until they get their zone.
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_US: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)
_EARLIEST: Final = to_us(datetime(1, 1, 2, tzinfo=UTC))
_LATEST: Final = to_us(datetime(9999, 12, 31, tzinfo=UTC))
# Marks a day in which the offset changes.
_CHANGES: Final = 2 * US_PER_DAY


def to_instants(local: Ints, zone: str) -> Ints:
    """Converts local times to instants.

    The offset is looked up once for each day; on days on which it changes, for each time.

    Args:
        local: (n,) microseconds since 1970 on the clock of the zone, in the years 1 to 9999.
        zone: IANA name.

    Returns:
        (n,) microseconds UTC.

    >>> noon = 12 * 3_600_000_000
    >>> (to_instants(np.array([noon]), "Europe/Amsterdam") - noon).tolist()
    [-3600000000]
    """
    of = ZoneInfo(zone)
    days, place = np.unique(local // US_PER_DAY, return_inverse=True)
    offsets = np.array([_offset_of_day(day, of) for day in days.tolist()], np.int64)[place]
    instants = local - offsets
    changing = np.flatnonzero(offsets == _CHANGES)
    instants[changing] = [_instant(us, of) for us in local[changing].tolist()]
    return instants


def ends_of_days(days: Ints, zone: str) -> Ints:
    """Gives the last microsecond of days on the clock of a zone.

    Args:
        days: (n,) days since 1970.
        zone: IANA name.

    Returns:
        (n,) microseconds UTC.
    """
    return to_instants((days + 1) * US_PER_DAY, zone) - 1


def starts_of_days(instants: Ints, zone: str) -> Ints:
    """Gives the first microsecond of the local day of each instant, (n,) microseconds UTC."""
    of = ZoneInfo(zone)
    distinct, place = np.unique(instants, return_inverse=True)
    days = np.array([_local_day(us, of) for us in distinct.tolist()], np.int64)
    return to_instants(days * US_PER_DAY, zone)[place]


def _offset_of_day(day: int, zone: ZoneInfo) -> int:
    """Gives the offset of a whole day, microseconds; `_CHANGES` where it is not one."""
    start = _clock(day * US_PER_DAY)
    found = {
        moment.replace(tzinfo=zone, fold=fold).utcoffset()
        for moment in (start, _clock((day + 1) * US_PER_DAY - 1))
        for fold in (0, 1)
    }
    offset = found.pop()
    return _CHANGES if found or offset is None else offset // _US


def _instant(local: int, zone: ZoneInfo) -> int:
    offsets = [_clock(local).replace(tzinfo=zone, fold=fold).utcoffset() or timedelta() for fold in (0, 1)]
    return local - min(offsets) // _US


def _local_day(us: int, zone: ZoneInfo) -> int:
    return (_clock(us).astimezone(zone).replace(tzinfo=UTC) - _EPOCH) // _DAY


def _clock(us: int) -> datetime:
    """Gives a moment, bounded to the years 1 to 9999 without their first and last day."""
    return _EPOCH + timedelta(microseconds=min(max(us, _EARLIEST), _LATEST))
