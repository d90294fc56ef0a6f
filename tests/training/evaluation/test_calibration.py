from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.scorecard.hazards import sigmoid
from training.evaluation.calibration import calibration_line


def test_calibration_line__equals_an_unpenalised_logistic_regression() -> None:
    rng = np.random.default_rng(1)
    log_odds = rng.normal(-1.5, 1.2, 5_000)
    converted = rng.random(5_000) < sigmoid(0.3 + 0.7 * log_odds)

    slope, intercept = calibration_line(log_odds, converted, np.arange(5_000), seed=1, replicates=200)

    fitted = LogisticRegression(C=np.inf, tol=1e-10).fit(log_odds[:, None], converted)
    assert slope.value == pytest.approx(fitted.coef_[0, 0], abs=1e-5)
    assert intercept.value == pytest.approx(fitted.intercept_[0], abs=1e-5)


def test_calibration_line__covers_a_true_slope_of_one_about_95_times_in_100() -> None:
    covered = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        log_odds = np.repeat(rng.normal(-1, 1, 400), 3)
        converted = np.repeat(rng.random(400) < sigmoid(log_odds[::3]), 3)
        slope, _ = calibration_line(
            log_odds, converted, np.repeat(np.arange(400), 3), seed=seed, replicates=200
        )
        covered += slope.low <= 1 <= slope.high

    assert covered >= 34  # 38 expected, three standard deviations are 4


def test_calibration_line__of_equal_promises_has_an_undecided_slope() -> None:
    converted = np.arange(100) % 4 == 0

    slope, intercept = calibration_line(np.zeros(100), converted, np.arange(100), seed=1, replicates=100)

    assert slope.value == 1.0
    assert intercept.value == pytest.approx(np.log(25 / 75))
