from __future__ import annotations

from dataclasses import replace

from tests.training.fitting.test_scorecard_fit import CONFIG, fit_data_of, world
from training.fitting.model_selection import SelectedModel, adopt_selection
from training.fitting.pairs import Pair, coarse_bins


def test_adopt_selection__takes_trees_and_pairs_with_bins_of_its_own_rows() -> None:
    earlier, fit_data = (fit_data_of(*world(examples)) for examples in (1_000, 4_000))
    calls, age, *_ = coarse_bins(earlier, earlier.rows)
    gone = replace(age, name="gone")
    pairs = tuple(Pair(calls, second, 0.02, 0.01, 0.03) for second in (age, gone))
    selected = SelectedModel(
        CONFIG.model_copy(update={"iterations": 17, "max_leaves": 3}), pairs, pair_trees=(5, 2)
    )

    adopted = adopt_selection(selected, fit_data, config=CONFIG)

    own = {bins.name: bins for bins in coarse_bins(fit_data, fit_data.rows)}
    assert adopted.config == CONFIG.model_copy(update={"iterations": 17})
    (pair,) = adopted.pairs
    assert (pair.first.name, pair.second.name) == (calls.name, age.name)
    assert pair.second.edges.tolist() == own[age.name].edges.tolist() != age.edges.tolist()
    assert adopted.pair_trees == (5, 2)


def test_adopt_selection__without_a_pair_there_are_no_trees_of_pairs() -> None:
    fit_data = fit_data_of(*world(1_000))
    first, second, *_ = coarse_bins(fit_data, fit_data.rows)
    gone = Pair(replace(first, name="gone"), second, 0.02, 0.01, 0.03)

    adopted = adopt_selection(SelectedModel(CONFIG, (gone,), (5, 2)), fit_data, config=CONFIG)

    assert (adopted.pairs, adopted.pair_trees) == ((), ())
