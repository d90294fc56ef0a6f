from __future__ import annotations

import numpy as np
import pytest

from training.metrics.counts import design_effect, observed_over_expected


def test_observed_over_expected__of_independent_examples_has_the_exact_poisson_interval() -> None:
    observed = np.zeros(1_000)
    observed[:10] = 1

    ratio = observed_over_expected(observed, np.full(1_000, 0.005), np.arange(1_000))

    # The interval of a count of 10 is 4.795 to 18.390 (Garwood 1936); 5 are expected.
    assert (ratio.value, ratio.n) == (2.0, 1_000)
    assert (ratio.low, ratio.high) == pytest.approx((4.795 / 5, 18.390 / 5), abs=1e-3)


def test_observed_over_expected__is_wider_where_examples_share_a_fate() -> None:
    observed = np.repeat(np.arange(100) < 10, 4).astype(np.float64)
    expected = np.full(400, 0.1)

    alone = observed_over_expected(observed, expected, np.arange(400))
    shared = observed_over_expected(observed, expected, np.repeat(np.arange(100), 4))

    assert shared.value == alone.value == 1.0
    assert design_effect(observed, expected, np.repeat(np.arange(100), 4)) == pytest.approx(4.0)
    assert shared.high - shared.low > 1.9 * (alone.high - alone.low)


def test_observed_over_expected__covers_the_truth_as_often_as_it_says() -> None:
    chance, covered = np.random.default_rng(1), 0
    expected = np.full(300, 0.05)
    for _ in range(400):
        observed = (chance.random(300) < expected).astype(np.float64)
        ratio = observed_over_expected(observed, expected, np.arange(300))
        covered += ratio.low <= 1 <= ratio.high

    assert covered >= 0.93 * 400


def test_observed_over_expected__of_nothing_expected_is_unknown() -> None:
    ratio = observed_over_expected(np.zeros(3), np.zeros(3), np.arange(3))

    assert np.isnan([ratio.value, ratio.low, ratio.high]).all()
