from __future__ import annotations

import numpy as np
import pytest

from features.times import format_time
from tests.support.backtests import origin
from training.backtesting.predictions import level_shifts, pooled_failures, pooled_models


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


def test_level_shifts__an_origin_without_conversions_has_none() -> None:
    origins = (origin(100, matured_day=101), origin(110, matured_day=150))

    shifts, applied = level_shifts(origins, [np.zeros(3)] * 2, [np.zeros(3, dtype=np.bool_)] * 2)

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
