from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.backtesting.level import LARGEST_SHIFT, level_shift, shrunken_mean, spread


def log_likelihood(log_odds: np.ndarray, converted: np.ndarray, shift: float) -> float:
    shifted = log_odds + shift
    return float(np.sum(converted * shifted - np.logaddexp(0, shifted)))


@pytest.mark.parametrize("true_shift", [-1.3, 0.0, 0.4, 2.0])
def test_level_shift__equals_the_brute_force_maximum(true_shift: float) -> None:
    rng = np.random.default_rng(0)
    log_odds = rng.normal(-2, 1, 500)
    converted = (rng.random(500) < 1 / (1 + np.exp(-log_odds - true_shift))).astype(np.float64)

    shift = level_shift(log_odds, converted)

    tried = np.linspace(-LARGEST_SHIFT, LARGEST_SHIFT, 80_001)
    likelihoods = [log_likelihood(log_odds, converted, candidate) for candidate in tried]
    assert shift == pytest.approx(tried[int(np.argmax(likelihoods))], abs=1e-4)
    # Halving the interval sixty times, as before Brent's method stood in its place.
    low, high = -LARGEST_SHIFT, LARGEST_SHIFT
    for _ in range(60):
        middle = (low + high) / 2
        too_low = np.sum(1 / (1 + np.exp(-log_odds - middle))) < converted.sum()
        low, high = (middle, high) if too_low else (low, middle)
    assert shift == pytest.approx(low, abs=1e-9)
    # Predicted and observed conversions are equal.
    assert np.sum(1 / (1 + np.exp(-log_odds - shift))) == pytest.approx(converted.sum(), rel=1e-12)


def test_level_shift__counts_weights() -> None:
    log_odds = np.array([0.0, 0.0, -1.0])
    converted = np.array([1.0, 0.0, 0.0])

    weighted = level_shift(log_odds, converted, np.array([3.0, 1.0, 2.0]))

    repeated = level_shift(np.repeat(log_odds, [3, 1, 2]), np.repeat(converted, [3, 1, 2]))
    assert weighted == pytest.approx(repeated, abs=1e-12)


@pytest.mark.parametrize(("observed", "expected"), [(0.0, -LARGEST_SHIFT), (1.0, LARGEST_SHIFT)])
def test_level_shift__is_limited_where_all_or_none_converted(observed: float, expected: float) -> None:
    assert level_shift(np.zeros(9), np.full(9, observed)) == pytest.approx(expected)


def test_level_shift__of_no_examples_is_zero() -> None:
    assert level_shift(np.empty(0), np.empty(0)) == 0


@given(st.lists(st.floats(-4, 4), min_size=1, max_size=10))
def test_shrunken_mean__lies_between_the_mean_and_zero(shifts: list[float]) -> None:
    count = len(shifts)

    assert shrunken_mean(shifts) == pytest.approx(np.mean(shifts) * count / (count + 1), abs=1e-12)


def test_shrunken_mean__of_no_origin_is_zero() -> None:
    assert shrunken_mean([]) == 0


def test_spread__needs_two_origins() -> None:
    assert spread([]) is None
    assert spread([0.2]) is None
    # Deviations -0.1 and 0.1: sqrt(0.02 / 1).
    assert spread([0.1, 0.3]) == pytest.approx(0.02**0.5)
