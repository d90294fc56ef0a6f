from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.evaluation.evaluate import CREATION, GRID, evaluate
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Bootstrap
from training.promotion.gate_inputs import gather_gate_inputs


def _evaluate(predictions: BacktestPredictions) -> Evaluation:
    return evaluate(predictions, Bootstrap(3, 200))


def test_gather_gate_inputs__counts_leads_not_examples() -> None:
    predictions = backtest_predictions()

    inputs = gather_gate_inputs(
        predictions, _evaluate(predictions), problems=(), champion=None, bootstrap=Bootstrap(1, 200)
    )

    assert (
        inputs.conversions
        == len(np.unique(predictions.lead[predictions.converted]))
        < predictions.converted.sum()
    )
    assert inputs.against_champion is None
    assert inputs.levels == pytest.approx((1, 1, 1), abs=0.15)


def test_gather_gate_inputs__of_the_same_predictions_as_the_champion_is_zero() -> None:
    predictions = backtest_predictions()

    inputs = gather_gate_inputs(
        predictions,
        _evaluate(predictions),
        problems=(),
        champion=predictions.predicted,
        bootstrap=Bootstrap(1, 200),
    )

    assert inputs.against_champion is not None
    assert inputs.capture_against_champion is not None
    assert (inputs.against_champion.low, inputs.against_champion.high) == (0, 0)
    assert (inputs.capture_against_champion.low, inputs.capture_against_champion.high) == (0, 0)


def test_gather_gate_inputs__finds_a_champion_that_knew_more() -> None:
    predictions = backtest_predictions()
    worse = replace(
        predictions, log_odds=dict(predictions.log_odds) | {SCORECARD: predictions.log_odds[BASE_RATE]}
    )

    inputs = gather_gate_inputs(
        worse, _evaluate(worse), problems=(), champion=predictions.predicted, bootstrap=Bootstrap(1, 200)
    )

    assert inputs.against_champion is not None
    assert inputs.against_champion.low > 0.02
    assert all(segment.low > 0.02 for segment in inputs.segments.values())
    assert set(inputs.segments) == {GRID, CREATION}  # the unseen leads hold fewer than 200 conversions
