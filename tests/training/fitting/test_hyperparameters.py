from __future__ import annotations

import numpy as np
import pytest

from features.catalog.spec import FeatureSet
from features.times import NEVER_US, US_PER_DAY
from training.config import TrainingConfig
from training.examples.labels import Labels, edges_us
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import choose_rows
from training.fitting.hyperparameters import Trial, is_significantly_better
from training.fitting.time_splits import LEAST_CONVERSIONS, roll_back, split_rows

EDGES = (0, 1, 3, 7, 14)


def fit_data(examples: int) -> FitData:
    """Examples of as many leads over 100 days, half of which convert, after 10 days in the mean."""
    rng = np.random.default_rng(0)
    observed = (rng.random(examples) * 100 * US_PER_DAY).astype(np.int64)
    time = 1 + (rng.exponential(10, examples) * US_PER_DAY).astype(np.int64)
    converts = (time <= observed) & (rng.random(examples) < 0.5)
    labels = Labels(np.where(converts, time, NEVER_US), observed)
    return FitData(
        rows=choose_rows(labels, EDGES, config=TrainingConfig()),
        examples=np.arange(examples),
        bins=(),
        codes=np.empty((examples, 0), dtype=np.uint8),
        labels=labels,
        lead=np.arange(examples),
        cluster=np.arange(examples),
        feature_set=FeatureSet(()),
        time_edges_days=EDGES,
    )


def test_roll_back__parts_are_disjoint_and_use_what_was_known() -> None:
    learnt = fit_data(3_000)

    newer, older = roll_back(learnt, times=2)

    observed = learnt.labels.observed_us
    conversions = learnt.rows.converted.sum()
    for split in (newer, older):
        ended = edges_us(EDGES)[1:][split.early.time_bin]
        assert (observed[split.early.example] - ended).min() >= split.moment_us
        assert abs(split.late.converted.sum() - conversions / 4) <= 1
    assert observed[newer.late.example].max() < newer.moment_us <= observed[older.late.example].min()
    assert observed[older.late.example].max() < older.moment_us


def test_roll_back__ends_where_a_part_has_too_few_conversions() -> None:
    learnt = fit_data(3_000)
    # A quarter of the conversions lies in every later part, but before the fourth moment there are none left.
    few = fit_data(12 * LEAST_CONVERSIONS)

    assert len(list(roll_back(learnt, times=5))) == 3
    assert len(list(roll_back(few, times=5))) < 3
    assert split_rows(fit_data(LEAST_CONVERSIONS)) is None


def test_is_significantly_better__at_every_moment_and_beyond_chance() -> None:
    base = Trial({}, np.ones((2, 100)))
    clearly = Trial({"max_leaves": 4}, base.losses - 0.1)
    only_late = Trial({"max_leaves": 4}, base.losses - np.array([[0.3], [-0.01]]))
    by_one_lead = Trial({"max_leaves": 4}, np.where(np.arange(100) == 7, 0.0, base.losses))

    assert is_significantly_better(clearly, base, others=3)
    assert not is_significantly_better(only_late, base, others=3)
    assert not is_significantly_better(by_one_lead, base, others=3)
    assert not is_significantly_better(base, base, others=3)
    assert not is_significantly_better(base, base, others=0)


@pytest.mark.parametrize(
    ("errors", "others", "is_better"), [(2.09, 1, True), (2.09, 3, False), (2.93, 3, True)]
)
def test_is_significantly_better__asks_more_of_the_best_of_several(
    errors: float, others: int, is_better: bool
) -> None:
    # Savings of 100 leads with a standard deviation of 1, so that their sum has an error of 10.
    saved = np.tile([1.0, -1.0], 50) + errors / 10
    base = Trial({}, np.full((1, 100), 5.0))

    assert is_significantly_better(Trial({}, base.losses - saved), base, others=others) == is_better
