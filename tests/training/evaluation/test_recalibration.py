from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import judged_world, origin
from training.backtesting.jobs import SCORECARD
from training.baselines.calibrators import isotonic_log_odds
from training.evaluation.coverage import coverage
from training.evaluation.recalibration import ISOTONIC, LEVEL_SHIFT, NONE, SIGMOID, recalibrations
from training.metrics.formulas import log_losses


def test_recalibrations__know_only_origins_that_had_matured() -> None:
    # Matured at days 120 and 160: the last origin, at day 120, knows the first to the tick, not the second.
    origins = (origin(100, matured_day=120), origin(110, matured_day=160), origin(120, matured_day=160))
    predictions = replace(judged_world(shift=1.0), origins=origins)
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
    predictions = replace(judged_world(shift=1.5), origins=origins)

    ways, could_learn = recalibrations(predictions)

    losses = {
        name: log_losses(predicted, predictions.converted)[could_learn].mean()
        for name, predicted in ways.items()
    }
    assert losses[NONE] == losses[LEVEL_SHIFT]  # none is applied in this world
    assert losses[SIGMOID] < losses[NONE] - 0.05
    assert losses[ISOTONIC] < losses[NONE] - 0.05


def test_isotonic_log_odds__never_promise_with_certainty() -> None:
    answers = isotonic_log_odds(np.array([0.0, 1.0]), np.array([False, True]), np.array([-9.0, 0.0, 9.0]))

    # Half a conversion of two to either side: 1 in 4 and 3 in 4.
    assert answers == pytest.approx(np.log([1 / 3, 1 / 3, 3]))


@pytest.mark.parametrize(("shift", "least", "most"), [(0.0, 0.8, 1.0), (1.5, 0.0, 0.4)])
def test_coverage__is_high_for_the_truth_and_low_when_the_level_is_wrong(
    shift: float, least: float, most: float
) -> None:
    predictions = replace(judged_world(shift=shift), shifts=(0.0, 0.0, 0.0))

    found = coverage(predictions, np.zeros(3_000))

    assert found is not None
    assert least <= found.value <= most
    assert found.n == 45


def test_coverage__wider_ranges_cover_more() -> None:
    predictions = judged_world(shift=0.7)

    narrow, wide = coverage(predictions, np.zeros(3_000)), coverage(predictions, np.full(3_000, 1.0))

    assert narrow is not None
    assert wide is not None
    assert narrow.value < 0.9 < wide.value
