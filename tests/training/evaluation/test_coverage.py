from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions, origin
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.coverage import Reach, coverage


def months_apart(shift: float) -> BacktestPredictions:
    """Predictions of origins that show how the level moves."""
    predictions = backtest_predictions(shift=shift)
    return replace(predictions, origins=tuple(origin(day, matured_day=day + 40) for day in (100, 150, 200)))


def evenly(spread: float) -> Reach:
    return Reach(np.full(3_000, spread), np.full(3_000, spread))


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.8, 1.0), (1.5, 0.0, 0.4)])
def test_coverage__is_high_for_the_truth_and_low_when_the_level_is_wrong(
    shift: float, least: float, most: float
) -> None:
    predictions = replace(months_apart(shift), shifts=(0.0, 0.0, 0.0))

    found = coverage(predictions, evenly(0.0))

    assert found is not None
    assert least <= found.value <= most
    assert found.n == 45


def test_coverage__wider_ranges_cover_more() -> None:
    predictions = months_apart(0.7)

    narrow, wide = coverage(predictions, evenly(0.0)), coverage(predictions, evenly(1.0))

    assert narrow is not None
    assert wide is not None
    assert narrow.value < 0.9 < wide.value


@pytest.mark.parametrize(("below", "above", "covers"), [(1.0, 0.0, True), (0.0, 1.0, False)])
def test_coverage__a_range_counts_on_the_side_of_what_was_observed(
    below: float, above: float, covers: bool
) -> None:
    # The level is predicted too high, so that what was observed lies below.
    predictions = months_apart(0.7)

    narrow = coverage(predictions, evenly(0.0))
    found = coverage(predictions, Reach(np.full(3_000, below), np.full(3_000, above)))

    assert narrow is not None
    assert found is not None
    assert (found.value > narrow.value + 0.1) == covers


def test_coverage__allows_for_a_level_that_tests_close_together_do_not_show() -> None:
    predictions = backtest_predictions(shift=0.4)

    short = coverage(predictions, evenly(0.0))
    long = coverage(months_apart(0.4), evenly(0.0))

    # The three windows lie within 30 days, where 0.2 logits are added.
    assert short is not None
    assert long is not None
    assert short.value > long.value
