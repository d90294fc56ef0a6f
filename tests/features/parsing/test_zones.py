"""Local times become instants; where clocks change, the later one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.parsing.zones import ends_of_days, starts_of_days, to_instants
from features.times import US_PER_DAY, format_time, parse_time, to_us


def local(text: str) -> int:
    """Microseconds on a local clock."""
    return parse_time(f"{text}Z")


@pytest.mark.parametrize(
    ("clock", "instant"),
    [
        ("2026-01-15T12:00:00", "2026-01-15T11:00:00Z"),
        ("2026-07-15T12:00:00", "2026-07-15T10:00:00Z"),
        # On 2026-03-29 the clock of Amsterdam goes from 2 to 3: what lies between never is.
        ("2026-03-29T01:59:59", "2026-03-29T00:59:59Z"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z"),
        ("2026-03-29T03:00:00", "2026-03-29T01:00:00Z"),
        # On 2026-10-25 it goes back from 3 to 2: what lies between is twice.
        ("2026-10-25T01:59:59", "2026-10-24T23:59:59Z"),
        ("2026-10-25T02:30:00", "2026-10-25T01:30:00Z"),
        ("2026-10-25T03:00:00", "2026-10-25T02:00:00Z"),
    ],
)
def test_to_instants__takes_the_later_where_clocks_change(clock: str, instant: str) -> None:
    made = to_instants(np.array([local(clock)]), "Europe/Amsterdam")

    assert [format_time(us) for us in made.tolist()] == [instant]


MOMENTS = st.datetimes(datetime(1901, 1, 2), datetime(2099, 1, 1))  # noqa: DTZ001
ZONES = st.sampled_from(["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"])


@given(st.lists(MOMENTS, max_size=5), ZONES)
def test_to_instants__is_the_later_meaning_of_each(moments: list[datetime], zone: str) -> None:
    clocks = np.array([to_us(moment.replace(tzinfo=UTC)) for moment in moments], np.int64)

    made = to_instants(clocks, zone)

    meanings = [
        max(to_us(moment.replace(tzinfo=ZoneInfo(zone), fold=fold)) for fold in (0, 1)) for moment in moments
    ]
    assert made.tolist() == meanings


@given(MOMENTS, ZONES)
def test_ends_of_days__are_the_last_tick_before_the_next_day(moment: datetime, zone: str) -> None:
    day = to_us(moment.replace(tzinfo=UTC)) // US_PER_DAY

    end = ends_of_days(np.array([day]), zone)

    assert starts_of_days(end + 1, zone).tolist() == (end + 1).tolist()
    clock = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(end[0]))).astimezone(
        ZoneInfo(zone)
    )
    # In Apia there was no 30th of December 2011.
    assert clock.date() in {moment.date(), moment.date() - timedelta(days=1)}
