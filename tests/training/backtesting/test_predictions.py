from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.times import US_PER_DAY, format_time
from tests.support.backtests import origin
from training.backtesting.jobs import SCORECARD
from training.backtesting.predictions import (
    BacktestPredictions,
    level_shifts,
    pooled_failures,
    pooled_models,
)

DAY = US_PER_DAY


def backtest_of(converted: list[list[bool]], *matured_days: int) -> BacktestPredictions:
    """Test examples of different leads at origins ten days apart, predicted at even odds."""
    number = np.repeat(np.arange(len(converted)), [len(each) for each in converted])
    n = len(number)
    return BacktestPredictions(
        origins=tuple(
            origin(100 + 10 * place, matured_day=matured) for place, matured in enumerate(matured_days)
        ),
        origin=number,
        lead=np.arange(n),
        as_of=(101 + 10 * number) * DAY,
        converted=np.concatenate(converted),
        from_creation=np.zeros(n, dtype=np.bool_),
        is_unseen=np.zeros(n, dtype=np.bool_),
        log_odds={SCORECARD: np.zeros(n)},
        shifts=(),
        applied=(),
        horizon_days=30.0,
    )


THREE_OF_FOUR = [True, True, True, False]  # log(3)


def test_level_shifts__an_origin_uses_only_those_that_had_matured_by_then() -> None:
    # The third origin, at day 120, knows the second one's shift to the tick; the last not the third's.
    predictions = backtest_of([THREE_OF_FOUR] * 4, 110, 120, 131, 160)

    shifts, applied = level_shifts(predictions, predictions.log_odds[SCORECARD])

    assert shifts == pytest.approx((np.log(3),) * 4)
    # One test alone shifts nothing, two shift by two thirds.
    assert applied == pytest.approx((0.0, 0.0, np.log(3) * 2 / 3, np.log(3) * 2 / 3))


def test_level_shifts__an_origin_uses_outcomes_as_they_were_known_then() -> None:
    predictions = backtest_of([THREE_OF_FOUR] * 3, 110, 120, 150)
    # At day 120 one conversion of either earlier origin had not been reported, and an example was not final.
    then = np.array([1, 1, 0, np.nan] * 2 + [np.nan] * 4)
    nothing = np.full(12, np.nan)
    predictions = replace(predictions, known=(nothing, nothing, then))

    shifts, applied = level_shifts(predictions, predictions.log_odds[SCORECARD])

    assert shifts == pytest.approx((np.log(3),) * 3)
    assert applied == pytest.approx((0.0, 0.0, np.log(2) * 2 / 3))


def test_level_shifts__an_origin_without_conversions_has_none() -> None:
    predictions = backtest_of([[False] * 3] * 2, 101, 150)

    shifts, applied = level_shifts(predictions, predictions.log_odds[SCORECARD])

    assert shifts == (None, None)
    assert applied == (0.0, 0.0)


def test_pooled_models__a_model_that_failed_at_one_origin_has_no_figures() -> None:
    first, second = {"base_rate": np.zeros(2), "logistic": np.ones(2)}, {"base_rate": np.ones(1)}

    pooled = pooled_models([first, second], [2, 1], failed=["logistic"])

    assert {name: odds.tolist() for name, odds in pooled.items()} == {"base_rate": [0.0, 0.0, 1.0]}


def test_pooled_models__a_model_that_was_not_to_be_fitted_at_an_origin_has_no_prediction_there() -> None:
    first, second = {"base_rate": np.zeros(2)}, {"base_rate": np.ones(1), "logistic": np.ones(1)}

    pooled = pooled_models([first, second], [2, 1], failed=[])

    assert np.array_equal(pooled["logistic"], [np.nan, np.nan, 1.0], equal_nan=True)


def test_pooled_failures__names_the_first_origin_and_counts_the_others() -> None:
    origins = [origin(day, matured_day=day + 1) for day in (100, 110, 120)]
    reasons: list[dict[str, str]] = [
        {},
        {"logistic": "ValueError: no column"},
        {"logistic": "ValueError: another"},
    ]

    failed = pooled_failures([*zip(origins, reasons, strict=True)])

    day = format_time(origins[1].at)[:10]
    assert failed == {"logistic": f"at the origin {day}: ValueError: no column (and at 1 more)"}
