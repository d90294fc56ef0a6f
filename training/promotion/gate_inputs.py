"""Gathers what the gate decides by, with or without a champion to compare with."""

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
from training.evaluation.evaluate import populations
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Bootstrap, Estimate, ratio_estimate, relative_change
from training.metrics.formulas import log_losses
from training.promotion.gate import LEAST_CONVERSIONS, GateInputs

# The metric of captured conversions: those among the leads called first.
_CAPTURE: Final = "lift_at_10"


def gather_gate_inputs(
    predictions: BacktestPredictions,
    evaluation: Evaluation,
    *,
    problems: Sequence[Problem],
    champion: Floats | None,
    bootstrap: Bootstrap,
) -> GateInputs:
    """Takes from the figures what the gate decides by.

    Args:
        predictions: of the test examples, with what was observed.
        evaluation: their figures.
        problems: found in the history.
        champion: (n,) log-odds of the champion's configuration for the same test examples, refitted at the
            same origins, level shift included; None where there is no champion.
        bootstrap: of the intervals.
    """
    inputs = GateInputs(
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
    return inputs if champion is None else _against_champion(inputs, predictions, champion, bootstrap)


def _against_champion(
    inputs: GateInputs, predictions: BacktestPredictions, champion: Floats, bootstrap: Bootstrap
) -> GateInputs:
    """Adds the comparison with the champion."""
    converted, clusters = predictions.converted, predictions.clusters
    ours, theirs = log_losses(predictions.predicted, converted), log_losses(champion, converted)

    def loss_change(mask: Bools) -> Estimate:
        return ratio_estimate(ours[mask] - theirs[mask], theirs[mask], clusters[mask], bootstrap)

    large = {
        name: mask
        for name, mask in populations(predictions).items()
        if len(np.unique(predictions.lead[mask & converted])) >= LEAST_CONVERSIONS
    }
    return replace(
        inputs,
        against_champion=loss_change(np.ones(len(ours), dtype=np.bool_)),
        capture_against_champion=relative_change(
            _CAPTURE, sigmoid(predictions.predicted), sigmoid(champion), converted, clusters, bootstrap
        ),
        segments={name: loss_change(mask) for name, mask in large.items()},
    )


def _levels(predictions: BacktestPredictions) -> tuple[float, ...]:
    """Computes predicted over observed conversions at each origin; infinite where none was observed."""
    count = len(predictions.origins)
    predicted = np.bincount(predictions.origin, sigmoid(predictions.predicted), count)
    observed = np.bincount(predictions.origin, predictions.converted, count)
    levels = np.divide(predicted, observed, out=np.full(count, np.inf), where=observed > 0)
    return tuple(levels.tolist())
