"""Gathers what the gate decides by, with or without a champion to compare with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.stats import norm

from features.findings.problems import Problem
from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.evaluation.figures import Evaluation
from training.metrics.bootstrap import Estimate
from training.promotion.gate import ChampionComparison, GateInputs

_ERROR: Final = 0.05  # of all origins together


def gather_gate_inputs(
    predictions: BacktestPredictions,
    evaluation: Evaluation,
    *,
    problems: Sequence[Problem],
    champion: ChampionComparison | None = None,
) -> GateInputs:
    """Takes from the figures what the gate decides by.

    Args:
        predictions: of the test examples, with what was observed.
        evaluation: their figures.
        problems: found in the history.
        champion: what was compared with it; None where there is none.
    """
    return GateInputs(
        stopping_problems=sum(problem.stops is not None for problem in problems),
        reported_codes=tuple(dict.fromkeys(problem.code for problem in problems)),
        conversions=predictions.conversions,
        origins=len(predictions.origins),
        against_base_rate=evaluation.differences[BASE_RATE],
        against_logistic=evaluation.differences.get(LOGISTIC),
        level=evaluation.metrics["calibration_in_the_large"],
        levels=levels_of_origins(predictions),
        slope=evaluation.slope,
        horizon_days=predictions.horizon_days,
        champion=champion,
    )


def levels_of_origins(predictions: BacktestPredictions) -> tuple[Estimate, ...]:
    """Computes predicted over observed conversions at each origin, with intervals that hold jointly at 95 %.

    The interval is that of the logarithm, from the sums over leads or accounts, at 1 - 0.05 / origins
    (Bonferroni). Without a conversion the level is infinite, and its lower bound goes by how many leads would
    have converted: none of Poisson's do where that number is small.

    Source: the ratio of two means, Cochran, Sampling Techniques, 1977, section 6.4; no event in a Poisson
    sample, Garwood, Biometrika 28, 1936.
    """
    error = _ERROR / len(predictions.origins)
    leads = len(np.unique(predictions.clusters[predictions.converted]))
    examples_a_lead = predictions.converted.sum() / max(leads, 1)
    return tuple(
        _level(
            sigmoid(predictions.predicted[mask]),
            predictions.converted[mask].astype(np.float64),
            predictions.clusters[mask],
            error=error,
            examples_a_lead=float(examples_a_lead),
        )
        for mask in (predictions.origin == number for number in range(len(predictions.origins)))
    )


def _level(
    predicted: Floats, converted: Floats, cluster: Ints, *, error: float, examples_a_lead: float
) -> Estimate:
    """Computes predicted over observed conversions with its interval."""
    promised, happened = float(predicted.sum()), float(converted.sum())
    if happened == 0:
        leads = promised / max(examples_a_lead, 1)
        return Estimate(math.inf, leads / -math.log(error / 2), math.inf, len(predicted))
    level = promised / happened
    _, place = np.unique(cluster, return_inverse=True)
    residuals = np.bincount(place, predicted - level * converted)
    half = float(norm.ppf(1 - error / 2) * np.sqrt((residuals**2).sum()) / (level * happened))
    return Estimate(level, level * math.exp(-half), level * math.exp(half), len(predicted))
