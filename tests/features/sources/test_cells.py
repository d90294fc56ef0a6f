"""Cells of one type keep it; cells of several, or of a type without a plain column, become text."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from features.history.text_rule import FIRST_RULE
from features.sources.cells import NESTED, array_of_cells

ID = UUID("12345678-1234-5678-1234-567812345678")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
NAIVE = datetime(2026, 5, 1, 12)  # noqa: DTZ001 - what is tested is that it has no zone


@pytest.mark.parametrize(
    ("cells", "type_", "read"),
    [
        ([1, None, 3], pa.int64(), [1, None, 3]),
        ([Decimal("1.50"), None], pa.float64(), [1.5, None]),
        ([True, None], pa.bool_(), [True, None]),
        ([None, None], pa.null(), [None, None]),
        ([NOON, None], pa.timestamp("us", tz="UTC"), [NOON, None]),
        ([NAIVE, None], pa.timestamp("us"), [NAIVE, None]),
        ([1, "a", 2.0, 2.5, True, None], pa.string(), ["1", "a", "2", "2.5", "true", None]),
        ([2.0, True, None], pa.string(), ["2", "true", None]),
        ([1, np.bool_(False)], pa.string(), ["1", "false"]),
        ([True, np.bool_(False), "n/a"], pa.bool_(), [True, False, None]),
        ([np.float64(3), "a"], pa.string(), ["3", "a"]),
        ([Decimal("7.00"), None], pa.int64(), [7, None]),
        ([Decimal("NaN"), Decimal("0.3")], pa.float64(), [None, 0.3]),
        ([Decimal("1e-400"), Decimal("Infinity")], pa.float64(), [0.0, float("inf")]),
        ([Decimal("12345678901234567890")], pa.decimal128(20, 0), [Decimal("12345678901234567890")]),
        ([5, "n/a", "-", 7], pa.int64(), [5, None, None, 7]),
        ([5, "n/a", "a"], pa.string(), ["5", None, "a"]),
        # A dash is missing in columns of numbers and times only.
        ([True, "-", None], pa.string(), ["true", "-", None]),
        ([{"a": 1}, "x", None], NESTED, ['{"a": 1}', '"x"', None]),
        ([[1, 2], None], NESTED, ["[1, 2]", None]),
        ([ID, None], pa.string(), [str(ID), None]),
        ([2**70, None], pa.string(), [str(2**70), None]),
        ([NOON, NAIVE], pa.string(), ["2026-05-01 12:00:00+00:00", "2026-05-01 12:00:00"]),
    ],
)
def test_array_of_cells__keeps_one_type_and_writes_several_as_text(
    cells: list[Any], type_: pa.DataType, read: list[Any]
) -> None:
    made = array_of_cells(cells)

    assert made.type == type_
    assert made.to_pylist() == read


def test_array_of_cells__keeps_a_dash_beside_numbers_where_cells_are_texts() -> None:
    made = array_of_cells([5, "n/a", "-", 7.0], is_text=True)

    assert made.to_pylist() == ["5", None, "-", "7"]


@pytest.mark.parametrize(
    ("cells", "type_", "read"),
    [
        ([1, 0, None, 1.0], pa.bool_(), [True, False, None, True]),
        (["false", "TRUE", "0", "n/a", ""], pa.bool_(), [False, True, False, None, None]),
        (["false", 1, "perhaps"], pa.string(), ["false", "1", "perhaps"]),
    ],
)
def test_array_of_cells__reads_booleans_that_are_declared(
    cells: list[Any], type_: pa.DataType, read: list[Any]
) -> None:
    made = array_of_cells(cells, is_boolean=True)

    assert made.type == type_
    assert made.to_pylist() == read


def test_array_of_cells__of_the_first_rule_writes_objects_as_python_shows_them() -> None:
    made = array_of_cells([5.0, "n/a", True, "a"], FIRST_RULE)

    assert made.to_pylist() == ["5.0", "n/a", "True", "a"]
