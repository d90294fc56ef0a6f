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
from training.baselines.baselines import BASE_RATE, LOGISTIC
from training.evaluation.evaluate import CREATION, GRID, UNSEEN
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Estimate, ratio_estimate, relative_change
from training.metrics.formulas import log_losses
from training.promotion.gate import LEAST_CONVERSIONS, GateInputs

# Captured conversions are looked at among the leads called first: the share that the lift is told for.
_CAPTURE: Final = "lift_at_10"


def gather_gate_inputs(
    judged: BacktestPredictions,
    evaluation: Evaluation,
    *,
    problems: Sequence[Problem],
    champion: Floats | None,
    seed: int,
    replicates: int,
) -> GateInputs:
    """Takes from the figures what the gate looks at.

    Args:
        judged: what was promised and what happened.
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
        conversions=judged.conversions,
        origins=len(judged.origins),
        against_base_rate=evaluation.differences[BASE_RATE],
        against_logistic=evaluation.differences.get(LOGISTIC),
        level=evaluation.metrics["calibration_in_the_large"],
        levels=_levels(judged),
        slope=evaluation.slope,
    )
    if champion is None:
        return own
    return _beside(own, judged, champion, seed=seed, replicates=replicates)


def _beside(
    own: GateInputs, judged: BacktestPredictions, champion: Floats, *, seed: int, replicates: int
) -> GateInputs:
    """Adds the comparison with the champion."""
    ours, theirs = log_losses(judged.promised, judged.converted), log_losses(champion, judged.converted)

    def worse(group: Bools) -> Estimate:
        return ratio_estimate(
            ours[group] - theirs[group], theirs[group], judged.units[group], seed=seed, replicates=replicates
        )

    groups = {UNSEEN: judged.is_unseen, GRID: ~judged.from_creation, CREATION: judged.from_creation}
    large = {
        name: group
        for name, group in groups.items()
        if len(np.unique(judged.lead[group & judged.converted])) >= LEAST_CONVERSIONS
    }
    return replace(
        own,
        against_champion=worse(np.ones(len(ours), dtype=np.bool_)),
        capture_against_champion=relative_change(
            _CAPTURE,
            sigmoid(judged.promised),
            sigmoid(champion),
            judged.converted,
            judged.units,
            seed=seed,
            replicates=replicates,
        ),
        segments={name: worse(group) for name, group in large.items()},
    )


def _levels(judged: BacktestPredictions) -> tuple[float, ...]:
    """Computes promised over happened at each origin; infinite where nothing happened."""
    count = len(judged.origins)
    promised = np.bincount(judged.origin, sigmoid(judged.promised), count)
    happened = np.bincount(judged.origin, judged.converted, count)
    levels = np.divide(promised, happened, out=np.full(count, np.inf), where=happened > 0)
    return tuple(levels.tolist())
