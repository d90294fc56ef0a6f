"""Would the champion before have scored the same leads better?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from features.history.lead_history import Bools, Floats, LeadHistory
from features.times import US_PER_DAY
from models.bundle.bundle import Bundle
from models.home.home import Home
from training.config import TrainingConfig
from training.metrics.bootstrap import Bootstrap, ratio_estimate, widened
from training.monitoring.delays import ReportingDelay
from training.monitoring.follow_up import FollowUp, expected_known
from training.monitoring.recomputed import recomputed_curves
from training.monitoring.verdict import Evidence

_LEAST_CONVERSIONS: Final = 30
# Scores that the previous champion scores again, at most.
_MOST_SCORES: Final = 40_000
_TINY: Final = 1e-12


def previous_champion(home: Home, bundles: Mapping[str, Bundle]) -> str | None:
    """Finds the version that answered before the champion, if its bundle is still there."""
    champion = home.champion()
    others = [promotion.version for promotion in home.promotions() if promotion.version != champion]
    return others[0] if others and others[0] in bundles else None


def previous_evidence(
    followed: FollowUp,
    recent: Bools,
    history: LeadHistory,
    delay: ReportingDelay,
    *,
    champion: str,
    previous: Bundle,
    until: int,
    confidence: float,
    config: TrainingConfig,
) -> Iterator[Evidence]:
    """Compares the log loss of the champion's scores so far with that of the version before, lead by lead.

    Args:
        followed: scores of the nights.
        recent: (n,) which of them were given within the last horizon.
        history: of the leads.
        delay: of reporting.
        champion: version that answers.
        previous: bundle of the version before.
        until: the end of what is known, microseconds UTC.
        confidence: of the interval.
        config: limits, seed and draws.
    """
    scores = followed.scores
    if champion not in scores.versions or previous.scorecard.time_edges_days[-1] < scores.horizon_days:
        return
    rows = np.flatnonzero(recent & (scores.version == scores.versions.index(champion)))
    if followed.fresh_observed[rows].sum() < _LEAST_CONVERSIONS:
        return
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_SCORES)).astype(np.int64))]
    taken = followed.take(rows)
    curves = recomputed_curves(previous, history, taken.scores.lead, taken.scores.as_of)
    age_days = (until - taken.scores.as_of) / US_PER_DAY
    theirs = expected_known(curves, taken.fresh_days, age_days, delay)
    lost = _losses(taken.fresh_expected, taken.fresh_observed)
    lost_before = _losses(theirs, taken.fresh_observed)
    estimate = ratio_estimate(
        lost - lost_before,
        lost_before,
        taken.cluster,
        Bootstrap(config.seed, config.bootstrap_replicates),
    )
    wide = widened(estimate, confidence)
    yield Evidence(
        "worse_than_previous",
        wide.value,
        wide.low,
        wide.high,
        most=config.monitor.loss_rise,
        subject=previous.card.model_version,
    )


def _losses(probability: Floats, observed: Floats) -> Floats:
    kept = np.clip(np.where(observed > 0, probability, 1 - probability), _TINY, None)
    losses: Floats = -np.log(kept)
    return losses
