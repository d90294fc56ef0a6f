"""Which terms are named first, and how ties fall."""

from __future__ import annotations

import numpy as np
import pytest

from serving.scoring.reasons import strongest_reasons


def test_strongest_reasons__ties_in_the_order_of_the_terms() -> None:
    points = np.array([[0.5, -2.0, 0.0, 2.0, -0.5], [0.0, 0.0, 0.0, 0.0, 0.0]])

    reasons = strongest_reasons(points, points.sum(axis=1), count=4)

    assert reasons.terms.tolist() == [[1, 3, 0, 4], [0, 1, 2, 3]]
    assert reasons.points.tolist() == [[-2.0, 2.0, 0.5, -0.5], [0.0, 0.0, 0.0, 0.0]]


@pytest.mark.parametrize("count", [1, 3, 8, 9, 40])
def test_strongest_reasons__few_are_the_first_of_all(count: int) -> None:
    # Rounded, so that many are as large as another.
    points = np.random.default_rng(1).normal(size=(200, 30)).round(1)
    total = points.sum(axis=1)

    few = strongest_reasons(points, total, count=count)

    every = strongest_reasons(points, total, count="all")
    assert np.array_equal(few.terms, every.terms[:, :count])
    assert np.allclose(few.points.sum(axis=1) + few.other, total)


def test_strongest_reasons__none_requested_or_none_there() -> None:
    assert strongest_reasons(np.ones((2, 3)), np.array([3.0, 3.0]), count=0).other.tolist() == [3.0, 3.0]
    assert strongest_reasons(np.empty((2, 0)), np.zeros(2), count=3).terms.shape == (2, 0)
    assert strongest_reasons(np.empty((0, 3)), np.zeros(0), count=3).terms.shape == (0, 3)
