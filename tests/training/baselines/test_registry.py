"""Baselines: their stored names stay, and each predicts every test example from what was known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.catalog.spec import FeatureSet
from features.history.lead_history import Floats
from features.times import NEVER_US, US_PER_DAY
from models.scorecard.bins import encode
from tests.training.fitting.test_scorecard_fit import CONFIG, feature_set, fit_data_of, fitted, world
from training.baselines import registry
from training.baselines.baseline import Baseline, BaselineInputs
from training.baselines.mature_boosting import gather_mature
from training.baselines.registry import BASELINES, LABEL_OF_BASELINE, predict_baselines
from training.baselines.unrestricted import fit_unrestricted

EXAMPLES, TEST = 2_000, np.arange(1_500, 2_000)


@pytest.fixture(scope="module")
def inputs() -> BaselineInputs:
    matrix, labels = world(EXAMPLES)
    scorecard = fitted(matrix, labels).scorecard
    tested = matrix._replace(values=matrix.values[:, TEST])
    return BaselineInputs(
        matrix=matrix,
        # Without the feature that is never known.
        feature_set=FeatureSet(
            tuple(feature for feature in feature_set().features if feature.name != "nothing")
        ),
        labels=labels,
        test=TEST,
        tested=tested,
        horizon_days=30.0,
        config=CONFIG,
        fit_data=fit_data_of(matrix, labels),
        scorecard=scorecard,
        codes=encode(scorecard.bins, tested),
    )


def test_baselines__stored_names_stay() -> None:
    assert [baseline.name for baseline in BASELINES] == [
        "base_rate",
        "unrestricted_hazard",
        "logistic_regression",
        "mature_only_boosting",
        "rule_points_with_decay",
    ]
    assert len({*LABEL_OF_BASELINE.values()}) == len(BASELINES)


def test_baselines__each_predicts_in_one_way() -> None:
    ways = [(baseline.predict is None, baseline.predict_from_history is None) for baseline in BASELINES]

    assert {sum(absent) for absent in ways} == {1}


def test_predict_baselines__each_predicts_every_test_example(inputs: BaselineInputs) -> None:
    predicted = predict_baselines(inputs, is_quick=False).log_odds

    assert [*predicted] == [baseline.name for baseline in BASELINES if baseline.predict is not None]
    assert {log_odds.shape for log_odds in predicted.values()} == {TEST.shape}
    assert all(np.isfinite(log_odds).all() for log_odds in predicted.values())
    # The base rate is one number, the others differ from lead to lead.
    assert [len(np.unique(log_odds)) > 1 for log_odds in predicted.values()] == [False, True, True, True]


def test_predict_baselines__a_quick_training_has_the_base_rate_alone(inputs: BaselineInputs) -> None:
    assert [*predict_baselines(inputs, is_quick=True).log_odds] == ["base_rate"]


def test_predict_baselines__leaves_out_what_cannot_be_fitted(inputs: BaselineInputs) -> None:
    # Nobody converts, so that the mature examples have one outcome.
    never = replace(inputs.labels, time_to_conversion_us=np.full(EXAMPLES, NEVER_US))

    predicted = predict_baselines(replace(inputs, labels=never), is_quick=False)

    assert [*predicted.log_odds] == ["base_rate", "unrestricted_hazard"]
    assert predicted.failed == dict.fromkeys(
        ["logistic_regression", "mature_only_boosting"],
        "the examples whose horizon had passed all had one outcome",
    )


def test_predict_baselines__features_without_a_value_are_left_out(inputs: BaselineInputs) -> None:
    # "nothing" is never known; scikit-learn cannot bin such a column.
    predicted = predict_baselines(replace(inputs, feature_set=feature_set()), is_quick=False)

    assert predicted.failed == {}
    boosted = predict_baselines(inputs, is_quick=False).log_odds["mature_only_boosting"]
    assert np.array_equal(predicted.log_odds["mature_only_boosting"], boosted)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (ValueError("window shape\ncannot be"), "ValueError: window shape"),
        (np.linalg.LinAlgError("singular"), "LinAlgError: singular"),
        (np.nan, "it predicted log-odds that are not finite"),
    ],
)
def test_predict_baselines__one_that_fails_is_reported_and_costs_no_other(
    inputs: BaselineInputs, fault: Exception | float, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(given: BaselineInputs) -> Floats:
        if isinstance(fault, Exception):
            raise fault
        return np.full(len(given.test), fault)

    failing = Baseline(name="failing", label="a baseline that fails", predict=predict)
    monkeypatch.setattr(registry, "BASELINES", (failing, *BASELINES))

    predicted = predict_baselines(inputs, is_quick=False)

    assert predicted.failed == {"failing": reason}
    assert [*predicted.log_odds] == [each.name for each in BASELINES if each.predict is not None]


def inputs_of_a_long_history(*, hidden_days: float | None = None) -> BaselineInputs:
    """A history of 240 days, in a configuration that searches.

    Args:
        hidden_days: the feature "age" is known of examples of the last so many days alone.
    """
    matrix, labels = world(6_000)
    labels = replace(labels, observed_us=labels.observed_us * 4)
    if hidden_days is not None:
        matrix.values[1, labels.observed_us > hidden_days * US_PER_DAY] = np.nan
    config = CONFIG.model_copy(update={"search_budget": 1})
    scorecard = fitted(matrix, labels, config).scorecard
    tested = matrix._replace(values=matrix.values[:, TEST])
    return BaselineInputs(
        matrix=matrix,
        feature_set=feature_set(),
        labels=labels,
        test=TEST,
        tested=tested,
        horizon_days=30.0,
        config=config,
        fit_data=fit_data_of(matrix, labels, config),
        scorecard=scorecard,
        codes=encode(scorecard.bins, tested),
    )


def test_fit_unrestricted__chooses_its_trees_on_later_rows() -> None:
    inputs = inputs_of_a_long_history()

    hazard = fit_unrestricted(inputs.fit_data, config=inputs.config)

    # Not the configured 30, and four for the levels of the time bins.
    assert hazard.model.n_iter_ - 4 not in (inputs.config.iterations, 0)  # type: ignore[attr-defined]


def test_gather_mature__numbers_categories_by_frequency_and_tests_after_what_was_final_before() -> None:
    mature = gather_mature(inputs_of_a_long_history())
    assert mature is not None

    assert mature.is_category.tolist() == [False, False, False, True]
    source = mature.values[mature.training, 3]
    count = np.bincount(source[~np.isnan(source)].astype(int))
    assert count.tolist() == sorted(count.tolist(), reverse=True)
    split = mature.split()
    assert split is not None
    early, late = split
    assert mature.since_us[early].min() - mature.since_us[late].max() >= mature.horizon_us


@pytest.mark.parametrize("hidden_days", [5, 70])
def test_predict_baselines__a_kind_that_began_lately_fails_none(hidden_days: float) -> None:
    # Five days before the origin no mature example has it; 70 days before it only the later ones do.
    predicted = predict_baselines(inputs_of_a_long_history(hidden_days=hidden_days), is_quick=False)

    assert predicted.failed == {}


def test_predict_baselines__settings_of_an_earlier_origin_are_taken() -> None:
    inputs = inputs_of_a_long_history()
    handed = {
        "unrestricted_hazard": {"trees": 1},
        "mature_only_boosting": {"max_leaf_nodes": 2, "max_iter": 1, "learning_rate": 0.1},
    }

    chosen = predict_baselines(inputs, is_quick=False)
    taken = predict_baselines(replace(inputs, settings=handed), is_quick=False)

    assert {*chosen.settings} == {*handed}
    assert taken.settings == handed
    for name in handed:
        # One tree tells few groups of leads apart.
        assert len(np.unique(taken.log_odds[name])) < len(np.unique(chosen.log_odds[name]))
    again = predict_baselines(replace(inputs, settings=chosen.settings), is_quick=False)
    assert all(np.array_equal(again.log_odds[name], chosen.log_odds[name]) for name in chosen.log_odds)
