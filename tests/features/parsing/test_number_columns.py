"""Numbers, and cells that are none: missing ones are no fault."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as some

from features.history.text_rule import FIRST_RULE, TEXT_RULE, TextRule
from features.parsing.number_columns import as_numbers
from features.parsing.time_columns import NO_TIME, as_times
from tests.support.builders import at

CELLS = ["5", "-", "n/a", "NULL", "", None, "1e3", "-.5", "about 50", "inf", "NaN", "n/a "]


def read(cells: list[str | None], rule: TextRule) -> tuple[list[float], list[bool]]:
    numbers = as_numbers(pa.chunked_array([cells]), rule)
    assert numbers is not None
    return numbers[0].tolist(), numbers[1].tolist()


def test_as_numbers__takes_spelled_missing_cells_and_a_dash_for_missing() -> None:
    numbers, is_faulty = read(CELLS, TEXT_RULE)

    nan = np.nan
    assert np.array_equal(
        numbers, [5, nan, nan, nan, nan, nan, 1000, -0.5, nan, np.inf, nan, nan], equal_nan=True
    )
    assert [cell for cell, is_one in zip(CELLS, is_faulty, strict=True) if is_one] == ["about 50", "n/a "]


def test_as_numbers__of_the_first_rule_finds_fault_with_all_of_them() -> None:
    _, is_faulty = read(CELLS, FIRST_RULE)

    faults = [cell for cell, is_one in zip(CELLS, is_faulty, strict=True) if is_one]
    assert faults == ["-", "n/a", "NULL", "about 50", "n/a "]


def test_as_numbers__takes_booleans_as_texts_for_what_a_column_of_booleans_is() -> None:
    cells = ["true", "FALSE", "True", "truely", None, "2"]

    numbers, is_faulty = read(cells, TEXT_RULE)

    booleans = as_numbers(pa.chunked_array([[True, False]]), TEXT_RULE)
    assert booleans is not None
    assert numbers[:2] == booleans[0].tolist() == [1, 0]
    assert np.array_equal(numbers[2:], [1, np.nan, np.nan, 2], equal_nan=True)
    assert is_faulty == [False, False, False, True, False, False]
    assert read(cells, FIRST_RULE)[1] == [True, True, True, True, False, False]


@settings(deadline=None)
@given(some.lists(some.floats() | some.text(max_size=6)))
def test_as_numbers__reads_among_other_texts_what_it_reads_alone(cells: list[float | str]) -> None:
    texts: list[str | None] = [cell if isinstance(cell, str) else repr(cell) for cell in cells]
    alone = [read([text], TEXT_RULE) for text in texts]

    numbers, is_faulty = read([*texts, "no number"], TEXT_RULE)

    assert np.array_equal(numbers[:-1], [values[0] for values, _ in alone], equal_nan=True)
    assert is_faulty == [*(faulty[0] for _, faulty in alone), True]


@settings(deadline=None)
@given(
    some.lists(some.decimals(allow_nan=False, allow_infinity=False, places=4, max_value=10**20), min_size=1)
)
def test_as_numbers__of_decimals_are_the_nearest_doubles(decimals: list[Decimal]) -> None:
    numbers = as_numbers(pa.chunked_array([pa.array(decimals, pa.decimal256(60, 4))]), TEXT_RULE)

    assert numbers is not None
    assert numbers[0].tolist() == [float(number) for number in decimals]


def test_as_times__takes_spelled_missing_cells_and_a_dash_for_missing() -> None:
    times = as_times(pa.chunked_array([["2026-01-02T00:00:00Z", "-", "n/a", "", "soon"]]), TEXT_RULE)

    assert times is not None
    assert times.us.tolist() == [at(1), NO_TIME, NO_TIME, NO_TIME, NO_TIME]
    assert times.faulty.tolist() == [False, False, False, False, True]
