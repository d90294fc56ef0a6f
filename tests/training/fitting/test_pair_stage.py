from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.training.fitting.test_scorecard_fit import CONFIG, fit_data_of, world
from training.fitting.boosting import fit_hazard
from training.fitting.bootstrap_fits import _times_drawn
from training.fitting.design_matrix import Layout, hazard_inputs
from training.fitting.model_selection import _pair_trees
from training.fitting.pair_scores import Slope, pair_steps
from training.fitting.pair_stage import PairedHazard, fit_in_stages
from training.fitting.pairs import Pair
from training.fitting.time_splits import split_rows

# So few bins that each two codes of a pair are one category.
COARSE = CONFIG.model_copy(update={"max_bins": 12})


def test_fit_in_stages__adds_the_pair_and_leaves_the_features_as_they_were() -> None:
    matrix, labels = world(5_000, has_pair=True)
    data = fit_data_of(matrix, labels, COARSE)
    layout = Layout(data.bins, pairs=((0, 1),), pair_trees=(20, 10))
    rows = data.rows

    alone = fit_hazard(data.codes, Layout(data.bins), rows, config=COARSE)
    both = fit_in_stages(data.codes, layout, rows, config=COARSE)

    assert isinstance(both, PairedHazard)
    inputs = hazard_inputs(data.codes[rows.example], rows.time_bin, layout)
    of_features, of_both = alone.decision_function(inputs), both.decision_function(inputs)
    assert both.alone.decision_function(inputs).tobytes() == of_features.tobytes()
    # The pair is all there is to know.
    assert rows.losses(of_both).sum() < 0.9 * rows.losses(of_features).sum()
    added = of_both - of_features
    cells = data.codes[rows.example][:, :2]
    # One number for each cell, the same in every time bin.
    for cell in np.unique(cells, axis=0)[:20]:
        assert np.ptp(added[(cells == cell).all(axis=1)]) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("has_pair", [False, True])
def test_pair_trees__keep_no_pair_that_saves_nothing_beyond_chance(has_pair: bool) -> None:
    matrix, labels = world(8_000, has_pair=has_pair)
    data = fit_data_of(matrix, labels, COARSE)
    split = split_rows(data)
    assert split is not None
    layout = Layout(data.bins)
    model = fit_hazard(data.codes, layout, split.early, config=COARSE, later=split.late)
    confirmed = (Pair(data.bins[0], data.bins[1], 0.1, 0.05, 0.15),)

    trees = _pair_trees(confirmed, model, data, split, config=COARSE)

    assert (trees is not None) == has_pair


def test_pair_steps__sum_the_rows_of_an_account_before_squaring() -> None:
    # Every cell twice, its rows apart; what is left over is +1 where the two codes are equal, else -1.
    groups = np.array([[0, 0, 1, 1, 0, 0, 1, 1], [0, 1, 0, 1, 0, 1, 0, 1]])
    gradient = np.where(groups[0] == groups[1], 1.0, -1.0)
    together = Slope(gradient, np.full(8, 0.1), np.zeros(8, dtype=np.int64))
    apart = Slope(gradient, np.full(8, 0.1), np.arange(8))

    of_account, significance = pair_steps(together, groups, [(0, 1)], side=2, l2=1.0)
    of_leads, beyond = pair_steps(apart, groups, [(0, 1)], side=2, l2=1.0)
    rough, _ = pair_steps(together, groups, [(0, 1)], side=2, l2=1.0, is_rough=True)

    # One account: a sum of 2 in a cell has the chance 2 squared, so nothing is beyond it. Eight leads: the
    # chance is 1 + 1, half of what is seen, so half of the step 2 / (0.2 + 1) remains.
    assert of_account[0] == pytest.approx(np.zeros((2, 2)), abs=1e-9)
    assert of_leads[0] == pytest.approx(np.array([[1, -1], [-1, 1]]) / 1.2)
    assert (significance[0], beyond[0]) == pytest.approx((0.0, 4 / np.sqrt(8)))
    assert rough.tobytes() == of_leads.tobytes()


def test_times_drawn__leads_of_an_account_are_drawn_together() -> None:
    matrix, labels = world(600)
    data = fit_data_of(matrix, labels, COARSE)
    data = replace(data, cluster=np.arange(600) // 3)

    times = _times_drawn(data, np.random.default_rng(0))

    account = data.cluster[data.rows.example]
    for each in np.unique(account):
        assert np.ptp(times[account == each]) == 0
    assert len(np.unique(times)) > 2
