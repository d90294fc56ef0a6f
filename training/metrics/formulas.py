"""How good predicted probabilities were: values; `training.metrics.cluster_sums` gives those of replicates.

scikit-learn's own functions are used wherever they exist.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    d2_brier_score,
    d2_log_loss_score,
    log_loss,
    roc_auc_score,
)

from features.history.lead_history import Bools, Floats, Ints

# Equal-mass bins of the calibration error: fewer hide errors inside a bin, more drown them in noise.
CALIBRATION_BINS: Final = 15

# The share of leads that a sales team calls first, for which the lift is reported.
LIFT_SHARE: Final = 0.10


def point_metrics(probability: Floats, converted: Bools, cluster: Ints) -> dict[str, float]:
    """Computes every metric that `train --json` prints, in its order.

    The two skills compare with the best constant in hindsight, the share that converted in these very
    examples: harder to beat than any base rate that could have been known in time.

    Args:
        probability: (n,) predicted P(conversion within the horizon).
        converted: (n,) observed; both outcomes must occur.
        cluster: (n,) number of each example's lead or account.

    Returns:
        Metric by name; never NaN when both outcomes occur.
    """
    return {
        "auc": float(roc_auc_score(converted, probability)),
        "average_precision": float(average_precision_score(converted, probability)),
        "log_loss": float(log_loss(converted, probability, labels=[False, True])),
        "log_loss_skill": float(d2_log_loss_score(converted, probability, labels=[False, True])),
        "brier": float(brier_score_loss(converted, probability)),
        "brier_skill": float(d2_brier_score(converted, probability)),
        "calibration_in_the_large": float(probability.sum() / converted.sum()),
        "calibration_error": calibration_error(probability, converted, cluster),
        "lift_at_10": lift(probability, converted, share=LIFT_SHARE),
    }


def log_losses(log_odds: Floats, converted: Bools) -> Floats:
    """Computes the log loss of every example, exact where the probability would round to 0 or 1.

    >>> log_losses(np.array([0.0, 800.0]), np.array([True, False])).round(4).tolist()
    [0.6931, 800.0]
    """
    losses: Floats = np.logaddexp(0.0, np.where(converted, -log_odds, log_odds))
    return losses


def equal_mass_bins(probability: Floats, *, bins: int = CALIBRATION_BINS) -> Ints:
    """Numbers each example by its bin of equal mass, rising with the probability; equal values share a bin.

    >>> equal_mass_bins(np.array([0.1, 0.4, 0.2, 0.2]), bins=2).tolist()
    [0, 1, 0, 0]
    """
    edges = np.quantile(probability, np.arange(1, bins) / bins, method="inverted_cdf")
    return np.searchsorted(np.unique(edges), probability, side="left").astype(np.int64)


def calibration_error(
    probability: Floats, converted: Bools, cluster: Ints, *, bins: int = CALIBRATION_BINS
) -> float:
    """Computes the root of the debiased mean square distance between predicted and observed.

    The plain square counts the noise of `ybar` as miscalibration. With one example per cluster, subtracting
    `ybar (1 - ybar) / (n_b - 1)` per bin removes the expectation of that noise. Examples of one cluster share
    their fate, so the noise is estimated from sums over clusters, which gives the same number when each
    cluster has one example.

    Args:
        probability: (n,) predicted.
        converted: (n,) observed.
        cluster: (n,) number of each example's lead or account.
        bins: number of equal-mass bins.

    Returns:
        The error as a probability; 0 where the noise explains all of the distance.

    Source: Kumar, Liang, Ma, Verified Uncertainty Calibration, NeurIPS 2019, section 4; bins of equal mass:
    Roelofs et al., arXiv 2012.08668.

    >>> converted = np.array([True, False, False, False])
    >>> round(calibration_error(np.full(4, 0.9), converted, np.arange(4), bins=1), 4)
    0.6
    """
    plain, noise = calibration_squares(probability, converted, cluster, bins=bins)
    return float(np.sqrt(max(0.0, plain - noise)))


def calibration_squares(
    probability: Floats, converted: Bools, cluster: Ints, *, bins: int = CALIBRATION_BINS
) -> tuple[float, float]:
    """Computes the plain mean square distance of predicted and observed, and the part that is noise.

    The noise of a bin with a single cluster cannot be estimated and counts as 0.
    """
    bin_of = equal_mass_bins(probability, bins=bins)
    count = np.maximum(np.bincount(bin_of, minlength=bins), 1)
    observed = np.bincount(bin_of, converted, bins) / count
    predicted = np.bincount(bin_of, probability, bins) / count
    mass = np.bincount(bin_of, minlength=bins) / len(bin_of)
    clusters, cluster_row = np.unique(cluster, return_inverse=True)
    cell, cell_of = np.unique(bin_of * len(clusters) + cluster_row, return_inverse=True)
    cell_sum = np.bincount(cell_of, converted - observed[bin_of])
    cell_bin = cell // len(clusters)
    cells = np.bincount(cell_bin, minlength=bins)
    spread = np.bincount(cell_bin, cell_sum**2, bins) * cells / np.maximum(cells - 1, 1)
    return float((mass * (predicted - observed) ** 2).sum()), float((mass * spread / count**2).sum())


def lift(probability: Floats, converted: Bools, *, share: float) -> float:
    """Computes how many times more often than average those with the highest probabilities convert.

    Where the limit falls among equal probabilities, each of them counts in part, as if drawn by lot: the
    order of rows never matters.

    Args:
        probability: (n,) predicted.
        converted: (n,) observed.
        share: part of all examples that counts as the highest.

    >>> lift(np.array([0.9, 0.5, 0.5, 0.1]), np.array([True, True, False, False]), share=0.5)
    1.5
    """
    return captured(probability, converted.astype(np.float64), share=share) / share


def captured(probability: Floats, amount: Floats, *, share: float) -> float:
    """Computes which part of an amount (conversions, revenue) the highest probabilities capture."""
    _, group = np.unique(-probability, return_inverse=True)
    count = np.cumsum(np.bincount(group))
    total = np.cumsum(np.bincount(group, amount))
    limit = share * len(probability)
    return float(np.interp(limit, np.append(0, count), np.append(0.0, total)) / total[-1])
