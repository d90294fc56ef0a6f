"""The cells with one meaning decide for the whole column, in whatever parts it is read."""

from __future__ import annotations

from functools import reduce

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.history.settings import NUMBER_FORMATS
from features.parsing.marks import NO_MARKS, Marks, decide
from features.parsing.written_numbers import number_marks
from features.parsing.written_times import ORDERS, time_marks

POINT, COMMA = NUMBER_FORMATS
DAY, MONTH = ORDERS


@pytest.mark.parametrize(
    ("cells", "format_", "fault"),
    [
        (["1", "2.5", "1.234"], None, ""),
        (["1", "12%", "$5", "1 000"], None, ""),
        (["1,234.50", "4,088"], POINT, ""),
        (["2.5", "4,088"], POINT, ""),
        (["0.123", "4,088"], POINT, ""),
        (["1,234,567"], POINT, ""),
        (["12,5", "1.234"], COMMA, ""),
        (["1.234.567", "4,088"], COMMA, ""),
        (["12,5", "2.5"], None, ""),
        (["4,088"], None, "undecided"),
        (["4,088", "1.234"], None, "undecided"),
        (["12,5", "2.5", "4,088"], None, "contradicted"),
        (["12,5", "2.5", "1.234"], None, "contradicted"),
    ],
)
def test_decide__takes_the_decimal_mark_of_numbers_with_one_meaning(
    cells: list[str], format_: str | None, fault: str
) -> None:
    decision = decide(number_marks(pa.array(cells)), NUMBER_FORMATS)

    assert (decision.format, decision.fault) == (format_, fault)


@pytest.mark.parametrize(
    ("cells", "format_", "fault"),
    [
        (["2016-10-20", "2016/10/20", "20-Oct-2016", "05/05/2016"], None, ""),
        (["10/20/2016", "03/04/2016"], MONTH, ""),
        (["20.10.2016", "03.04.2016 14:05"], DAY, ""),
        (["10/20/2016", "20/10/2016"], None, "contradicted"),
        (["03/04/2016"], None, "undecided"),
        (["3/25/16"], None, "undecided"),
        (["3/25/16", "3/25/2016"], MONTH, ""),
        (["31/31/2016"], None, ""),
    ],
)
def test_decide__takes_the_order_of_dates_with_one_meaning(
    cells: list[str], format_: str | None, fault: str
) -> None:
    decision = decide(time_marks(pa.chunked_array([cells])), ORDERS)

    assert (decision.format, decision.fault) == (format_, fault)


@pytest.mark.parametrize(
    ("stated", "cells", "fault"),
    [
        (COMMA, ["4,088", "1.234"], ""),
        (POINT, ["4,088"], ""),
        (COMMA, ["2.5"], "contradicted"),
        (POINT, ["12,5"], "contradicted"),
    ],
)
def test_decide__keeps_what_is_stated(stated: str, cells: list[str], fault: str) -> None:
    decision = decide(number_marks(pa.array(cells)), NUMBER_FORMATS, stated)  # type: ignore[arg-type]

    assert (decision.format, decision.fault) == (stated, fault)


NUMBERS = st.sampled_from(["1", "2.5", "1.234", "4,088", "12,5", "1,234.5", "1.234,5", "x", "9.999", "$7"])
DATES = st.sampled_from(
    ["2016-10-20", "10/20/2016", "20/10/2016", "03/04/2016", "01/02/2016", "3/25/16", "x"]
)


@given(st.lists(st.lists(NUMBERS, max_size=4), max_size=4), st.lists(st.lists(DATES, max_size=4), max_size=4))
def test_merged__marks_of_parts_are_those_of_the_whole(
    numbers: list[list[str]], dates: list[list[str]]
) -> None:
    whole_numbers = number_marks(pa.array([cell for part in numbers for cell in part], pa.string()))
    whole_dates = time_marks(pa.chunked_array([[cell for part in dates for cell in part]], pa.string()))

    parts = [number_marks(pa.array(part, pa.string())) for part in numbers]
    of_dates = [time_marks(pa.chunked_array([part], pa.string())) for part in dates]

    assert reduce(Marks.merged, parts, NO_MARKS) == whole_numbers
    assert reduce(Marks.merged, reversed(of_dates), NO_MARKS) == whole_dates
