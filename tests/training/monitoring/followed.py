"""Past scores with what followed, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.support.builders import When, at
from training.monitoring.follow_up import FollowUp
from training.monitoring.given_scores import GivenScores
from training.monitoring.own_curves import OwnCurves


def followed(
    probability: Sequence[float],
    observed: Sequence[int],
    *,
    when: Sequence[When] | When = 0,
    complete: Sequence[bool] | bool = True,
    horizon_days: float = 30.0,
    **columns: Any,
) -> FollowUp:
    """Scores of leads 0, 1, 2, ..., each its own cluster, by version 1 in band A and stage open.

    Args:
        probability: (n,) within the horizon; expected so far, too.
        observed: (n,) 1 where a conversion is known.
        when: of each score.
        complete: whether its horizon is over.
        horizon_days: of all scores; what is fresh is all of it.
        columns: others of the scores.
    """
    n, chance = len(probability), np.array(probability, np.float64)
    shape, outcome = np.ones(n, np.int64), np.array(observed, np.float64)
    moments = when if isinstance(when, Sequence) and not isinstance(when, str) else [when] * n
    scores = GivenScores(
        **{
            "lead": np.arange(n),
            "as_of": np.array([at(moment) for moment in moments]),
            "probability": chance,
            "curves": OwnCurves.of_probabilities(
                np.full((n, 1), horizon_days), chance[:, np.newaxis], np.zeros(n)
            ),
            "version": shape * 0,
            "band": shape * 0,
            "stage": shape * 0,
            "held_out": np.zeros(n, np.bool_),
            "score_id": np.full(n, None, object),
            "horizon_days": horizon_days,
            "versions": ("1",),
            "bands": ("A",),
            "stages": ("open",),
            **columns,
        }
    )
    return FollowUp(
        scores=scores,
        cluster=scores.lead,
        expected=chance,
        observed=outcome,
        is_complete=np.broadcast_to(np.asarray(complete), n).copy(),
        fresh_days=shape * horizon_days,
        fresh_expected=chance,
        fresh_observed=outcome,
        had_converted=0,
    )
