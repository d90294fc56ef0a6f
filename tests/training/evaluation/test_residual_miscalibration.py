from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.residual_miscalibration import find_misfit
from training.metrics.bootstrap import Bootstrap

BOOTSTRAP = Bootstrap(1, 200)


def pulled_towards(middle: float) -> BacktestPredictions:
    """Predictions that lie, below some log-odds, halfway between these and the truth."""
    predictions = backtest_predictions(n=60_000)
    true = predictions.log_odds[SCORECARD]
    predicted = np.where(true < middle, (true + middle) / 2, true)
    return replace(predictions, log_odds=predictions.log_odds | {SCORECARD: predicted})


def test_find_misfit__finds_how_far_and_where() -> None:
    found = find_misfit(pulled_towards(-1.5), BOOTSTRAP)

    # Predicted is -2.0, the truth is -2.5.
    assert found is not None
    assert found.at(np.array([-2.0])) == pytest.approx(0.5, abs=0.15)
    assert found.at(np.array([0.0])) == pytest.approx(0.0, abs=0.1)


def test_find_misfit__does_not_take_chance_for_an_error() -> None:
    found = find_misfit(backtest_predictions(n=60_000), BOOTSTRAP)

    assert found is not None
    assert found.spread.max() < 0.1


def test_find_misfit__joins_bins_until_thirty_leads_converted() -> None:
    # Of 400 leads some 80 convert, two examples each: two bins of thirty instead of fifteen bins.
    predictions = backtest_predictions(n=800)
    converting = len(np.unique(predictions.lead[predictions.converted]))

    found = find_misfit(predictions, BOOTSTRAP)

    assert found is not None
    assert 60 <= converting < 90
    assert len(found.log_odds) == 2


def test_find_misfit__none_where_hardly_anyone_converted() -> None:
    predictions = backtest_predictions(n=600)
    few = predictions.converted & (predictions.lead < 60)

    assert find_misfit(replace(predictions, converted=few), BOOTSTRAP) is None


def test_find_misfit__none_where_everyone_converted() -> None:
    predictions = backtest_predictions(n=600)

    assert find_misfit(replace(predictions, converted=np.ones(600, dtype=np.bool_)), BOOTSTRAP) is None
