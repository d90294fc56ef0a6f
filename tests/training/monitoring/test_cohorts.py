from __future__ import annotations

import numpy as np
import pytest

from tests.support.builders import at, history, lead
from tests.training.monitoring.followed import followed
from training.config import TrainingConfig
from training.monitoring.cohorts import cohort, find_cohorts, is_last_complete, is_recent
from training.monitoring.given_scores import NO_NAME

MOMENT = 1 / 86_400


def test_is_recent__begins_just_after_a_horizon_before_the_end() -> None:
    # Day 60 less 30 days.
    given = followed([0.1] * 3, [0] * 3, when=[30 - MOMENT, 30, 30 + MOMENT])

    assert is_recent(given, until=at(60)).tolist() == [False, False, True]


def test_is_last_complete__is_the_horizon_up_to_the_last_complete_score() -> None:
    # The last complete score is of day 40, so the horizon begins just after day 10.
    given = followed([0.1] * 4, [0] * 4, when=[10, 10 + MOMENT, 40, 41], complete=[True, True, True, False])

    assert is_last_complete(given).tolist() == [False, True, True, False]
    assert not is_last_complete(followed([0.1], [0], complete=False)).any()


def test_cohort__adds_up_some_of_the_scores() -> None:
    given = followed([0.1, 0.2, 0.5, 0.9], [0, 1, 1, 1], complete=[True, False, False, True])

    found = cohort(given, np.array([True, True, True, False]), "three")

    assert (found.name, found.scores, found.observed) == ("three", 3, 2)
    assert found.expected == pytest.approx(0.8)
    assert found.ratio.value == pytest.approx(2 / 0.8)
    assert found.ratio.low < 1 < found.ratio.high
    assert found.complete_share == pytest.approx(1 / 3)


def test_cohort__of_no_score_has_no_ratio() -> None:
    found = cohort(followed([0.1], [0]), np.array([False]), "none")

    assert (found.scores, found.expected, found.complete_share) == (0, 0.0, 0.0)
    assert np.isnan(found.ratio.value)


def test_find_cohorts__groups_by_every_question() -> None:
    leads = [lead(f"l{number}", source="web" if number < 30 else "fair") for number in range(60)]
    version = np.arange(60) % 3 // 2
    band = np.where(np.arange(60) < 10, NO_NAME, 0)
    given = followed(
        [0.1] * 60, [1] * 6 + [0] * 54, when=5, version=version, versions=("1", "2"), band=band,
        held_out=np.arange(60) < 15,
    )  # fmt: skip
    single = followed([0.5, 0.5], [1, 0], when=20)

    found = find_cohorts(
        given, history(leads, [], [], observed_until=60), until=at(60), config=TrainingConfig(), audit=single
    )

    counts = {name: {each.name: each.scores for each in groups} for name, groups in found.by.items()}
    assert counts["version"] == {"1": 40, "2": 20}
    assert counts["band"] == {"A": 50, "insufficient evidence": 10}
    assert counts["stage"] == {"open": 60}
    assert counts["source"] == {"web": 30, "fair": 30}
    assert sum(counts["week"].values()) == 60
    assert [*found.by][-1] == "week"
    # Day 5 is more than a horizon before day 60, and complete.
    assert (found.recent.scores, found.last_complete and found.last_complete.scores) == (0, 60)
    assert found.audit is not None
    assert (found.audit.scores, found.audit.ratio.value) == (2, 1.0)
    assert found.held_out is not None
    # Of 15 leads 6 converted, 1.5 were expected to.
    assert found.held_out.ratio.value == pytest.approx(4.0)
    assert found.to_json()["held_out"]["scores"] == 15
