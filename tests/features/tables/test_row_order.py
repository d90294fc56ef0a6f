"""One order of rows, whatever order they came in and however far apart their moments lie."""

from __future__ import annotations

import numpy as np
import pytest

from features.tables.row_order import order_rows
from features.times import NEVER_US


@pytest.mark.parametrize("latest", [9, 2**40, NEVER_US])
def test_order_rows__is_that_of_all_columns_compared(latest: int) -> None:
    random = np.random.default_rng(1)
    group, tie = random.integers(0, 20, (2, 2_000))
    moment = random.choice([-5, 0, 1, latest], 2_000)

    order = order_rows(group, moment, [tie])

    expected = np.lexsort([tie, moment, group])
    for column in (group, moment, tie):
        assert column[order].tolist() == column[expected].tolist()


def test_order_rows__leaves_rows_that_are_in_order() -> None:
    assert order_rows(np.array([0, 0, 2]), np.array([1, 2, 0]), []).tolist() == [0, 1, 2]


def test_order_rows__of_nothing_is_nothing() -> None:
    assert order_rows(np.empty(0, np.int64), np.empty(0, np.int64), []).tolist() == []
