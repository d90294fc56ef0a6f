from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.backtesting.jobs import SCORECARD
from training.evaluation.evaluate import evaluate
from training.metrics.bootstrap import Bootstrap
from training.promotion.gate import ORIGIN_LEVEL
from training.promotion.gate_inputs import gather_gate_inputs, levels_of_origins
from training.promotion.rows import is_outside


def test_gather_gate_inputs__counts_leads_not_examples() -> None:
    predictions = backtest_predictions()

    inputs = gather_gate_inputs(predictions, evaluate(predictions, Bootstrap(3, 200)), problems=())

    assert (
        inputs.conversions
        == len(np.unique(predictions.lead[predictions.converted]))
        < predictions.converted.sum()
    )
    assert inputs.champion is None
    assert [level.value for level in inputs.levels] == pytest.approx((1, 1, 1), abs=0.15)


def test_levels_of_origins__by_hand() -> None:
    predictions = backtest_predictions(n=12)
    # One origin of four leads, two examples each: half of each is promised, one lead converts at both.
    predictions = replace(
        predictions,
        origins=predictions.origins[:1],
        origin=np.zeros(8, dtype=np.int64),
        lead=np.array([0, 0, 1, 1, 2, 2, 3, 3]),
        converted=np.array([True, True, *[False] * 6]),
        log_odds={SCORECARD: np.zeros(8)},
    )

    level = levels_of_origins(predictions)[0]

    # Promised 4, happened 2: level 2. Residuals by lead: 1 - 2 * 2 = -3, and three times 1; their squares add
    # up to 12. Half the width of the logarithm: 1.96 * sqrt(12) / 4 = 1.697.
    assert level.value == 2
    assert np.log([level.low, level.high]) == pytest.approx(np.log(2) + np.array([-1, 1]) * 1.6974, abs=1e-3)


def test_levels_of_origins__without_a_conversion_go_by_the_leads_that_would_have_converted() -> None:
    predictions = backtest_predictions()
    last = predictions.origin == 2
    predictions = replace(predictions, converted=predictions.converted & ~last)

    level = levels_of_origins(predictions)[2]

    # No conversion among so many promised ones: with 95 % over three origins less than -log(0.05 / 6) = 4.79.
    promised = (1 / (1 + np.exp(-predictions.predicted[last]))).sum()
    assert level.value == level.high == np.inf
    assert level.low == pytest.approx(promised / 2 / 4.787, rel=0.01)


def test_levels_of_origins__a_calibrated_model_hardly_ever_fails_at_33_conversions_an_origin() -> None:
    failures = 0
    for seed in range(200):
        # 396 examples of 198 leads in three origins: 66 leads each, of which about 33 in 2 examples convert.
        made = backtest_predictions(seed, n=396)
        rng = np.random.default_rng(seed)
        converted = np.repeat(rng.random(198) < 0.5, 2)
        predictions = replace(made, converted=converted, log_odds={SCORECARD: np.zeros(396)})
        failures += any(is_outside(level, ORIGIN_LEVEL) for level in levels_of_origins(predictions))

    assert failures <= 2  # of 200; the worst point estimate fails in far more
