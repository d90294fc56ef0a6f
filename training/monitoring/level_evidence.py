"""Evidence from the conversions: is the level right, overall and in every group?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from features.history.lead_history import Bools, LeadHistory
from training.config import TrainingConfig
from training.evaluation.segments import WEEK
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
    groups = [("", recent)]
    for question, found in groups_of(followed, history, config=config):
        if question not in _NO_PARTS and len(found) > 1:
            groups += [(f"{question} {name}", mask & recent) for name, mask in found]
    enough = [float(followed.fresh_expected[mask].sum()) >= _LEAST_EXPECTED for _, mask in groups]
    return [group for group, is_enough in zip(groups, enough, strict=True) if is_enough or not group[0]]


def level_evidence(
    followed: FollowUp, groups: list[tuple[str, Bools]], *, confidence: float, config: TrainingConfig
) -> Iterator[Evidence]:
    """Compares observed with expected, in spans that share no day, of all recent scores and of each group.

    Args:
        followed: scores of the nights.
        groups: of `tested_groups`; the first holds all recent scores.
        confidence: of the intervals.
        config: limits.
    """
    limits = config.monitor
    overall = 1.0
    for subject, mask in groups:
        ratio = observed_over_expected(
            followed.fresh_observed[mask],
            followed.fresh_expected[mask],
            followed.cluster[mask],
            confidence=confidence,
        )
        if not subject:
            overall = ratio.value if ratio.value > 0 else 1.0
            most = limits.level_factor
            enough = float(followed.fresh_expected[mask].sum()) >= _LEAST_EXPECTED
            low, high = (ratio.low, ratio.high) if enough else (np.nan, np.nan)
            yield Evidence("level", ratio.value, low, high, 1 / most, most)
        else:
            scaled = replace(
                ratio, value=ratio.value / overall, low=ratio.low / overall, high=ratio.high / overall
            )
            most = limits.group_factor
            yield Evidence("group", scaled.value, scaled.low, scaled.high, 1 / most, most, subject)
