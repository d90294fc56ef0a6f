from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import backtest_predictions
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions, NothingToEvaluateError
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.baselines.unrestricted import UNRESTRICTED
from training.evaluation.evaluate import evaluate
from training.evaluation.figure_parts import CREATION, GRID, UNSEEN
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Bootstrap


def _evaluate(predictions: BacktestPredictions) -> Evaluation:
    return evaluate(predictions, Bootstrap(3, 200))


def test_evaluate__gives_the_metrics_in_the_order_that_is_printed() -> None:
    evaluation = _evaluate(backtest_predictions())

    assert list(evaluation.metrics) == [
        "auc",
        "average_precision",
        "log_loss",
        "log_loss_skill",
        "brier",
        "brier_skill",
        "calibration_in_the_large",
        "calibration_error",
        "lift_at_10",
    ]
    assert evaluation.metrics["auc"].n == 3_000


def test_evaluate__finds_the_truth_better_than_every_baseline() -> None:
    evaluation = _evaluate(backtest_predictions())

    assert all(difference.high < 0 for difference in evaluation.differences.values())
    assert set(evaluation.differences) == {BASE_RATE, LOGISTIC, UNRESTRICTED}
    assert evaluation.cost_of_additivity is not None
    assert evaluation.cost_of_additivity.high < 0


def test_evaluate__has_no_cost_of_additivity_without_its_baseline() -> None:
    predictions = backtest_predictions()
    kept = {name: predictions.log_odds[name] for name in (SCORECARD, BASE_RATE)}

    evaluation = _evaluate(replace(predictions, log_odds=kept))

    assert evaluation.cost_of_additivity is None


def test_evaluate__populations_add_up_to_the_whole() -> None:
    predictions = backtest_predictions()

    evaluation = _evaluate(predictions)

    assert evaluation.populations[GRID]["auc"].n + evaluation.populations[CREATION]["auc"].n == 3_000
    assert evaluation.populations[UNSEEN]["auc"].n == predictions.is_unseen.sum()
    assert [record["examples"] for record in evaluation.by_origin] == [1_000, 1_000, 1_000]
    assert sum(record["conversions"] for record in evaluation.by_origin) == predictions.converted.sum()


def test_evaluate__the_shift_applied_moves_the_level_and_nothing_else() -> None:
    too_high = backtest_predictions(shift=0.5)
    corrected = replace(too_high, applied=(-0.5, -0.5, -0.5))

    before, after = _evaluate(too_high), _evaluate(corrected)

    assert before.metrics["calibration_in_the_large"].value > 1.25
    assert after.metrics["calibration_in_the_large"].value == pytest.approx(1.0, abs=0.08)
    assert after.metrics["auc"] == before.metrics["auc"]
    assert after.level_before_shift.value == pytest.approx(before.metrics["calibration_in_the_large"].value)


def test_evaluate__refuses_tests_without_a_conversion() -> None:
    predictions = backtest_predictions()
    none = replace(predictions, converted=np.zeros(3_000, dtype=np.bool_))

    with pytest.raises(NothingToEvaluateError, match=r"Of 3000 test .* 0 converted within 30 days"):
        _evaluate(none)


def test_evaluate__draws_accounts_where_they_are_given() -> None:
    predictions = backtest_predictions()
    # Ten leads to an account: the same number of examples, a tenth of the clusters.
    alone = evaluate(predictions, Bootstrap(3, 300)).metrics["calibration_in_the_large"]

    joined = evaluate(replace(predictions, cluster=predictions.lead // 10), Bootstrap(3, 300))

    assert joined.metrics["calibration_in_the_large"].value == alone.value
    assert joined.metrics["calibration_in_the_large"] != alone
