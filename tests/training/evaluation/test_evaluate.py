from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.support.backtests import judged_world, origin
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import BacktestPredictions, NothingToEvaluateError, level_shifts
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.baselines.unrestricted import UNRESTRICTED
from training.evaluation.evaluate import CREATION, GRID, UNSEEN, evaluate
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Bootstrap
from training.promotion.gate_inputs import gather_gate_inputs


def _evaluate(predictions: BacktestPredictions) -> Evaluation:
    return evaluate(predictions, Bootstrap(3, 200))


def test_evaluate__gives_the_metrics_in_the_order_that_is_printed() -> None:
    evaluation = _evaluate(judged_world())

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


def test_evaluate__finds_the_truth_better_than_every_yardstick() -> None:
    evaluation = _evaluate(judged_world())

    assert all(difference.high < 0 for difference in evaluation.differences.values())
    assert set(evaluation.differences) == {BASE_RATE, LOGISTIC, UNRESTRICTED}
    assert evaluation.cost_of_additivity is not None
    assert evaluation.cost_of_additivity.high < 0


def test_evaluate__has_no_price_of_readability_without_the_yardstick() -> None:
    predictions = judged_world()
    kept = {name: predictions.log_odds[name] for name in (SCORECARD, BASE_RATE)}

    evaluation = _evaluate(replace(predictions, log_odds=kept))

    assert evaluation.cost_of_additivity is None


def test_evaluate__groups_are_parts_of_the_whole() -> None:
    predictions = judged_world()

    evaluation = _evaluate(predictions)

    assert evaluation.populations[GRID]["auc"].n + evaluation.populations[CREATION]["auc"].n == 3_000
    assert evaluation.populations[UNSEEN]["auc"].n == predictions.is_unseen.sum()
    assert [record["examples"] for record in evaluation.by_origin] == [1_000, 1_000, 1_000]
    assert sum(record["conversions"] for record in evaluation.by_origin) == predictions.converted.sum()


def test_evaluate__the_shift_applied_moves_the_level_and_nothing_else() -> None:
    too_high = judged_world(shift=0.5)
    corrected = replace(too_high, applied=(-0.5, -0.5, -0.5))

    before, after = _evaluate(too_high), _evaluate(corrected)

    assert before.metrics["calibration_in_the_large"].value > 1.25
    assert after.metrics["calibration_in_the_large"].value == pytest.approx(1.0, abs=0.08)
    assert after.metrics["auc"] == before.metrics["auc"]
    assert after.level_before_shift.value == pytest.approx(before.metrics["calibration_in_the_large"].value)


def test_evaluate__refuses_tests_without_a_conversion() -> None:
    predictions = judged_world()
    none = replace(predictions, converted=np.zeros(3_000, dtype=np.bool_))

    with pytest.raises(NothingToEvaluateError, match=r"Of 3000 test .* 0 converted within 30 days"):
        _evaluate(none)


def test_level_shifts__an_origin_uses_only_those_that_had_matured_by_then() -> None:
    # Matured at days 130, 131 and 150: the last origin, at day 130, knows the first one's shift to the tick.
    origins = (
        origin(100, matured_day=130),
        origin(110, matured_day=131),
        origin(130, matured_day=150),
    )
    log_odds = [np.zeros(4)] * 3
    converted = [np.array([True, True, True, False])] * 3  # log(3) each

    shifts, applied = level_shifts(origins, log_odds, converted)

    assert shifts == pytest.approx((np.log(3),) * 3)
    assert applied == pytest.approx((0.0, 0.0, np.log(3) / 2))


def test_level_shifts__an_origin_where_nothing_happened_says_nothing() -> None:
    origins = (origin(100, matured_day=101), origin(110, matured_day=150))

    shifts, applied = level_shifts(origins, [np.zeros(3)] * 2, [np.zeros(3, dtype=np.bool_)] * 2)

    assert shifts == (None, None)
    assert applied == (0.0, 0.0)


def test_gather_gate_inputs__counts_leads_not_examples() -> None:
    predictions = judged_world()

    evidence = gather_gate_inputs(
        predictions, _evaluate(predictions), problems=(), champion=None, bootstrap=Bootstrap(1, 200)
    )

    assert (
        evidence.conversions
        == len(np.unique(predictions.lead[predictions.converted]))
        < predictions.converted.sum()
    )
    assert evidence.against_champion is None
    assert evidence.levels == pytest.approx((1, 1, 1), abs=0.15)


def test_gather_gate_inputs__of_the_same_promises_as_the_champion_is_zero() -> None:
    predictions = judged_world()

    evidence = gather_gate_inputs(
        predictions,
        _evaluate(predictions),
        problems=(),
        champion=predictions.predicted,
        bootstrap=Bootstrap(1, 200),
    )

    assert evidence.against_champion is not None
    assert evidence.capture_against_champion is not None
    assert (evidence.against_champion.low, evidence.against_champion.high) == (0, 0)
    assert (evidence.capture_against_champion.low, evidence.capture_against_champion.high) == (0, 0)


def test_gather_gate_inputs__finds_a_champion_that_knew_more() -> None:
    predictions = judged_world()
    worse = replace(
        predictions, log_odds=dict(predictions.log_odds) | {SCORECARD: predictions.log_odds[BASE_RATE]}
    )

    evidence = gather_gate_inputs(
        worse, _evaluate(worse), problems=(), champion=predictions.predicted, bootstrap=Bootstrap(1, 200)
    )

    assert evidence.against_champion is not None
    assert evidence.against_champion.low > 0.02
    assert all(segment.low > 0.02 for segment in evidence.segments.values())
    assert set(evidence.segments) == {GRID, CREATION}  # the unseen leads hold fewer than 200 conversions
