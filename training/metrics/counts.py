"""How sure a ratio of observed to expected conversions is, also where few or none were observed."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from features.history.lead_history import Floats, Ints
from training.metrics.bootstrap import Estimate


def observed_over_expected(
    observed: Floats, expected: Floats, cluster: Ints, *, confidence: float = 0.95
) -> Estimate:
    """Computes observed over expected with an exact Poisson interval, widened for clusters that share a fate.

    A bootstrap of ten conversions is too narrow, and one of none has no width at all; the Poisson interval
    holds for any count, and is somewhat too wide where probabilities are large. The design effect, the
    variance of the clusters' residuals over that of independent examples, divides count and expectation.

    Args:
        observed: (n,) 1 where the example converted, else 0.
        expected: (n,) probability of that.
        cluster: (n,) number of each example's lead or account.
        confidence: of the interval.

    Returns:
        NaN where nothing is expected; `n` is the number of examples.

    Source: Garwood, Fiducial limits for the Poisson distribution, Biometrika 1936; Kish, Survey Sampling,
    1965.

    >>> none = observed_over_expected(np.zeros(100), np.full(100, 0.05), np.arange(100))
    >>> round(none.low, 3), round(none.high, 3)
    (0.0, 0.738)
    """
    total, count = float(expected.sum()), float(observed.sum())
    if not total > 0:
        return Estimate(np.nan, np.nan, np.nan, len(cluster))
    effect = design_effect(observed, expected, cluster)
    effective, rest = count / effect, (1 - confidence) / 2
    low = float(chi2.ppf(rest, 2 * effective)) / 2 if effective else 0.0
    high = float(chi2.isf(rest, 2 * effective + 2)) / 2
    return Estimate(count / total, low * effect / total, high * effect / total, len(cluster))


def design_effect(observed: Floats, expected: Floats, cluster: Ints) -> float:
    """Computes by how much sums over clusters vary more than independent examples would; at least 1.

    Args:
        observed: (n,) 1 where the example converted, else 0.
        expected: (n,) probability of that; only its proportions count.
        cluster: (n,) number of each example's lead or account.

    >>> twice = np.repeat(np.tile([1.0, 0.0, 0.0, 0.0], 25), 2)
    >>> round(design_effect(twice, np.full(200, 0.25), np.repeat(np.arange(100), 2)), 2)
    2.0
    """
    scaled = expected * (observed.sum() / expected.sum())
    alone = float((np.minimum(scaled, 1.0) * (1 - np.minimum(scaled, 1.0))).sum())
    if not alone > 0:
        return 1.0
    _, row = np.unique(cluster, return_inverse=True)
    residual = np.bincount(row, observed - scaled)
    return max(1.0, float((residual**2).sum()) / alone)
