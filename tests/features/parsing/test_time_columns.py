"""Times of exports: zones written out, a small z, numbers of seconds since 1970, and never."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from features.history.text_rule import TEXT_RULE
from features.parsing.time_columns import NO_TIME, as_times
from features.times import US_PER_DAY, format_time, parse_time, to_us

NOON = parse_time("2023-05-01T12:00:00Z", item="noon")
LAST, FIRST = "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "cell",
    [
        "2023-05-01 12:00:00 UTC",
        "2023-05-01T12:00:00z",
        "2023-05-01 12:00:00 GMT",
        "2023-05-01T14:00:00+02:00",
        "1682942400",
        "1682942400.0",
        "1682942400000",
        "1682942400000000",
    ],
)
def test_as_times__reads_a_text_with_one_meaning(cell: str) -> None:
    alone, beside = (as_times(pa.chunked_array([column]), TEXT_RULE) for column in ([cell], [cell, "never"]))

    assert alone is not None
    assert beside is not None
    assert alone.us.tolist() == [NOON]
    assert (beside.us.tolist(), beside.faulty.tolist()) == ([NOON, NO_TIME], [False, True])


@pytest.mark.parametrize("scale", [1, 1_000, 1_000_000])
def test_as_times__reads_numbers_by_their_size(scale: int) -> None:
    times = as_times(pa.chunked_array([[NOON // 1_000_000 * scale, None, 20230501]]), TEXT_RULE)

    assert times is not None
    assert times.us.tolist() == [NOON, NO_TIME, NO_TIME]
    assert times.faulty.tolist() == [False, False, True]


@pytest.mark.parametrize(
    ("type_", "count"),
    [
        # Times 1,000 it is 0 in the 64 bits of microseconds, which would be 1970.
        (pa.timestamp("ms", "UTC"), 2**62),
        (pa.timestamp("ms", "UTC"), -(2**62)),
        (pa.timestamp("s", "UTC"), 2**58),
        (pa.timestamp("s"), 2**58),
        (pa.date32(), 2**31 - 1),
        (pa.date64(), 86_400_000 * 10**9),
    ],
)
def test_as_times__a_count_beyond_microseconds_is_no_time(type_: pa.DataType, count: int) -> None:
    plain = pa.int32() if pa.types.is_date32(type_) else pa.int64()
    column = pa.chunked_array([pa.array([count, None, 0], plain).cast(type_)])

    times = as_times(column, TEXT_RULE, zone="UTC")

    assert times is not None
    assert times.faulty.tolist() == [True, False, False]
    assert times.us.tolist()[:2] == [NO_TIME, NO_TIME]
    assert 0 <= times.us[2] < US_PER_DAY


def test_as_times__a_time_without_a_zone_stays_naive() -> None:
    times = as_times(pa.chunked_array([["2023-05-01 12:00:00", "2023-05-01 12:00:00 UTC"]]), TEXT_RULE)

    assert times is not None
    assert times.naive.tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("9999-12-31T23:59:59.9999999Z", LAST),
        ("9999-12-31T23:59:59-05:00", LAST),
        ("9999-12-31T00:00:00Z", "9999-12-31T00:00:00Z"),
        ("0001-01-01T00:00:00Z", FIRST),
        ("0001-01-01T00:00:00+02:00", FIRST),
        ("1900-01-01T00:00:00Z", "1900-01-01T00:00:00Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_as_times__reads_what_stands_for_never(text: str, read: str) -> None:
    # A second cell, with more digits than Arrow reads, takes the column cell by cell.
    for column in ([text], [text, "2026-01-01T00:00:00.0000001Z"]):
        times = as_times(pa.chunked_array([pa.array(column)]), TEXT_RULE)

        assert times is not None
        assert not times.faulty.any()
        assert format_time(int(times.us[0])) == read


@pytest.mark.parametrize(("days", "is_faulty"), [(0, False), (1, False), (1.001, True), (400_000, True)])
def test_as_times__a_timestamp_is_bounded_by_a_day_and_faulty_beyond(days: float, is_faulty: bool) -> None:
    latest, earliest = to_us(datetime.max.replace(tzinfo=UTC)), to_us(datetime.min.replace(tzinfo=UTC))
    beyond = round(days * US_PER_DAY)
    moments = pa.array([latest + beyond, earliest - beyond, None]).cast(pa.timestamp("us", tz="UTC"))

    times = as_times(pa.chunked_array([moments]), TEXT_RULE)

    assert times is not None
    assert times.faulty.tolist() == [is_faulty, is_faulty, False]
    assert times.us.tolist() == ([NO_TIME] * 2 if is_faulty else [latest, earliest]) + [NO_TIME]
