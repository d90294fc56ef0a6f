"""Evidence from the conversions: is the level right, overall and in every group?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from features.history.lead_history import Bools, LeadHistory
from training.config import TrainingConfig
from training.evaluation.segments import WEEK
from training.metrics.bootstrap import Estimate
from training.metrics.counts import observed_over_expected
from training.monitoring.cohorts import groups_of, is_recent
from training.monitoring.follow_up import FollowUp
from training.monitoring.verdict import Evidence

# A group with fewer expected conversions is too small to be told from chance.
_LEAST_EXPECTED: Final = 20
# Weeks and versions are no groups of leads that a model could fit worse.
_NO_PARTS: Final = ("version", WEEK)


def tested_groups(
    followed: FollowUp, history: LeadHistory, *, until: int, config: TrainingConfig
) -> list[tuple[str, Bools]]:
    """Lists the groups that are tested, by name, with the recent scores of each, (n,)."""
    recent = is_recent(followed, until=until)
    groups: list[tuple[str, Bools]] = []
    for question, found in groups_of(followed, history, config=config):
        if question not in _NO_PARTS and len(found) > 1:
            groups += [(f"{question} {name}", mask & recent) for name, mask in found]
    enough = [float(followed.fresh_expected[mask].sum()) >= _LEAST_EXPECTED for _, mask in groups]
    return [group for group, is_enough in zip(groups, enough, strict=True) if is_enough]


def level_evidence(
    followed: FollowUp, recent: Bools, *, confidence: float, config: TrainingConfig
) -> Iterator[Evidence]:
    """Compares observed with expected of all recent scores, in spans that share no day.

    Args:
        followed: scores of the nights.
        recent: (n,) those of the last horizon.
        confidence: of the interval.
        config: limits.
    """
    ratio = _ratio(followed, recent, confidence)
    most = config.monitor.level_factor
    enough = float(followed.fresh_expected[recent].sum()) >= _LEAST_EXPECTED
    low, high = (ratio.low, ratio.high) if enough else (np.nan, np.nan)
    yield Evidence("level", ratio.value, low, high, 1 / most, most)


def group_evidence(
    followed: FollowUp,
    recent: Bools,
    groups: list[tuple[str, Bools]],
    *,
    confidence: float,
    config: TrainingConfig,
) -> Iterator[Evidence]:
    """Compares observed with expected of each group, against the level of all recent scores.

    Args:
        followed: scores of the nights.
        recent: (n,) those of the last horizon.
        groups: of `tested_groups`.
        confidence: of the intervals.
        config: limits.
    """
    overall = _ratio(followed, recent, confidence).value
    if not overall > 0:
        return
    most = config.monitor.group_factor
    for subject, mask in groups:
        ratio = _ratio(followed, mask, confidence)
        value, low, high = (end / overall for end in (ratio.value, ratio.low, ratio.high))
        yield Evidence("group", value, low, high, 1 / most, most, subject)


def _ratio(followed: FollowUp, mask: Bools, confidence: float) -> Estimate:
    return observed_over_expected(
        followed.fresh_observed[mask],
        followed.fresh_expected[mask],
        followed.cluster[mask],
        confidence=confidence,
    )
