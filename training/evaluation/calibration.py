"""Calibration of predictions: slope and intercept, reliability in bins, and the curve of gains."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from features.history.lead_history import Bools, Floats, Ints
from models.scorecard.hazards import sigmoid
from training.backtesting.predictions import BacktestPredictions
from training.metrics.bootstrap import Bootstrap, Estimate, ends, ratio_estimates, replicate_sums
from training.metrics.cluster_sums import sum_by_cluster
from training.metrics.formulas import captured, equal_mass_bins

# Newton steps at most after scikit-learn's fit: one or two reach the last digits.
_STEPS: Final = 10
_CLOSE: Final = 1e-12

# Points of the curve of gains: one for each two percent of the leads.
_CURVE_POINTS: Final = 50


def calibration_line(
    log_odds: Floats, converted: Bools, cluster: Ints, bootstrap: Bootstrap
) -> tuple[Estimate, Estimate]:
    """Fits `logit P(converted) = intercept + slope * log_odds` by maximum likelihood.

    A slope below 1 means that predictions are too far apart, above 1 too close together. Each replicate of
    the intervals is one Newton step away from the fit on all examples.

    Args:
        log_odds: (n,) predicted.
        converted: (n,) observed; both outcomes occur.
        cluster: (n,) number of each example's lead or account.
        bootstrap: of the intervals.

    Returns:
        The slope and the intercept. Equal predictions order nothing: their slope is 1. Where the predictions
        separate the outcomes without exception, the likelihood has no maximum: the slope is infinite,
        negative where the order is reversed, and intercept and intervals are NaN. All are NaN where the fit
        does not converge.

    Source: Van Calster et al., Calibration: the Achilles heel of predictive analytics, BMC Medicine 2019;
    Albert and Anderson, On the existence of maximum likelihood estimates in logistic regression, 1984.
    """
    differ = bool(np.ptp(log_odds) > 0)
    if differ and (direction := _separation(log_odds, converted)):
        unknown = Estimate(np.nan, np.nan, np.nan, len(cluster))
        return replace(unknown, value=direction * np.inf), unknown
    centre, share = float(np.mean(log_odds)), float(np.mean(converted))
    if differ:
        scale = float(np.std(log_odds))
        x = (log_odds - centre) / scale
        middle, slope = _maximum(x, converted)
    else:
        scale, x = 1.0, np.zeros(len(log_odds))
        middle, slope = float(np.log(share / (1 - share))), 1.0
    moved = _influence(middle + slope * x, x, converted)
    rows = np.repeat([0, 1], len(cluster))
    sums = sum_by_cluster(np.concatenate(moved), rows, np.tile(cluster, 2), rows_count=2)
    middle_moved, slope_moved = replicate_sums(sums, bootstrap)
    slopes = (slope + slope_moved) / scale
    intercepts = middle + middle_moved - slopes * centre
    return (
        _estimate(slope / scale, slopes, n=len(cluster)),
        _estimate(middle - slope / scale * centre, intercepts, n=len(cluster)),
    )


def _separation(log_odds: Floats, converted: Bools) -> int:
    """Returns 1 where no converted example was predicted below an open one, -1 where none above, else 0."""
    above, below = log_odds[converted], log_odds[~converted]
    return int(below.max() <= above.min()) - int(above.max() <= below.min())


def _maximum(x: Floats, converted: Bools) -> tuple[float, float]:
    """Finds the maximum of the likelihood by scikit-learn's fit, then Newton steps to the last digits.

    Args:
        x: (n,) of mean 0 and standard deviation 1; it does not separate the outcomes.
        converted: (n,) observed.

    Returns:
        Intercept and slope, NaN where the steps do not converge.
    """
    with warnings.catch_warnings():
        # It may warn that it changes its solver; the steps below check whether it converged.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(x[:, None], converted)
    line = np.array([fitted.intercept_[0], fitted.coef_[0, 0]])
    for _ in range(_STEPS):
        step = np.array([part.sum() for part in _influence(line[0] + line[1] * x, x, converted)])
        line += step
        if np.abs(step).max() <= _CLOSE * max(1.0, np.abs(line).max()):
            return float(line[0]), float(line[1])
    return np.nan, np.nan


def _information(fitted: Floats, x: Floats) -> tuple[float, float, float, float]:
    """Computes the inverse of the information matrix, row by row; zeros where predictions do not differ."""
    weight = sigmoid(fitted) * sigmoid(-fitted)
    first, mixed, second = float(weight.sum()), float((weight * x).sum()), float((weight * x * x).sum())
    determinant = first * second - mixed * mixed
    if determinant <= 0:
        return 1 / first if first > 0 else 0.0, 0.0, 0.0, 0.0
    return second / determinant, -mixed / determinant, -mixed / determinant, first / determinant


def _influence(fitted: Floats, x: Floats, converted: Bools) -> tuple[Floats, Floats]:
    """Computes by how much each example moves the two coefficients."""
    a, b, c, d = _information(fitted, x)
    residual = converted - sigmoid(fitted)
    return residual * (a + b * x), residual * (c + d * x)


def _estimate(value: float, replicates: Floats, *, n: int) -> Estimate:
    """Puts a number and an interval that contains it together."""
    low, high = ends(replicates)
    return Estimate(value, min(low, value), max(high, value), n)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """One bin of the predicted probabilities.

    In JSON `predicted` is called promised and `observed` happened.

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


