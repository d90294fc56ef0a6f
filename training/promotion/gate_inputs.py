"""Gathers what the gate looks at, with or without a champion to compare with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from features.findings.problems import Problem
from features.history.lead_history import Bools, Floats
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.evaluation.evaluate import CREATION, GRID, UNSEEN
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Estimate, ratio_estimate, relative_change
from training.metrics.formulas import log_losses
from training.promotion.gate import LEAST_CONVERSIONS, GateInputs

# Captured conversions are looked at among the leads called first: the share that the lift is told for.
_CAPTURE: Final = "lift_at_10"


def gather_gate_inputs(
    predictions: BacktestPredictions,
    evaluation: Evaluation,
    *,
    problems: Sequence[Problem],
    champion: Floats | None,
    seed: int,
    replicates: int,
) -> GateInputs:
    """Takes from the figures what the gate looks at.

    Args:
        predictions: of the test examples, with what was observed.
        evaluation: its figures.
        problems: found in the history.
        champion: (n,) log-odds the champion's recipe promised for the same test examples, refitted at the
            same origins, level shift included; None where there is no champion.
        seed: of the replicates.
        replicates: how many draws of leads.
    """
    own = GateInputs(
        stopping_problems=sum(problem.stops is not None for problem in problems),
        reported_codes=tuple(dict.fromkeys(problem.code for problem in problems)),
        conversions=predictions.conversions,
        origins=len(predictions.origins),
        against_base_rate=evaluation.differences[BASE_RATE],
        against_logistic=evaluation.differences.get(LOGISTIC),
        level=evaluation.metrics["calibration_in_the_large"],
        levels=_levels(predictions),
        slope=evaluation.slope,
    )
    if champion is None:
        return own
    return _beside(own, predictions, champion, seed=seed, replicates=replicates)


def _beside(
    own: GateInputs, predictions: BacktestPredictions, champion: Floats, *, seed: int, replicates: int
) -> GateInputs:
    """Adds the comparison with the champion."""
    ours, theirs = (
        log_losses(predictions.predicted, predictions.converted),
        log_losses(champion, predictions.converted),
    )

    def worse(group: Bools) -> Estimate:
        return ratio_estimate(
            ours[group] - theirs[group],
            theirs[group],
            predictions.clusters[group],
            seed=seed,
            replicates=replicates,
        )

    groups = {
        UNSEEN: predictions.is_unseen,
        GRID: ~predictions.from_creation,
        CREATION: predictions.from_creation,
    }
    large = {
        name: group
        for name, group in groups.items()
        if len(np.unique(predictions.lead[group & predictions.converted])) >= LEAST_CONVERSIONS
    }
    return replace(
        own,
        against_champion=worse(np.ones(len(ours), dtype=np.bool_)),
        capture_against_champion=relative_change(
            _CAPTURE,
            sigmoid(predictions.predicted),
            sigmoid(champion),
            predictions.converted,
            predictions.clusters,
            seed=seed,
            replicates=replicates,
        ),
        segments={name: worse(group) for name, group in large.items()},
    )


def _levels(predictions: BacktestPredictions) -> tuple[float, ...]:
    """Computes promised over happened at each origin; infinite where nothing happened."""
    count = len(predictions.origins)
    predicted = np.bincount(predictions.origin, sigmoid(predictions.predicted), count)
    observed = np.bincount(predictions.origin, predictions.converted, count)
    levels = np.divide(predicted, observed, out=np.full(count, np.inf), where=observed > 0)
    return tuple(levels.tolist())
