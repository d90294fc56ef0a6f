from __future__ import annotations

import numpy as np
import pytest

from features.times import NEVER_US, US_PER_DAY
from training.config import TrainingConfig
from training.examples.labels import Labels, bin_rows
from training.fitting.hazard_rows import choose_rows, training_examples

EDGES = (0, 1, 3, 7, 14, 30)
CONFIG = TrainingConfig()


def exponential_labels(examples: int) -> Labels:
    """Conversions after 20 days in the mean, observed for up to 60 days."""
    rng = np.random.default_rng(0)
    time = 1 + (rng.exponential(20, examples) * US_PER_DAY).astype(np.int64)
    observed = (rng.random(examples) * 60 * US_PER_DAY).astype(np.int64)
    return Labels(np.where(time <= observed, time, NEVER_US), observed)


def test_choose_rows__keeps_all_where_they_are_few() -> None:
    labels = exponential_labels(2_000)

    rows = choose_rows(labels, EDGES, config=CONFIG)

    example, time_bin, converted = bin_rows(labels, EDGES)
    assert np.array_equal(rows.example, example)
    assert np.array_equal(rows.time_bin, time_bin)
    assert np.array_equal(rows.converted, converted)
    assert (rows.weight == 1).all()


def test_choose_rows__thinned_negatives_stand_for_those_left_out() -> None:
    labels = exponential_labels(20_000)
    config = TrainingConfig(unthinned_rows=1_000)

    rows = choose_rows(labels, EDGES, config=config)

    _, time_bin, converted = bin_rows(labels, EDGES)
    assert (rows.weight[rows.converted] == 1).all()
    assert rows.converted.sum() == converted.sum()
    # A quarter of the negatives, each for 4: the weights add up to all of them, in every time bin nearly so.
    assert rows.weight[~rows.converted].sum() == (~converted).sum()
    assert (~rows.converted).sum() == (~converted).sum() // 4
    weights = np.bincount(rows.time_bin, weights=rows.weight)
    assert weights == pytest.approx(np.bincount(time_bin), rel=0.05)


def test_choose_rows__never_more_than_the_cap() -> None:
    labels = exponential_labels(20_000)
    config = TrainingConfig(max_rows=1_500, unthinned_rows=1_000)

    rows = choose_rows(labels, EDGES, config=config)

    _, _, converted = bin_rows(labels, EDGES)
    # Positives take half the rows at most.
    assert converted.sum() > 750
    assert len(rows.example) == 1_500
    assert rows.weight.sum() == len(converted)
    assert rows.weight[rows.converted].sum() == converted.sum()


def test_training_examples__those_with_an_observed_bin_unconverted_before() -> None:
    labels = Labels(
        np.array([NEVER_US, NEVER_US, 0, 5]), np.array([US_PER_DAY - 1, US_PER_DAY, 9, US_PER_DAY])
    )

    assert training_examples(labels, EDGES).tolist() == [1, 3]


def test_choose_rows__of_a_short_training_window_has_rows_in_every_time_bin() -> None:
    labels = exponential_labels(2_000)

    rows = choose_rows(labels, EDGES, config=TrainingConfig(training_window_days=10))

    assert np.unique(rows.time_bin).tolist() == [0, 1, 2, 3, 4]
    # Each time bin ended in the last ten days: that from 14 to 30 is learnt from examples of 30 to 40.
    ended = labels.observed_us[rows.example] / US_PER_DAY - np.array(EDGES[1:])[rows.time_bin]
    assert ended.min() >= 0
    assert ended.max() <= 10
