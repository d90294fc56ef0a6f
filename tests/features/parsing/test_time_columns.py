"""Times of exports: zones written out, a small z, numbers of seconds since 1970."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.history.text_rule import TEXT_RULE
from features.parsing.time_columns import NO_TIME, as_times
from features.times import parse_time

NOON = parse_time("2023-05-01T12:00:00Z", item="noon")


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


def test_as_times__a_time_without_a_zone_stays_naive() -> None:
    times = as_times(pa.chunked_array([["2023-05-01 12:00:00", "2023-05-01 12:00:00 UTC"]]), TEXT_RULE)

    assert times is not None
    assert times.naive.tolist() == [True, False]
