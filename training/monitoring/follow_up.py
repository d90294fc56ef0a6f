"""What followed past scores so far, beside what they let expect so far."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.engine.matrix import Examples
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.times import US_PER_DAY
from training.evaluation.capacity import week_of
from training.examples.clusters import clusters_of
from training.examples.labels import edges_us, is_mature, label_examples
from training.monitoring.delays import ReportingDelay
from training.monitoring.given_scores import GivenScores
from training.monitoring.own_curves import OwnCurves


@dataclass(frozen=True, slots=True)
class FollowUp:
    """Scores, what they let expect by now, and what is known to have followed.

    Expected is the chance of a conversion that happened by now and is known by now, by the score's own curve
    and the delay of reporting: scores whose horizon is not over count as far as they have come.

    Attributes:
        scores: n scores of leads that had not converted.
        cluster: (n,) number of the account, or of the lead that has none.
        expected: (n,) chance of a conversion known by now, at most within the horizon.
        observed: (n,) 1 where it is known, else 0.
        is_complete: (n,) whether the horizon and the delay of reporting are over.
        fresh_days: (n,) days from the score to those of the next week, at most to now and to the horizon:
            these spans of a lead share no day, so that no conversion is counted twice.
        fresh_expected: (n,) chance of a conversion within these days that is known by now.
        fresh_observed: (n,) likewise.
        had_converted: scores left out because the conversion had happened before, and was not yet known.
    """

    scores: GivenScores
    cluster: Ints
    expected: Floats
    observed: Floats
    is_complete: Bools
    fresh_days: Floats
    fresh_expected: Floats
    fresh_observed: Floats
    had_converted: int

    def take(self, rows: Ints | Bools) -> FollowUp:
        """Takes some of the scores."""
        return FollowUp(
            self.scores.take(rows),
            self.cluster[rows],
            self.expected[rows],
            self.observed[rows],
            self.is_complete[rows],
            self.fresh_days[rows],
            self.fresh_expected[rows],
            self.fresh_observed[rows],
            self.had_converted,
        )


def follow_up(scores: GivenScores, history: LeadHistory, delay: ReportingDelay, *, until: int) -> FollowUp:
    """Compares scores with the outcomes known at a moment, and no others.

    Args:
        scores: given before it.
        history: may know more than was known then.
        delay: of reporting, as known then.
        until: the moment, microseconds UTC.
    """
    labels = label_examples(history, Examples(scores.lead, scores.as_of), observed_until=until)
    given = len(scores)
    open_then = np.flatnonzero(~labels.had_converted)
    scores, labels = scores.take(open_then), labels.take(open_then)
    age_days = (until - scores.as_of) / US_PER_DAY
    end_days = np.minimum(age_days, scores.horizon_days)
    fresh_days = np.minimum(end_days, _days_to_next_week(scores.as_of))

    def observed(days: Floats) -> Floats:
        return (labels.time_to_conversion_us <= edges_us(days)).astype(np.float64)

    return FollowUp(
        scores=scores,
        cluster=clusters_of(history)[scores.lead],
        expected=expected_known(scores.curves, end_days, age_days, delay),
        observed=observed(end_days),
        is_complete=is_mature(labels, scores.horizon_days),
        fresh_days=fresh_days,
        fresh_expected=expected_known(scores.curves, fresh_days, age_days, delay),
        fresh_observed=observed(fresh_days),
        had_converted=given - len(open_then),
    )


def expected_known(curves: OwnCurves, end_days: Floats, age_days: Floats, delay: ReportingDelay) -> Floats:
    """Computes the chance of a conversion by an end that is known by now.

    A conversion reported d days late is known by now if it came d days before now: the chance is the mean,
    over the delays, of the curve at the earlier of the end and now less the delay.

    Args:
        curves: (n,) of the scores.
        end_days: (n,) after each score.
        age_days: (n,) from each score to now.
        delay: of reporting.
    """
    reached = np.zeros(len(end_days))
    for days in delay.days.tolist():
        reached += curves.at(np.minimum(end_days, age_days - days))
    expected: Floats = reached / len(delay.days)
    return expected


def _days_to_next_week(as_of: Ints) -> Floats:
    """Gives the days from each score to the first score of the next week that has any.

    The end of a span hangs on no lead's fate, else spans of leads that were lost would be longer.
    """
    weeks = week_of(as_of)
    present, first = np.unique(weeks, return_index=True)
    starts = np.array([as_of[weeks == week].min() for week in present]) if len(first) else first
    following = np.append(starts[1:].astype(np.float64), np.inf)
    days: Floats = (following[np.searchsorted(present, weeks)] - as_of) / US_PER_DAY
    return days
