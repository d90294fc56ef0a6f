from __future__ import annotations

import numpy as np
import pytest

from training.monitoring.movement import kitagawa


def test_kitagawa__parts_sum_to_the_difference_of_the_means() -> None:
    chance = np.random.default_rng(3)
    before, after = chance.normal(size=(40, 3)), chance.normal(1, 1, size=(60, 3))
    sorts = chance.integers(0, 5, 40), chance.integers(1, 6, 60)

    mix, within, _, weight = kitagawa(before, after, *sorts)

    np.testing.assert_allclose(mix + within, after.mean(axis=0) - before.mean(axis=0), rtol=1e-12)
    assert weight.sum() == pytest.approx(1.0)


def test_kitagawa__of_another_mix_of_the_same_leads_is_all_mix() -> None:
    # Sort 0 has 1, sort 1 has 3: the mean rises from 1.5 to 2.5 because there are more of sort 1.
    mix, within, _, _ = kitagawa(
        np.array([[1.0], [1.0], [1.0], [3.0]]),
        np.array([[1.0], [3.0], [3.0], [3.0]]),
        np.array([0, 0, 0, 1]),
        np.array([0, 1, 1, 1]),
    )

    assert (mix.tolist(), within.tolist()) == ([1.0], [0.0])


def test_kitagawa__of_a_shock_of_all_leads_is_all_within() -> None:
    mix, within, moved, _ = kitagawa(
        np.array([[1.0], [3.0]]), np.array([[1.5], [3.5]]), np.array([0, 1]), np.array([0, 1])
    )

    assert (mix.tolist(), within.tolist(), moved.ravel().tolist()) == ([0.0], [0.5], [0.5, 0.5])