def reliability(predictions: BacktestPredictions, bootstrap: Bootstrap) -> tuple[ReliabilityBin, ...]:
    """Compares predicted and observed in bins of equal mass; otherwise as `reliability_in`."""
    return reliability_in(predictions, equal_mass_bins(predictions.predicted), bootstrap)


def reliability_in(
    predictions: BacktestPredictions, bin_of: Ints, bootstrap: Bootstrap
) -> tuple[ReliabilityBin, ...]:
    """Compares predicted and observed in bins of the prediction.

    Args:
        predictions: of the test examples, with what was observed.
        bin_of: (n,) number of the bin, rising with the prediction.
        bootstrap: of the intervals.

    Returns:
        As `reliability_bins`.
    """
    probability, converted = sigmoid(predictions.predicted), predictions.converted
    return reliability_bins(probability, converted, predictions.clusters, bin_of, bootstrap)


def reliability_bins(
    probability: Floats, converted: Bools, cluster: Ints, bin_of: Ints, bootstrap: Bootstrap
) -> tuple[ReliabilityBin, ...]:
    """Compares predicted and observed in bins.

    Args:
        probability: (n,) predicted.
        converted: (n,) observed.
        cluster: (n,) number of each example's lead or account.
        bin_of: (n,) number of the bin, rising with the prediction.
        bootstrap: of the intervals.

    Returns:
        Rising with the probability; `n` of a bin's estimate is its number of examples.
    """
    observed = converted.astype(np.float64)
    masks = [bin_of == number for number in np.unique(bin_of)]
    estimates = ratio_estimates(
        [mask * observed for mask in masks],
        [mask.astype(np.float64) for mask in masks],
        cluster,
        bootstrap,
    )
    return tuple(
        ReliabilityBin(
            predicted=float(probability[mask].mean()),
            observed=replace(estimate, n=int(mask.sum())),
            conversions=int(observed[mask].sum()),
        )
        for mask, estimate in zip(masks, estimates, strict=True)
    )


def gains_curve(predictions: BacktestPredictions) -> Floats:
    """Computes which part of the conversions the leads called first capture.

    Returns:
        (points, 2) share of the leads, rising from 0 to 1, and share of the conversions among them.
    """
    probability, observed = sigmoid(predictions.predicted), predictions.converted.astype(np.float64)
    shares = np.arange(_CURVE_POINTS + 1) / _CURVE_POINTS
    return np.array([[share, captured(probability, observed, share=share)] for share in shares.tolist()])
