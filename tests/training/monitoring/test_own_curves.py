from __future__ import annotations

import numpy as np

from models.scorecard.prediction import predict
from models.scorecard.scoring import probabilities
from tests.support.scorecards import random_codes, random_scorecard
from training.monitoring.own_curves import OwnCurves


def test_at__is_the_probability_of_the_scorecard_for_any_number_of_days() -> None:
    scorecard = random_scorecard(features=5, pairs=1, level=-3.0)
    codes = random_codes(scorecard, 50)
    edges = np.tile(scorecard.time_edges_days[1:], (50, 1))
    curve = predict(scorecard, codes, 30.0).curve

    curves = OwnCurves.of_probabilities(edges, curve, np.full(50, scorecard.level_shift))

    for days in (0.5, 1.0, 2.0, 10.0, 30.0, 45.0, 90.0):
        expected = probabilities(scorecard, codes, days)
        np.testing.assert_allclose(curves.at(np.full(50, days)), expected, rtol=1e-9)


def test_at__is_zero_before_the_score_and_ends_with_the_curve() -> None:
    curves = OwnCurves.of_probabilities(np.array([[7.0, 30.0]]), np.array([[0.1, 0.3]]), np.zeros(1))

    assert [round(float(curves.at(np.array([days]))[0]), 12) for days in (-1, 0, 7, 30, 99)] == [
        *(0.0, 0.0, 0.1),
        *(0.3, 0.3),
    ]


def test_at__without_the_level_shift_errs_by_less_than_a_hundredth() -> None:
    edges, curve = np.array([[7.0, 30.0]]), np.array([[0.1, 0.3]])
    exact = OwnCurves.of_probabilities(edges, curve, np.array([0.3])).at(np.array([18.0]))
    without = OwnCurves.of_probabilities(edges, curve, np.array([0.0])).at(np.array([18.0]))

    assert 0 < abs(exact[0] - without[0]) / exact[0] < 0.01
