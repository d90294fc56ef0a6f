"""Two versions are set side by side as they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.bundle.bundle import Bundle
from models.comparison import compare_bundles
from models.scorecard.bins import FeatureBins
from models.scorecard.curves import find_curve
from models.scorecard.scorecard import Scorecard, Term
from tests.support.small_models import (
    BUDGET,
    COUNTRY,
    MEETINGS,
    NO_EDGES,
    SIZE,
    bundle_of,
    small_bundle,
    table,
)

FIGURE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}


def second_bundle(**card: object) -> Bundle:
    """As the small bundle, with other meetings and countries, the size, and no account."""
    scorecard = Scorecard(
        bins=(
            # One 0.5, two 1, three and more 3: at two and three meetings the first says 2.
            FeatureBins("meetings_count", "number", np.array([1.0, 2.0, 3.0])),
            FeatureBins("country", "category", NO_EDGES, ("DE", "NL")),
            FeatureBins("has_budget", "boolean", np.array([0.5])),
            FeatureBins("size", "number", np.array([10.0])),
        ),
        time_edges_days=np.array([0.0, 30.0]),
        horizon_days=30.0,
        terms=(
            Term((0,), table(0, 0, 0.5, 1, 3)),
            # FR is one of all others here, NL of all others there.
            Term((1,), table(0, 0.5, 0.75, 0)),
            Term((2,), table(0, 0, 0.25)),
            Term((3,), table(0, 0, 1)),
        ),
        average=np.array([-2.0]),
    )
    budget = replace(BUDGET, label="Money is there")
    return bundle_of(scorecard, (MEETINGS, COUNTRY, budget, SIZE), version="2", **card)


def test_compare_bundles__names_features_that_came_went_and_changed() -> None:
    compared = compare_bundles(small_bundle(), second_bundle())

    assert compared.versions == ("1", "2")
    assert compared.added == ("size",)
    assert compared.removed == ("account_count",)
    assert compared.changed == ("has_budget",)


def test_compare_bundles__measures_curves_in_every_bin_of_either() -> None:
    compared = compare_bundles(small_bundle(), second_bundle())

    # Countries: XX -2000 there, all others 0 here. Meetings: two 2 and 1, three 2 and 3: 1 apart.
    assert [*compared.curves] == ["country", "meetings_count", "has_budget"]
    assert [*compared.curves.values()] == pytest.approx([2000, 1, 0])


def test_compare_bundles__shows_settings_that_differ_and_all_figures() -> None:
    first = small_bundle(config={"pairs": 12, "seed": 7}, metrics={"auc": FIGURE})
    second = second_bundle(
        config={"pairs": 0, "seed": 7}, metrics={"auc": FIGURE, "brier": {**FIGURE, "low": None}}
    )

    compared = compare_bundles(first, second)

    assert compared.settings == {"pairs": (12, 0)}
    assert [*compared.figures] == ["auc", "brier"]
    output = str(compared)
    assert "  pairs: 12 -> 0" in output
    assert "  auc: 0.5000 [0.4000, 0.6000] -> 0.5000 [0.4000, 0.6000]" in output
    assert "  brier: not measured -> 0.5000" in output
    assert "curve of has_budget" not in output


def test_compare_bundles__finds_no_difference_of_a_bundle_to_itself() -> None:
    compared = compare_bundles(small_bundle(), small_bundle())

    assert (compared.added, compared.removed, compared.changed, compared.settings) == ((), (), (), {})
    assert {*compared.curves.values()} == {0.0}


def test_find_curve__gives_codes_and_points_of_a_feature() -> None:
    curve = find_curve(small_bundle().scorecard, "meetings_count")

    assert curve is not None
    assert curve.codes == ("missing", "< 1", "≥ 1", "≥ 2")
    # With one time bin the points are the table.
    assert curve.points.tolist() == pytest.approx([0, 0, 1, 2])
    assert find_curve(small_bundle().scorecard, "size") is None
