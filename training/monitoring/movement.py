"""What moved the mean score between two periods: exact, feature by feature, because the model is additive.

The mean log-odds of a period are those of the average lead plus the mean points of every feature, so the
difference between two periods is the sum of the differences of mean points. Each of these is cut in two: what
another mix of leads explains, and what happened to leads of the same sort (same age, same segment) at once.

Source: Kitagawa, Components of a difference between two rates, JASA 1955.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from features.engine.matrix import Examples
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.times import US_PER_DAY, format_time
from models.bundle.bundle import Bundle
from models.scorecard.bins import ByteCodes
from models.scorecard.points import points
from models.scorecard.scoring import log_odds
from training.config import TrainingConfig
from training.evaluation.segments import WEEK, segment_examples
from training.monitoring.follow_up import FollowUp
from training.monitoring.given_scores import GivenScores
from training.monitoring.recomputed import codes_of

# Scores of a period at most; more move a mean by less than it is shown with.
_MOST_SCORES: Final = 20_000
_DAYS_A_WEEK: Final = 7
# Part of the leads whose points must move the same way, to be a shock of all at once.
_TOGETHER: Final = 0.8

Cause = Literal["all leads at once", "another mix of leads", "both"]


@dataclass(frozen=True, slots=True)
class Period:
    """Scores of a period.

    Attributes:
        scores: given in it.
        codes: (n, features) that the version reads of them.
    """

    scores: GivenScores
    codes: ByteCodes

    def to_json(self) -> dict[str, Any]:
        """Turns the period into an object."""
        return {
            "from": format_time(int(self.scores.as_of.min())),
            "to": format_time(int(self.scores.as_of.max())),
            "scores": len(self.scores),
            "mean_log_odds": float(self.scores.log_odds.mean()),
            "mean_probability": float(self.scores.probability.mean()),
        }


@dataclass(frozen=True, slots=True)
class Move:
    """By how much one feature moved the mean log-odds.

    Attributes:
        feature: name of the feature, or of the pair.
        mix: because other leads are there now.
        within: because leads of the same sort have other values.
    """

    feature: str
    mix: float
    within: float

    @property
    def points(self) -> float:
        """Mean points now, less mean points before."""
        return self.mix + self.within


@dataclass(frozen=True, slots=True)
class Movement:
    """What moved the mean score.

    Attributes:
        reference: the earlier period.
        latest: the later one.
        version: whose points these are.
        other_version: by how much this version scores the earlier period above what was scored then.
        not_reproduced: difference of the stored scores of the later period from recomputed ones; 0 unless
            rows of the history changed afterwards.
        moves: of every feature, the greatest first.
        together: part of the leads whose sort moved in the direction of all.
    """

    reference: Period
    latest: Period
    version: str
    other_version: float
    not_reproduced: float
    moves: tuple[Move, ...]
    together: float

    @property
    def total(self) -> float:
        """Difference of the mean log-odds."""
        return float(self.latest.scores.log_odds.mean() - self.reference.scores.log_odds.mean())

    @property
    def cause(self) -> Cause:
        """Whether all leads moved at once, or there is another mix of leads."""
        mix, within = (abs(sum(getattr(move, part) for move in self.moves)) for part in ("mix", "within"))
        if within > 2 * mix and self.together >= _TOGETHER:
            return "all leads at once"
        return "another mix of leads" if mix > 2 * within else "both"

    def to_json(self) -> dict[str, Any]:
        """Turns the movement into an object."""
        return {
            "reference": self.reference.to_json(),
            "latest": self.latest.to_json(),
            "version": self.version,
            "log_odds": self.total,
            "other_version": self.other_version,
            "not_reproduced": self.not_reproduced,
            "cause": self.cause,
            "together_share": self.together,
            "features": [
                {"feature": move.feature, "points": move.points, "mix": move.mix, "within": move.within}
                for move in self.moves
            ],
        }


def find_movement(
    followed: FollowUp, history: LeadHistory, bundles: Mapping[str, Bundle], *, config: TrainingConfig
) -> Movement | None:
    """Compares the last week of scores with the horizon before it.

    Args:
        followed: scores of the nights.
        history: of the leads.
        bundles: by version.
        config: segments.

    Returns:
        None where one of the periods is empty, or the bundle of the last score is gone.
    """
    scores = followed.scores
    if not len(scores):
        return None
    version = scores.versions[int(scores.version[-1])]
    start = int(scores.as_of[-1]) - _DAYS_A_WEEK * US_PER_DAY
    before = start - int(scores.horizon_days * US_PER_DAY)
    is_latest = scores.as_of > start
    is_reference = ~is_latest & (scores.as_of > before)
    if version not in bundles or not is_reference.any():
        return None
    bundle = bundles[version]
    reference, latest = (_period(scores, mask, bundle, history) for mask in (is_reference, is_latest))
    return _compare(reference, latest, bundle, history, config=config)


def _period(scores: GivenScores, mask: Bools, bundle: Bundle, history: LeadHistory) -> Period:
    rows = np.flatnonzero(mask)
    kept = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST_SCORES)).astype(np.int64))]
    taken = scores.take(kept)
    return Period(taken, codes_of(bundle, history, taken.lead, taken.as_of))


def _compare(
    reference: Period, latest: Period, bundle: Bundle, history: LeadHistory, *, config: TrainingConfig
) -> Movement:
    scorecard, horizon = bundle.scorecard, reference.scores.horizon_days
    recomputed = [log_odds(scorecard, period.codes, horizon) for period in (reference, latest)]
    shares = [points(scorecard, period.codes, horizon)[1] for period in (reference, latest)]
    strata = _strata(reference.scores, latest.scores, history, config=config)
    mix, within, by_stratum, weight = kitagawa(shares[0], shares[1], strata[0], strata[1])
    moved = by_stratum.sum(axis=1)
    together = float(weight[np.sign(moved) == np.sign((weight * moved).sum())].sum())
    moves = [Move(name, float(mix[i]), float(within[i])) for i, name in enumerate(scorecard.term_names)]
    return Movement(
        reference=reference,
        latest=latest,
        version=bundle.card.model_version,
        other_version=float(recomputed[0].mean() - reference.scores.log_odds.mean()),
        not_reproduced=float(latest.scores.log_odds.mean() - recomputed[1].mean()),
        moves=tuple(sorted(moves, key=lambda move: (-abs(move.points), move.feature))),
        together=together,
    )


def _strata(
    reference: GivenScores, latest: GivenScores, history: LeadHistory, *, config: TrainingConfig
) -> tuple[Ints, Ints]:
    """Numbers the sort of every lead: its age and its segment."""
    lead, as_of = (np.concatenate([getattr(reference, n), getattr(latest, n)]) for n in ("lead", "as_of"))
    found = segment_examples(history, Examples(lead, as_of), config=config)
    stratum = np.zeros(len(lead), np.int64)
    for segmentation in (each for name, each in found.items() if name != WEEK):
        stratum = stratum * len(segmentation.names) + segmentation.segment
    numbered = np.unique(stratum, return_inverse=True)[1]
    return numbered[: len(reference)], numbered[len(reference) :]


def kitagawa(
    before: Floats, after: Floats, stratum_before: Ints, stratum_after: Ints
) -> tuple[Floats, Floats, Floats, Floats]:
    """Cuts the difference of means in two: other weights of the strata, other means within them.

    Args:
        before: (n, terms) values.
        after: (m, terms) values.
        stratum_before: (n,) number of the stratum.
        stratum_after: (m,) likewise.

    Returns:
        (terms,) by other weights and (terms,) by other means, which sum to the difference of the means; then
        (strata, terms) difference of the means and (strata,) mean weight of each stratum.
    """
    count = int(max(stratum_before.max(), stratum_after.max())) + 1
    weights, means = [], []
    for values, stratum in ((before, stratum_before), (after, stratum_after)):
        number = np.bincount(stratum, minlength=count)
        sums = np.stack([np.bincount(stratum, column, count) for column in values.T], axis=1)
        weights.append(number / len(stratum))
        means.append(np.where(number[:, None] > 0, sums / np.maximum(number, 1)[:, None], np.nan))
    # A stratum that one period lacks has the mean of the other: it is all another mix.
    first, second = (np.where(np.isnan(own), other, own) for own, other in (means, means[::-1]))
    weight = (weights[0] + weights[1]) / 2
    moved = second - first
    mix = ((weights[1] - weights[0])[:, None] * (first + second) / 2).sum(axis=0)
    return mix, (weight[:, None] * moved).sum(axis=0), moved, weight
