from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.backtests import backtest_predictions, origin
from training.backtesting.jobs import SCORECARD
from training.evaluation.recalibration import ISOTONIC, LEVEL_SHIFT, NONE, SIGMOID, recalibrations
from training.metrics.formulas import log_losses


def test_recalibrations__know_only_origins_that_had_matured() -> None:
    # Matured at days 120 and 160: the last origin, at day 120, knows the first to the tick, not the second.
    origins = (origin(100, matured_day=120), origin(110, matured_day=160), origin(120, matured_day=160))
    predictions = replace(backtest_predictions(shift=1.0), origins=origins)
    changed = predictions.converted.copy()
    changed[predictions.origin == 1] = ~changed[predictions.origin == 1]

    ways, could_learn = recalibrations(predictions)
    again, _ = recalibrations(replace(predictions, converted=changed))

    assert could_learn.tolist() == (predictions.origin == 2).tolist()
    for name in (SIGMOID, ISOTONIC):
        np.testing.assert_array_equal(ways[name][~could_learn], predictions.log_odds[SCORECARD][~could_learn])
        np.testing.assert_array_equal(ways[name][could_learn], again[name][could_learn])


def test_recalibrations__set_a_wrong_level_right() -> None:
    origins = tuple(origin(day, matured_day=day + 5) for day in (100, 110, 120))
    predictions = replace(backtest_predictions(shift=1.5), origins=origins)

    ways, could_learn = recalibrations(predictions)

    losses = {
        name: log_losses(predicted, predictions.converted)[could_learn].mean()
        for name, predicted in ways.items()
    }
    assert losses[NONE] == losses[LEVEL_SHIFT]  # none is applied in this world
    assert losses[SIGMOID] < losses[NONE] - 0.05
    assert losses[ISOTONIC] < losses[NONE] - 0.05
