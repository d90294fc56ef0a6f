"""Amounts that count in a mean: no typo multiplies it, no credit reverses it, honest ones stay."""

from __future__ import annotations

import numpy as np
import pytest

from features.history.amounts import is_credit, is_far_above, usual_amounts


def _amounts(count: int = 300, *, spread: float = 1.0) -> np.ndarray:
    return np.exp(np.random.default_rng(3).normal(7, spread, count))


@pytest.mark.parametrize(
    ("count", "spread"),
    [(3, 1.0), (30, 0.3), (30, 1.0), (300, 0.0), (300, 1.5), (30_000, 1.0), (30_000, 1.5)],
)
def test_usual_amounts__keeps_honest_amounts(count: int, spread: float) -> None:
    amounts = np.append(_amounts(count, spread=spread), [0.0, np.nan])

    assert usual_amounts(amounts).tobytes() == amounts.tobytes()


@pytest.mark.parametrize("odd", [[1e12], [1e12] * 3, [1e308] * 40, [-1e12, 1e9]])
def test_usual_amounts__leave_out_what_would_decide_the_mean(odd: list[float]) -> None:
    amounts = _amounts()

    assert np.nanmean(usual_amounts(np.append(amounts, odd))) == pytest.approx(amounts.mean())


def test_is_far_above__begins_at_ten_times_equal_amounts() -> None:
    amounts = np.array([100.0] * 200 + [999.9, 1000.1])

    assert np.flatnonzero(is_far_above(amounts)).tolist() == [201]
    # Of fewer than a hundred, at a hundred times.
    assert np.flatnonzero(is_far_above(np.array([100.0] * 9 + [9999.0, 10_001.0]))).tolist() == [10]


def test_is_far_above__keeps_a_second_price() -> None:
    amounts = np.array([100.0] * 195 + [5000.0] * 5)

    assert not is_far_above(amounts).any()
    assert np.flatnonzero(is_far_above(np.append(amounts, 1e9))).tolist() == [200]


def test_is_credit__zero_is_none() -> None:
    assert is_credit(np.array([-0.01, 0.0, 1.0, np.nan])).tolist() == [True, False, False, False]
    assert np.isnan(usual_amounts(np.array([-900.0, -1200.0]))).all()
