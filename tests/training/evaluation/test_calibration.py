from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from models.scorecard.hazards import sigmoid
from training.evaluation.calibration import calibration_line
from training.metrics.bootstrap import Bootstrap


def test_calibration_line__equals_an_unpenalised_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-1.5, 1.2, 5_000)
    converted = rng.random(5_000) < sigmoid(0.3 + 0.7 * log_odds)

    slope, intercept = calibration_line(log_odds, converted, np.arange(5_000), Bootstrap(1, 200))

    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds[:, None], converted)
    assert slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-5)
    assert intercept.value == pytest.approx(fitted.intercept_[0], abs=1e-5)
    # By Newton's steps alone, as before scikit-learn's fit stood in their place.
    assert slope.value == pytest.approx(0.6375936281324152, abs=1e-9)


def test_calibration_line__converges_where_nearly_all_predictions_are_of_lost_leads() -> None:
    # Fifty predictions near -6, none of them converts; ten around 0, which convert as predicted.
    dead = np.tile([-6.0, -5.9, -5.8, -5.7, -5.6], 10)
    alive = np.array([-1.5, -1.17, -0.83, -0.5, -0.17, 0.17, 0.5, 0.83, 1.17, 1.5])
    converted = np.isin(np.arange(60), [53, 55, 57, 58, 59])

    slope, intercept = calibration_line(
        np.concatenate([dead, alive]), converted, np.arange(60), Bootstrap(1, 1_000)
    )

    # scikit-learn's lbfgs, without a penalty: 2.03615 and -0.00028.
    assert slope.value == pytest.approx(2.03615, abs=1e-5)
    assert intercept.value == pytest.approx(-0.00028, abs=1e-5)
    # The error by the information matrix is 0.86: about 2.04 -+ 1.7.
    assert 0 < slope.low < 1 < 3 < slope.high < 4.5


@pytest.mark.parametrize(("sign", "expected"), [(1, np.inf), (-1, -np.inf)])
def test_calibration_line__of_predictions_that_separate_the_outcomes_is_infinite(
    sign: int, expected: float
) -> None:
    log_odds = sign * np.array([-3.0, -2.0, -1.0, -1.0, 0.5])
    converted = np.array([False, False, False, True, True])

    slope, intercept = calibration_line(log_odds, converted, np.arange(5), Bootstrap(1, 100))

    assert slope.value == expected
    assert json.dumps([slope.to_json(), intercept.to_json()], allow_nan=False) == json.dumps(
        [{"value": None, "low": None, "high": None, "n": 5}] * 2
    )


@given(
    st.lists(st.tuples(st.integers(-400, 400), st.booleans()), min_size=4, max_size=40),
    st.sampled_from([0.01, 0.1, 1.0]),
)
def test_calibration_line__is_where_the_likelihood_is_flat(
    rows: list[tuple[int, bool]], width: float
) -> None:
    log_odds = np.array([place for place, _ in rows]) * width
    converted = np.array([outcome for _, outcome in rows])
    assume(0 < converted.sum() < len(rows))
    assume(np.ptp(log_odds) > 0)
    assume(log_odds[~converted].max() > log_odds[converted].min())
    assume(log_odds[converted].max() > log_odds[~converted].min())

    slope, intercept = calibration_line(log_odds, converted, np.arange(len(rows)), Bootstrap(1, 50))

    rest = converted - sigmoid(intercept.value + slope.value * log_odds)
    assert abs(rest.sum()) < 1e-8
    assert abs((rest * log_odds).sum()) < 1e-8 * np.abs(log_odds).max()
    assert slope.low <= slope.value <= slope.high
    assert intercept.low <= intercept.value <= intercept.high


def test_calibration_line__covers_a_true_slope_of_one_about_95_times_in_100() -> None:
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        log_odds = np.repeat(rng.normal(-1, 1, 400), 3)
        converted = np.repeat(rng.random(400) < sigmoid(log_odds[::3]), 3)
        slope, _ = calibration_line(log_odds, converted, np.repeat(np.arange(400), 3), Bootstrap(seed, 200))
        covered += slope.low <= 1 <= slope.high

    assert covered >= 34  # 38 expected, three standard deviations are 4


def test_calibration_line__of_equal_predictions_has_a_slope_of_one() -> None:
    converted = np.arange(100) % 4 == 0

    slope, intercept = calibration_line(np.zeros(100), converted, np.arange(100), Bootstrap(1, 100))

    assert slope.value == 1.0
    assert intercept.value == pytest.approx(np.log(25 / 75))
