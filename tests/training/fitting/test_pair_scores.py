from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from training.fitting.hazard_rows import HazardRows
from training.fitting.pair_scores import Slope, screen_pairs

FEATURES = 8
PAIRS = list(combinations(range(FEATURES), 2))


def screened(*, seed: int, rows_of_a_lead: int = 1) -> tuple[Slope, np.ndarray, np.ndarray]:
    """Rows whose odds depend on features 2 and 5 together alone, as an additive fit leaves them over."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 4, (FEATURES, 4_000))
    odds = np.where((groups[2] > 1) ^ (groups[5] > 1), 0.3, 0.1)
    converted = rng.random(4_000) < odds
    groups = np.repeat(groups, rows_of_a_lead, axis=1)
    count = groups.shape[1]
    none = np.zeros(count, dtype=np.int64)
    rows = HazardRows(none, none, np.repeat(converted, rows_of_a_lead), np.full(count, 1.5))
    cluster = np.repeat(np.arange(4_000), rows_of_a_lead)
    slope = Slope.at(np.full(count, np.log(0.2 / 0.8)), rows, cluster)
    return slope, groups, screen_pairs(slope, groups, PAIRS, side=4)


@pytest.mark.parametrize("seed", range(5))
def test_screen_pairs__the_pair_that_explains_something_is_first(seed: int) -> None:
    _, _, significance = screened(seed=seed)

    assert PAIRS[int(np.argmax(significance))] == (2, 5)
    # Of the others chance makes none more than some standard deviations.
    assert np.sort(significance)[-2] < 5


def test_screen_pairs__rows_that_stand_several_times_prove_nothing_more() -> None:
    _, _, once = screened(seed=1)

    _, _, often = screened(seed=1, rows_of_a_lead=5)

    assert often == pytest.approx(once, abs=0.5)


def test_screen_pairs__the_order_of_the_rows_changes_nothing() -> None:
    slope, groups, significance = screened(seed=1)
    order = np.random.default_rng(2).permutation(groups.shape[1])
    other = Slope(slope.gradient[order], slope.curvature[order], np.arange(len(order)))

    shuffled = screen_pairs(other, groups[:, order], PAIRS, side=4)

    # The single features' sums alone are not rounded.
    assert shuffled == pytest.approx(significance, abs=1e-9)
