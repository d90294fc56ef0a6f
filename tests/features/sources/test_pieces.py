"""Pieces whose types differ are put together without a loss, or as the texts of the rule."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from features.history.text_rule import TEXT_RULE
from features.sources.cells import NESTED, array_of_cells, nested_array
from features.sources.pieces import concatenate

BIG = 9007199254740993  # As a float it is its neighbour.


@pytest.mark.parametrize(
    ("chunks", "type_", "read"),
    [
        ([[1], [2.5]], pa.float64(), [1.0, 2.5]),
        ([[BIG], [2.5]], pa.string(), [str(BIG), "2.5"]),
        ([[1e-05], ["a"]], pa.string(), ["1e-05", "a"]),
        ([[51200000001.0], ["n/a"], ["a"]], pa.string(), ["51200000001", None, "a"]),
        ([[5], ["n/a"], [None]], pa.int64(), [5, None, None]),
        ([[True], [1], ["x"]], pa.string(), ["true", "1", "x"]),
        ([[Decimal("12345678901234567890")], ["a"]], pa.string(), ["12345678901234567890", "a"]),
        ([[{"a": 1}], [{"a": "x"}], [None]], NESTED, ['{"a": 1}', '{"a": "x"}', None]),
        ([[{"a": 1}], ["x"]], NESTED, ['{"a": 1}', '"x"']),
    ],
)
def test_concatenate__loses_nothing(chunks: list[list[Any]], type_: pa.DataType, read: list[Any]) -> None:
    tables = [pa.table({"cell": array_of_cells(cells)}) for cells in chunks]

    whole = concatenate(tables, TEXT_RULE)["cell"]

    assert whole.type == type_
    assert whole.to_pylist() == read


def test_concatenate__makes_only_the_columns_text_that_need_it() -> None:
    tables = [pa.table({"id": [1], "value": [1.5]}), pa.table({"id": ["a"], "value": [2]})]

    whole = concatenate(tables, TEXT_RULE)

    assert whole.schema.types == [pa.string(), pa.float64()]


def test_concatenate__of_nested_and_plain_chunks_is_nested() -> None:
    tables = [pa.table({"cell": nested_array([{"a": 1}])}), pa.table({"cell": pa.array([5])})]

    assert concatenate(tables, TEXT_RULE)["cell"].type == NESTED
