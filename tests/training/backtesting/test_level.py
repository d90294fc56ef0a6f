from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.times import US_PER_DAY
from tests.support.backtests import origin
from training.backtesting.level import (
    LARGEST_SHIFT,
    UNSEEN_SPREAD,
    OriginLevel,
    level_error,
    level_shift,
    level_spread,
    pool_levels,
    spread,
)


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


def levels(days: list[float], shifts: list[float], *, error: float = 0.05) -> list[OriginLevel]:
    """Origins whose tests are observed for 30 days from each day on."""
    return [
        OriginLevel(shift, error, round(day * US_PER_DAY), round((day + 30) * US_PER_DAY))
        for day, shift in zip(days, shifts, strict=True)
    ]


def test_pool_levels__of_independent_origins_is_the_estimate_of_dersimonian_and_laird() -> None:
    shifts, errors = np.array([0.4, 0.1, -0.1]), np.array([0.1, 0.05, 0.1])
    apart = [
        replace(level, error=error)
        for level, error in zip(levels([0, 30, 60], shifts.tolist()), errors.tolist(), strict=True)
    ]

    pooled = pool_levels(apart)

    # The textbook formulas, with weights 100, 400 and 100.
    weight = errors**-2
    mean = (weight * shifts).sum() / weight.sum()
    q = (weight * (shifts - mean) ** 2).sum()
    between = (q - 2) / (weight.sum() - (weight**2).sum() / weight.sum())
    random = 1 / (between + errors**2)
    assert pooled.mean == pytest.approx((random * shifts).sum() / random.sum())
    assert pooled.count == pytest.approx(random.sum() ** 2 / (random**2).sum())
    assert pooled.shift == pytest.approx(pooled.mean * pooled.count / (pooled.count + 1))


def test_pool_levels__four_windows_within_two_weeks_count_as_about_one() -> None:
    pooled = pool_levels(levels([0, 4, 8, 12], [0.3, 0.3, 0.3, 0.3]))

    assert 1 < pooled.count < 1.5
    # Four independent ones would add 0.24 of the 0.3.
    assert 0.15 < pooled.shift < 0.18


def test_pool_levels__one_test_shifts_nothing() -> None:
    # It cannot tell a fault that lasts from a month that passes.
    assert pool_levels(levels([0], [0.77])).shift == 0


def test_pool_levels__an_origin_with_few_conversions_counts_less() -> None:
    sure, unsure = levels([0, 40], [0.1, 1.0])

    pooled = pool_levels([sure, replace(unsure, error=1.0)])

    assert pooled.mean == pytest.approx(0.1, abs=0.01)
    assert pooled.count == pytest.approx(1.0, abs=0.01)


def test_pool_levels__of_no_origin_adds_nothing() -> None:
    assert pool_levels([]).shift == 0


def test_level_error__is_that_of_fits_on_drawn_leads() -> None:
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(800), 3)
    log_odds = rng.normal(-1, 1, 800)[cluster]
    converted = (rng.random(800) < 1 / (1 + np.exp(-log_odds[::3] - 0.3)))[cluster].astype(np.float64)

    error = level_error(log_odds, converted, cluster, level_shift(log_odds, converted))

    drawn = [
        level_shift(log_odds, converted, np.bincount(rng.integers(800, size=800), minlength=800)[cluster])
        for _ in range(300)
    ]
    assert error == pytest.approx(np.std(drawn), rel=0.15)


def test_spread__needs_two_origins() -> None:
    assert spread([]) is None
    assert spread([0.2]) is None
    # Deviations -0.1 and 0.1: sqrt(0.02 / 1).
    assert spread([0.1, 0.3]) == pytest.approx(0.02**0.5)


@pytest.mark.parametrize(("last_day", "added"), [(119, UNSEEN_SPREAD), (180, 0.0)])
def test_level_spread__is_wider_where_all_tests_lie_close_together(last_day: int, added: float) -> None:
    origins = [origin(day, matured_day=day + 40) for day in (100, last_day)]

    found = level_spread([0.1, None, 0.4], origins)

    assert found == pytest.approx(np.hypot(np.std([0.1, 0.4], ddof=1), added))


def test_level_spread__one_shift_shows_no_spread() -> None:
    close, apart = ([origin(day, matured_day=300) for day in days] for days in ((100, 110), (100, 200)))

    assert level_spread([0.1], close) == UNSEEN_SPREAD
    assert level_spread([0.1], apart) is None
