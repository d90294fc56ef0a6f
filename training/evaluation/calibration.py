"""Calibration slope and intercept: whether promises are too bold or too timid, beside their level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from features.history.lead_history import Bools, Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.metrics.bootstrap import Estimate, ends, ratio_estimates, replicate_sums
from training.metrics.formulas import captured, equal_mass_bins, sum_by_lead

# Newton's steps; four are enough for 1e-12 where the log-odds are not separable.
_STEPS: Final = 25
_CLOSE: Final = 1e-13


def calibration_line(
    log_odds: Floats, converted: Bools, lead: Ints, *, seed: int, replicates: int
) -> tuple[Estimate, Estimate]:
    """Fits `logit P(converted) = intercept + slope * log_odds` by maximum likelihood.

    A slope below 1 says that promises are too far apart, above 1 too close together. The intervals come from
    leads drawn with replacement, each replicate moved by one Newton step from the fit on all.

    Args:
        log_odds: (n,) promised; not all equal.
        converted: (n,) what happened.
        lead: (n,) whose example it is.
        seed: of the replicates.
        replicates: how many draws.

    Returns:
        The slope and the intercept; the slope of equal promises stays at 1, they order nothing.

    Source: Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine 2019.
    """
    centre = float(np.mean(log_odds))
    x = log_odds - centre
    middle, slope = 0.0, 1.0
    for _ in range(_STEPS):
        step = _newton_step(middle + slope * x, x, converted)
        middle, slope = middle + step[0], slope + step[1]
        if max(abs(part) for part in step) < _CLOSE:
            break
    moved = _influence(middle + slope * x, x, converted)
    rows = np.repeat([0, 1], len(lead))
    sums = sum_by_lead(np.concatenate(moved), rows, np.tile(lead, 2), rows_count=2)
    middle_moved, slope_moved = replicate_sums(sums, seed=seed, replicates=replicates)
    slopes, intercepts = slope + slope_moved, middle + middle_moved - (slope + slope_moved) * centre
    return (
        Estimate(slope, *ends(slopes), len(lead)),
        Estimate(middle - slope * centre, *ends(intercepts), len(lead)),
    )


def _information(fitted: Floats, x: Floats) -> tuple[float, float, float, float]:
    """Gives the inverse of the information matrix, row by row; zeros where promises do not differ."""
    weight = sigmoid(fitted) * sigmoid(-fitted)
    first, mixed, second = float(weight.sum()), float((weight * x).sum()), float((weight * x * x).sum())
    determinant = first * second - mixed * mixed
    if determinant <= 1e-12 * first * first:
        return 1 / first if first > 0 else 0.0, 0.0, 0.0, 0.0
    return second / determinant, -mixed / determinant, -mixed / determinant, first / determinant


def _influence(fitted: Floats, x: Floats, converted: Bools) -> tuple[Floats, Floats]:
    """Gives by how much each example moves the two coefficients."""
    a, b, c, d = _information(fitted, x)
    rest = converted - sigmoid(fitted)
    return rest * (a + b * x), rest * (c + d * x)


def _newton_step(fitted: Floats, x: Floats, converted: Bools) -> tuple[float, float]:
    """Gives one step towards the maximum of the likelihood, no longer than 2 so that it cannot run away."""
    steps = [float(np.clip(part.sum(), -2, 2)) for part in _influence(fitted, x, converted)]
    return steps[0], steps[1]


# Points of the curve of gains: one for each two percent of the leads.
_CURVE_POINTS = 50


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of the promised probabilities.

    Attributes:
        predicted: mean probability.
        observed: share that converted.
        conversions: examples that did.
    """

    predicted: float
    observed: Estimate
    conversions: int

    def to_json(self) -> dict[str, Any]:
        """Turns the bin into an object."""
        return {
            "promised": self.predicted,
            "happened": self.observed.to_json(),
            "conversions": self.conversions,
        }


def reliability(
    predictions: BacktestPredictions, *, seed: int, replicates: int
) -> tuple[ReliabilityBin, ...]:
    """Compares promised and happened in bins of equal mass; otherwise as `reliability_in`."""
    return reliability_in(
        predictions, equal_mass_bins(predictions.predicted), seed=seed, replicates=replicates
    )


def reliability_in(
    predictions: BacktestPredictions, bin_of: Ints, *, seed: int, replicates: int
) -> tuple[ReliabilityBin, ...]:
    """Compares promised and happened in bins of what was promised.

    Args:
        predictions: of the test examples, with what was observed.
        bin_of: (n,) number of the bin, rising with the promise.
        seed: of the replicates.
        replicates: how many draws.

    Returns:
        Rising with the probability; `n` of a bin's figure is its number of examples.
    """
    probability, observed = sigmoid(predictions.predicted), predictions.converted.astype(np.float64)
    inside = [bin_of == number for number in np.unique(bin_of)]
    figures = ratio_estimates(
        [one * observed for one in inside],
        [one.astype(np.float64) for one in inside],
        predictions.clusters,
        seed=seed,
        replicates=replicates,
    )
    return tuple(
        ReliabilityBin(
            predicted=float(probability[one].mean()),
            observed=Estimate(figure.value, figure.low, figure.high, int(one.sum())),
            conversions=int(observed[one].sum()),
        )
        for one, figure in zip(inside, figures, strict=True)
    )


def gains_curve(predictions: BacktestPredictions) -> Floats:
    """Computes which part of the conversions the leads called first hold.

    Returns:
        (points, 2) share of the leads, rising from 0 to 1, and share of the conversions among them.
    """
    probability, observed = sigmoid(predictions.predicted), predictions.converted.astype(np.float64)
    shares = np.arange(_CURVE_POINTS + 1) / _CURVE_POINTS
    return np.array([[share, captured(probability, observed, share=share)] for share in shares.tolist()])
