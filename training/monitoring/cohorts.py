"""Expected and observed so far, by version, band, stage, segment and week, and when last complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.engine.matrix import Examples
from features.history.lead_history import Bools, Ints, LeadHistory
from features.times import US_PER_DAY
from training.config import TrainingConfig
from training.evaluation.segments import WEEK, segment_examples
from training.metrics.bootstrap import Estimate
from training.metrics.counts import observed_over_expected
from training.monitoring.follow_up import FollowUp
from training.monitoring.given_scores import NO_NAME

_NO_BAND: Final = "insufficient evidence"


@dataclass(frozen=True, slots=True)
class Cohort:
    """Scores that are compared with what followed.

    Attributes:
        name: of the group.
        scores: number of them.
        expected: conversions that they let expect so far.
        observed: conversions known so far.
        ratio: observed over expected.
        complete_share: share of the scores whose horizon is over.
    """

    name: str
    scores: int
    expected: float
    observed: int
    ratio: Estimate
    complete_share: float

    def to_json(self) -> dict[str, Any]:
        """Turns the cohort into an object."""
        return {
            "name": self.name,
            "scores": self.scores,
            "expected": round(self.expected, 3),
            "observed": self.observed,
            "ratio": self.ratio.to_json(),
            "complete_share": round(self.complete_share, 4),
        }


@dataclass(frozen=True, slots=True)
class Cohorts:
    """Expected and observed so far.

    Attributes:
        recent: scores of the last horizon, most of which is not over.
        last_complete: scores of the last horizon that is over; None while there is none.
        by: groups by question: version, band, stage, each segment, week.
        audit: single scores given on request, apart: somebody chose which leads were asked for.
        held_out: leads held out of prioritisation; None where there are none.
    """

    recent: Cohort
    last_complete: Cohort | None
    by: Mapping[str, tuple[Cohort, ...]]
    audit: Cohort | None = None
    held_out: Cohort | None = None

    def to_json(self) -> dict[str, Any]:
        """Turns them into an object."""
        apart = {"last_complete": self.last_complete, "audit": self.audit, "held_out": self.held_out}
        return {
            "recent": self.recent.to_json(),
            **{name: None if cohort is None else cohort.to_json() for name, cohort in apart.items()},
            "by": {name: [cohort.to_json() for cohort in cohorts] for name, cohorts in self.by.items()},
        }


def find_cohorts(
    followed: FollowUp,
    history: LeadHistory,
    *,
    until: int,
    config: TrainingConfig,
    audit: FollowUp | None = None,
) -> Cohorts:
    """Groups scores, and compares each group with what followed.

    Args:
        followed: scores of the nights.
        history: of the leads.
        until: the end of what is known, microseconds UTC.
        config: segments.
        audit: single scores.
    """
    recent, complete = is_recent(followed, until=until), is_last_complete(followed)
    held_out = followed.scores.held_out
    return Cohorts(
        recent=cohort(followed, recent, "the last horizon"),
        last_complete=cohort(followed, complete, "the last complete horizon") if complete.any() else None,
        by={
            name: tuple(cohort(followed, mask, label) for label, mask in groups)
            for name, groups in groups_of(followed, history, config=config)
        },
        audit=cohort(audit, np.ones(len(audit.expected), np.bool_), "single scores")
        if audit is not None and len(audit.expected)
        else None,
        held_out=cohort(followed, held_out, "held out") if held_out.any() else None,
    )


def is_recent(followed: FollowUp, *, until: int) -> Bools:
    """(n,) whether a score was given within the last horizon."""
    horizon = followed.scores.horizon_days * US_PER_DAY
    return np.asarray(followed.scores.as_of > until - horizon)


def is_last_complete(followed: FollowUp) -> Bools:
    """(n,) whether a score is complete and was given within a horizon before the last complete one."""
    complete = followed.is_complete
    if not complete.any():
        return complete
    as_of = followed.scores.as_of
    last = int(as_of[complete].max())
    return np.asarray(complete & (as_of > last - followed.scores.horizon_days * US_PER_DAY))


def cohort(followed: FollowUp, mask: Bools, name: str) -> Cohort:
    """Compares some of the scores with what followed."""
    expected, observed = followed.expected[mask], followed.observed[mask]
    return Cohort(
        name=name,
        scores=int(mask.sum()),
        expected=float(expected.sum()),
        observed=int(observed.sum()),
        ratio=observed_over_expected(observed, expected, followed.cluster[mask]),
        complete_share=float(followed.is_complete[mask].mean()) if mask.any() else 0.0,
    )


def groups_of(
    followed: FollowUp, history: LeadHistory, *, config: TrainingConfig
) -> Iterator[tuple[str, list[tuple[str, Bools]]]]:
    """Gives the groups by each question, as names and masks."""
    scores = followed.scores
    yield "version", _named(scores.version, scores.versions)
    yield "band", _named(scores.band, scores.bands, missing=_NO_BAND)
    yield "stage", _named(scores.stage, scores.stages)
    found = segment_examples(history, Examples(scores.lead, scores.as_of), config=config)
    for name in [*(name for name in found if name != WEEK), WEEK]:
        yield name, list(found[name].masks().items())


def _named(codes: Ints, names: tuple[str, ...], *, missing: str | None = None) -> list[tuple[str, Bools]]:
    masks = [(name, codes == number) for number, name in enumerate(names)]
    if missing is not None and (codes == NO_NAME).any():
        masks.append((missing, codes == NO_NAME))
    return masks
