from __future__ import annotations

import numpy as np

from features.catalog.spec import Feature, FeatureSet
from models.scorecard.bins import FeatureBins
from tests.training.fitting.test_scorecard_fit import CONFIG, fit_data_of, fitted, world
from training.fitting.bootstrap_fits import _draw_features, _used_columns, fit_replicas, measure_shrinkage
from training.fitting.design_matrix import Layout


def test_fit_replicas__differ_by_what_was_drawn_and_not_by_who_makes_them() -> None:
    matrix, labels = world(5_000)
    fit_data, hazard = fit_data_of(matrix, labels), fitted(matrix, labels)

    together = fit_replicas(fit_data, hazard, [0, 1], config=CONFIG)
    (alone,) = fit_replicas(fit_data, hazard, [1], config=CONFIG)

    assert [table.shape for table in alone.tables] == [term.table.shape for term in hazard.scorecard.terms]
    assert together[1].average.tobytes() == alone.average.tobytes()
    assert [table.tobytes() for table in together[1].tables] == [table.tobytes() for table in alone.tables]
    assert together[0].average.tobytes() != alone.average.tobytes()


def test_fit_replicas__spread_shrinks_with_the_leads() -> None:
    spreads = []
    for leads_count in (2_000, 32_000):
        matrix, labels = world(leads_count)
        replicas = fit_replicas(fit_data_of(matrix, labels), fitted(matrix, labels), range(5), config=CONFIG)
        spreads.append(np.std([replica.average[-1] for replica in replicas]))

    # Sixteen times the leads: a quarter of the spread, give or take what five draws leave to chance.
    assert spreads[1] < 0.6 * spreads[0]


def test_fit_replicas__learn_from_what_has_a_table_alone() -> None:
    matrix, labels = world(5_000)
    fit_data, hazard = (
        fit_data_of(matrix, labels),
        fitted(matrix, labels, CONFIG.model_copy(update={"iterations": 1})),
    )

    layout, codes = _used_columns(fit_data, hazard)

    # One tree after the levels finds one feature; the others teach, but have no table.
    assert [bins.name for bins in layout.bins] == [bins.name for bins in hazard.scorecard.bins] == ["calls"]
    assert [bins.name for bins in fit_data.bins] == ["calls", "age", "source"]
    assert codes.tobytes() == fit_data.codes[:, :1].tobytes()


def test_measure_shrinkage__moves_away_from_the_average_and_less_the_longer_it_was_boosted() -> None:
    matrix, labels = world(5_000)
    fit_data = fit_data_of(matrix, labels)
    moves = []
    for trees in (15, 120):
        config = CONFIG.model_copy(update={"iterations": trees, "l2_regularization": 150})

        found = measure_shrinkage(fit_data, fitted(matrix, labels, config))

        assert len(found.log_odds) > 5
        moves.append(found.move)
    # Low odds go lower, high odds higher, by several tenths of a logit after 15 trees.
    assert moves[0][0] < -0.2
    assert moves[0][-1] > 0.1
    assert np.abs(moves[1]).max() < np.abs(moves[0]).max()


def test_draw_features__keeps_what_a_lead_is_and_half_of_what_it_did() -> None:
    kept_always = [
        Feature("size", "attribute", "Size", attribute="size"),
        Feature("age", "lead_age", "Age of the lead", "days"),
    ]
    behaviour = [
        Feature(f"calls_{n}d", "count", "Calls", kinds=("call",), window_days=n) for n in range(1, 61)
    ]
    feature_set = FeatureSet((*kept_always, *behaviour))
    bins = tuple(FeatureBins(name, "number", np.array([1.0])) for name in feature_set.names)

    seen = _draw_features(Layout(bins, pairs=((2, 3),)), feature_set, np.random.default_rng(0))
    few = _draw_features(Layout(bins[:7]), feature_set, np.random.default_rng(0))

    # 60 measures less the two of the pair: half of 58 is 29, beside the four that always stay.
    assert seen[:4] == [0, 1, 2, 3]
    assert len(seen) == 4 + 29
    assert few == list(range(7))
