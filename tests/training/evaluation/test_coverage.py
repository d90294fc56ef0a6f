from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.evaluation.coverage import coverage


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.8, 1.0), (1.5, 0.0, 0.4)])
def test_coverage__is_high_for_the_truth_and_low_when_the_level_is_wrong(
    shift: float, least: float, most: float
) -> None:
    predictions = replace(backtest_predictions(shift=shift), shifts=(0.0, 0.0, 0.0))

    found = coverage(predictions, np.zeros(3_000))

    assert found is not None
    assert least <= found.value <= most
    assert found.n == 45


def test_coverage__wider_ranges_cover_more() -> None:
    predictions = backtest_predictions(shift=0.7)

    narrow, wide = coverage(predictions, np.zeros(3_000)), coverage(predictions, np.full(3_000, 1.0))

    assert narrow is not None
    assert wide is not None
    assert narrow.value < 0.9 < wide.value
