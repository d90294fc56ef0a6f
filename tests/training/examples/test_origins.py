from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history.known import known_at
from tests.support.lead_fates import DAY, business, fate, history_of
from training.config import TrainingConfig
from training.examples.examples import draw_examples
from training.examples.labels import choose_time_edges, is_mature, label_examples
from training.examples.origins import HorizonNotSupportedError, Origin, choose_horizon, rolling_origins

CONFIG = TrainingConfig()


@settings(max_examples=15, deadline=None)
@given(
    days=st.integers(60, 400),
    horizon_days=st.sampled_from([7.0, 30.0, 45.0]),
    count=st.integers(2, 10),
    seed=st.integers(0, 5),
)
def test_rolling_origins__windows_are_disjoint_and_mature(
    days: int, horizon_days: float, count: int, seed: int
) -> None:
    history = business(1_500, days=days, seed=seed)
    config = TrainingConfig(origins=count)

    origins = rolling_origins(history, config=config, horizon_days=horizon_days)

    assert len(origins) in range(count + 1)
    for origin in origins:
        assert origin.at == origin.test_from < origin.test_until
        assert origin.matured_at == origin.test_until + horizon_days * DAY <= history.observed_until
    for earlier, later in pairwise(origins):
        assert earlier.test_until == later.test_from


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1_000))
def test_rolling_origins__each_supports_the_horizon_with_what_was_known(seed: int) -> None:
    history = business(1_500, days=200, seed=seed, mean_days=25)
    examples = draw_examples(history, config=CONFIG).examples

    origins = rolling_origins(history, config=CONFIG, horizon_days=30)

    assert len(origins) >= 4
    for origin in origins:
        labels = label_examples(history, examples, observed_until=origin.at)
        edges = choose_time_edges(
            labels,
            examples.lead,
            edges_days=CONFIG.time_edges_days,
            min_conversions=CONFIG.min_conversions_per_bin,
        )
        assert edges[-1] >= 30
        # Examples at or after the origin have no observed time, so they cannot teach.
        assert (labels.observed_us[~origin.is_training(examples.as_of)] <= 0).all()


def test_rolling_origins__labels_at_an_origin_equal_those_of_the_history_known_then() -> None:
    history = business(600, days=120)
    origin = rolling_origins(history, config=CONFIG, horizon_days=7)[0]
    examples = draw_examples(history, config=CONFIG).examples
    cut = known_at(history, origin.at)
    cut_examples = draw_examples(cut, config=CONFIG).examples

    labels = label_examples(history, examples, observed_until=origin.at).take(
        origin.is_training(examples.as_of)
    )
    cut_labels = label_examples(cut, cut_examples, observed_until=origin.at)

    assert np.array_equal(labels.time_to_conversion_us, cut_labels.time_to_conversion_us)
    assert np.array_equal(labels.observed_us, cut_labels.observed_us)


def test_rolling_origins__every_test_example_is_mature() -> None:
    history = business(600, days=120)
    examples = draw_examples(history, config=CONFIG).examples

    origins = rolling_origins(history, config=CONFIG, horizon_days=7)

    for origin in origins:
        labels = label_examples(history, examples, observed_until=origin.matured_at)
        assert is_mature(labels, 7)[origin.is_test(examples.as_of)].all()


def test_is_test__left_open_right_closed() -> None:
    origin = Origin(at=10, test_from=10, test_until=20, matured_at=30)

    as_of = np.array([9, 10, 11, 19, 20, 21])

    assert origin.is_training(as_of).tolist() == [True, False, False, False, False, False]
    assert origin.is_test(as_of).tolist() == [False, False, True, True, True, False]


def test_rolling_origins__reporting_delay_counts_as_time_to_maturity() -> None:
    prompt = [fate(day * DAY // 10, converted_at=(day * DAY // 10) + 5 * DAY) for day in range(600)]
    late = [(created, outcome, at, at + 4 * DAY) for created, outcome, at, _ in prompt]
    history = history_of(late, observed_until=90 * DAY, has_available_at=True)

    origins = rolling_origins(history, config=CONFIG, horizon_days=7)

    assert origins[-1].test_until == 90 * DAY - 7 * DAY - 4 * DAY
    assert origins[-1].matured_at == 90 * DAY


def test_rolling_origins__two_when_quick() -> None:
    history = business(1_500, days=200, mean_days=25)

    assert len(rolling_origins(history, config=TrainingConfig(quick=True), horizon_days=30)) == 2


def test_choose_horizon__keeps_thirty_days_where_they_are_supported() -> None:
    history = business(1_500, days=200, mean_days=25)

    assert choose_horizon(history, config=CONFIG) == (30, None)


def test_choose_horizon__shorter_with_a_sentence_where_the_history_is_short() -> None:
    history = business(1_500, days=40, mean_days=5)

    horizon_days, sentence = choose_horizon(history, config=CONFIG)

    assert horizon_days == 7
    assert sentence is not None
    assert sentence.startswith("The main horizon is 7 days instead of 30")


def test_choose_horizon__refuses_a_history_that_supports_none() -> None:
    history = business(200, days=2)

    with pytest.raises(HorizonNotSupportedError, match="cannot support a horizon of 30 days"):
        choose_horizon(history, config=CONFIG)
