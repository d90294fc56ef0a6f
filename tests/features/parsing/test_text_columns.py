"""A column has the texts that each of its values has alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from features.history.text_rule import FIRST_RULE, TEXT_RULE, category_text
from features.parsing.text_columns import as_texts, plain_texts

SPELLED = ["n/a", "NULL", "a", "", None, "longer than any spelling", "none", "-", "a"]


def texts_of(column: pa.Array) -> list[str | None]:
    """The texts of a column both ways, which are the same."""
    chunked = pa.chunked_array([column.slice(0, 1), column.slice(1)])
    plain, coded = plain_texts(chunked, TEXT_RULE), as_texts(chunked, TEXT_RULE)
    assert plain is not None
    assert coded is not None
    values = [*coded.values.to_pylist(), None]
    assert len({*values}) == len(values)
    assert [values[code] for code in coded.codes] == plain.to_pylist()
    texts: list[str | None] = plain.to_pylist()
    return texts


@pytest.mark.parametrize("width", [16, 32, 64])
@settings(deadline=None)
@given(numbers=some.lists(some.none() | some.floats(width=32), min_size=1))
def test_plain_texts__of_floats_are_those_of_each_in_its_own_width(
    width: int, numbers: list[float | None]
) -> None:
    with np.errstate(over="ignore"):
        cells = np.array([np.nan if number is None else number for number in numbers], f"float{width}")

    assert texts_of(pa.array(cells)) == [category_text(cell, TEXT_RULE) for cell in cells]


@settings(deadline=None)
@given(
    some.lists(
        some.floats() | some.sampled_from([1e10, 123456789012.5, 1e-4, 9.99e-5, 2.0**53, 1e15]), min_size=1
    )
)
def test_plain_texts__of_doubles_are_those_of_each(numbers: list[float]) -> None:
    assert texts_of(pa.array(numbers)) == [category_text(number, TEXT_RULE) for number in numbers]


@settings(deadline=None)
@given(
    some.lists(some.decimals(allow_nan=False, allow_infinity=False, places=8, max_value=10**20), min_size=1)
)
def test_plain_texts__of_decimals_are_those_of_each(numbers: list[Decimal]) -> None:
    column = pa.array(numbers, pa.decimal256(60, 8))

    assert texts_of(column) == [category_text(number, TEXT_RULE) for number in numbers]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(SPELLED),
        pa.array(SPELLED, pa.large_string()),
        pa.array(SPELLED, pa.string_view()),
        pa.array(SPELLED).dictionary_encode(),
    ],
    ids=str,
)
def test_as_texts__drops_spelled_missing_cells(column: Any) -> None:
    long = "longer than any spelling"

    assert texts_of(column) == [None, None, "a", None, None, long, None, "-", "a"]


def test_as_texts__of_the_first_rule_depends_on_the_column() -> None:
    whole, mixed = pa.chunked_array([[5.0, 51200000001.0]]), pa.chunked_array([[51200000001.0, 7.5, np.nan]])

    texts = [as_texts(column, FIRST_RULE) for column in (whole, mixed)]

    assert [text.values.to_pylist() for text in texts if text] == [
        ["5", "51200000001"],
        ["5.1200000001e+10", "7.5", "nan"],
    ]


def test_as_texts__of_times_are_none() -> None:
    assert as_texts(pa.chunked_array([pa.array([0], pa.timestamp("us"))]), TEXT_RULE) is None
