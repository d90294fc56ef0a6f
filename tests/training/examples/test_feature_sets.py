from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.catalog.spec import Feature, FeatureSet
from features.catalog.wording import declare
from tests.training.fitting.test_scorecard_fit import CONFIG, fitted, world
from training.examples.feature_sets import MonotonicError, check_monotonic, with_stable_names

FEATURES = FeatureSet(
    (
        Feature("calls", "attribute", "Calls", attribute="calls"),
        Feature("source", "attribute", "Source", attribute="source", type="category"),
    )
)


def test_check_monotonic__takes_a_number() -> None:
    check_monotonic({"calls": "rises"}, FEATURES)


@pytest.mark.parametrize(
    ("name", "match"),
    [("call", "no feature of this history. Near to it: calls"), ("source", "is a category")],
)
def test_check_monotonic__names_what_cannot_be_held(name: str, match: str) -> None:
    with pytest.raises(MonotonicError, match=match):
        check_monotonic({name: "rises"}, FEATURES)


def age_steps(**directions: str) -> np.ndarray:
    """Differences of the table of age from code to code, missing apart; none where the term is dropped."""
    matrix, labels = world(20_000)
    scorecard = fitted(matrix, labels, CONFIG.model_copy(update={"monotonic": directions})).scorecard
    if "age" not in scorecard.term_names:
        return np.zeros(0)
    return np.diff(scorecard.terms[scorecard.term_names.index("age")].table[1:], axis=0)


def test_fit_scorecard__holds_a_feature_to_its_direction_in_every_time_bin() -> None:
    # In this world the hazard falls with age.
    free, falling, rising = age_steps(), age_steps(age="falls"), age_steps(age="rises")

    assert free.min() < -0.01
    assert falling.min() < -0.01
    assert (falling <= 1e-12).all()
    assert (rising >= -1e-12).all()


def test_with_stable_names__kinds_that_are_spelt_alike_keep_their_names() -> None:
    early = FeatureSet((declare("count", kinds=["Email Opened"]),))
    late = FeatureSet(
        (declare("count", kinds=["email_opened"]), replace(early.features[0], name="email_opened_count_2"))
    )

    first, last = with_stable_names([early, late])

    assert first.names == ("email_opened_count_2",)
    assert last == late
    assert first.features[0].kinds == ("Email Opened",)
