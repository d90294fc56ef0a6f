"""Dates and times of exports, in each order."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from features.history.settings import Format
from features.history.text_rule import TEXT_RULE
from features.parsing.attribute_values import infer_type
from features.parsing.text_columns import as_texts
from features.parsing.time_columns import NO_TIME, as_times
from features.parsing.written_times import Order, read_time
from features.times import format_time


@pytest.mark.parametrize(
    ("text", "order", "read"),
    [
        ("10/20/2016", "month/day/year", "2016-10-20 00:00:00"),
        ("3.4.2016", "day/month/year", "2016-04-03 00:00:00"),
        ("3-4-2016", "month/day/year", "2016-03-04 00:00:00"),
        ("1/5/26", "month/day/year", "2026-01-05 00:00:00"),
        ("1/5/69", "month/day/year", "1969-01-05 00:00:00"),
        ("10/20/2016, 2:05 PM", "month/day/year", "2016-10-20 14:05:00"),
        ("10/20/2016 12:05 a.m.", "month/day/year", "2016-10-20 00:05:00"),
        ("10/20/2016 14:05:06.5", "month/day/year", "2016-10-20 14:05:06.500000"),
        ("20/10/2016 14:05 +0200", "day/month/year", "2016-10-20 14:05:00+02:00"),
        ("20/10/2016 14:05 UTC", "day/month/year", "2016-10-20 14:05:00+00:00"),
        ("2016/10/20 14:05", None, "2016-10-20 14:05:00"),
        ("2016.1.2", None, "2016-01-02 00:00:00"),
        ("20-Oct-2016", None, "2016-10-20 00:00:00"),
        ("2 October 2016 14:05", None, "2016-10-02 14:05:00"),
        ("Oct 20, 2016", None, "2016-10-20 00:00:00"),
        ("Sept 3 2016", None, "2016-09-03 00:00:00"),
        ("05/05/2016", None, "2016-05-05 00:00:00"),
        ("2016-10-20 02:05:06 PM", None, "2016-10-20 14:05:06"),
        ("20-OCT-16", None, "2016-10-20 00:00:00"),
        ("Thu, 20 Oct 2016 14:05:00 GMT", None, "2016-10-20 14:05:00+00:00"),
        ("Thu, 20 Oct 2016 14:05:00 +0200", None, "2016-10-20 14:05:00+02:00"),
        ("Thursday, October 20, 2016 2:05 PM", None, "2016-10-20 14:05:00"),
        (
            "Thu Oct 20 2016 14:05:00 GMT+0200 (Central European Summer Time)",
            None,
            "2016-10-20 14:05:00+02:00",
        ),
        ("2016-10-20 14:05:00 +0000 UTC", None, "2016-10-20 14:05:00+00:00"),
        ("2016-10-20T14:05:00+02:00[Europe/Amsterdam]", None, "2016-10-20 14:05:00+02:00"),
        ("2016-10-20 14:05:00 UTC-05:00", None, "2016-10-20 14:05:00-05:00"),
        ("2016-10-20 14:05:00 CET", None, None),
        ("2016-10-20 14:05:00 Europe/Amsterdam", None, None),
        ("Monte, 20 Oct 2016", None, None),
        ("03/04/2016", None, None),
        ("31/31/2016", "day/month/year", None),
        ("30/02/2016", "day/month/year", None),
        ("10/20/2016 13:05 PM", "month/day/year", None),
        ("10/20/2016 24:00", "month/day/year", None),
        ("10/20-2016", "month/day/year", None),
        ("Marvel 3, 2016", None, None),
        ("yesterday", None, None),
    ],
)
def test_read_time__reads_one_text(text: str, order: Order | None, read: str | None) -> None:
    made = read_time(text, order)

    assert (None if made is None else str(made[0])) == read


def test_read_time__tells_a_day_from_a_time_at_midnight() -> None:
    day, midnight = read_time("20-Oct-2016", None), read_time("20-Oct-2016 00:00", None)

    assert day == (datetime(2016, 10, 20), True)  # noqa: DTZ001
    assert midnight == (datetime(2016, 10, 20), False)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("cells", "format_", "instants"),
    [
        # In winter the clock of Amsterdam is an hour before UTC, in summer two.
        (["2016-01-20 14:05"], None, ["2016-01-20T13:05:00Z"]),
        (
            ["2016-07-20 14:05", "2016-07-20T14:05:00Z"],
            None,
            ["2016-07-20T12:05:00Z", "2016-07-20T14:05:00Z"],
        ),
        (["2016-01-20"], None, ["2016-01-20T22:59:59.999999Z"]),
        (["10/20/2016", "03/04/2016 2:05 PM"], None, ["2016-10-20T21:59:59.999999Z", "2016-03-04T13:05:00Z"]),
        (["03/04/2016"], "day/month/year", ["2016-04-03T21:59:59.999999Z"]),
        (["2016-01-20T23:30:00Z"], "date", ["2016-01-20T22:59:59.999999Z"]),
        (["2016-01-20 00:00:00"], "date", ["2016-01-20T22:59:59.999999Z"]),
        (["1453298400"], "day/month/year", ["2016-01-20T14:00:00Z"]),
    ],
)
def test_as_times__reads_local_times_and_days_in_the_zone(
    cells: list[str], format_: Format | None, instants: list[str]
) -> None:
    times = as_times(pa.chunked_array([cells]), TEXT_RULE, format_=format_, zone="Europe/Amsterdam")

    assert times is not None
    assert [format_time(us) for us in times.us.tolist()] == instants
    assert not times.faulty.any()
    assert not times.naive.any()


def test_as_times__without_a_zone_local_times_and_days_are_naive() -> None:
    times = as_times(pa.chunked_array([["10/20/2016", "2016-10-20", None, "31/31/2016"]]), TEXT_RULE)

    assert times is not None
    assert times.naive.tolist() == [True, True, False, False]
    assert times.faulty.tolist() == [False, False, False, True]
    assert times.us.tolist() == [NO_TIME] * 4


@pytest.mark.parametrize("type_", [pa.date32(), pa.timestamp("us")])
def test_as_times__reads_typed_local_times_in_the_zone(type_: pa.DataType) -> None:
    column = pa.chunked_array([pa.array(["2016-01-20", None]).cast(type_)])

    times = as_times(column, TEXT_RULE, zone="Europe/Amsterdam")

    assert times is not None
    end = "2016-01-20T22:59:59.999999Z" if type_ == pa.date32() else "2016-01-19T23:00:00Z"
    assert [format_time(us) for us in times.us[:1].tolist()] == [end]
    assert times.us[1] == NO_TIME
    assert times.is_day.tolist() == [type_ == pa.date32(), False]


@pytest.mark.parametrize(
    "cells",
    [["10/20/2016", "03/04/2016"], ["03/04/2016"], ["20-Oct-2016", "2016-10-20"], ["3.4.16", "5.6.17"]],
)
def test_infer_type__tells_dates_in_any_usual_format(cells: list[str]) -> None:
    texts = as_texts(pa.chunked_array([cells]), TEXT_RULE)

    assert texts is not None
    assert infer_type(texts, TEXT_RULE).type is None


def test_infer_type__a_category_with_a_date_among_its_values_stays_one() -> None:
    texts = as_texts(pa.chunked_array([["10/20/2016", "unknown"]]), TEXT_RULE)

    assert texts is not None
    assert infer_type(texts, TEXT_RULE).type == "category"
