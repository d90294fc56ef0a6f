"""How sure a figure is: 95 % intervals by bootstrap over leads, all replicates in one matrix product.

Examples of one lead share their fate, so leads are drawn with replacement, never examples: a bootstrap of
examples claims about half the true error. Where leads of one account share their fate too, whole accounts are
drawn; what is drawn is called a cluster. A replicate is how often each cluster was drawn; every metric here
is a function of sums over clusters, so the replicates of all sums are one sparse product, computed without
BLAS: the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.stats import norm

from features.history.lead_history import Bools, Floats, Ints
from training.metrics.cluster_sums import metric_sums, metrics_of_sums, sum_by_cluster
from training.metrics.formulas import calibration_squares, point_metrics

# Weights held at a time, clusters by replicates: bounds memory.
_CHUNK_CELLS: Final = 16_000_000

_Weights = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and how sure it is.

    Attributes:
        value: the number.
        low: lower end of its 95 % interval.
        high: upper end.
        n: number of examples that it comes from.
    """

    value: float
    low: float
    high: float
    n: int

    def to_json(self) -> dict[str, float | int | None]:
        """Turns the estimate into the object that `train --json` and the card print.

        >>> Estimate(2.0, float("nan"), float("nan"), n=3).to_json()  # too few leads convert for an interval
        {'value': 2.0, 'low': None, 'high': None, 'n': 3}
        """
        bounds = {"value": self.value, "low": self.low, "high": self.high}
        finite = {name: number if math.isfinite(number) else None for name, number in bounds.items()}
        return {**finite, "n": self.n}


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Which replicates an interval comes from; equal ones draw the same clusters equally often.

    Attributes:
        seed: of the draws.
        replicates: how often all clusters are drawn with replacement.
    """

    seed: int
    replicates: int = 1_000


def metric_estimates(
    probability: Floats, converted: Bools, cluster: Ints, bootstrap: Bootstrap
) -> dict[str, Estimate]:
    """Computes every metric with its interval.

    Args:
        probability: (n,) predicted P(conversion within the horizon).
        converted: (n,) observed; both outcomes must occur.
        cluster: (n,) number of each example's lead or account.
        bootstrap: of the intervals.

    Returns:
        Estimate by name of metric, in the order of `point_metrics`.
    """
    values = point_metrics(probability, converted, cluster)
    sums = metric_sums(probability, converted, cluster)
    of_all = metrics_of_sums(np.asarray(sums.sum(axis=1)).reshape(-1, 1))
    of_replicates = metrics_of_sums(replicate_sums(sums, bootstrap))
    # A replicate's plain square holds the noise of the examples and, once more, that of the draw.
    noise = calibration_squares(probability, converted, cluster)[1]
    squares = of_replicates["calibration_error"] - 2.0 * noise
    estimates: dict[str, Estimate] = {}
    for name, value in values.items():
        if name == "calibration_error":
            low, high = np.sqrt(np.maximum(ends(squares), 0.0)).tolist()
        else:
            low, high = ends(value + of_replicates[name] - of_all[name])
        estimates[name] = Estimate(value, min(low, value), max(high, value), len(cluster))
    return estimates


def widened(estimate: Estimate, confidence: float) -> Estimate:
    """Widens the 95 % interval of an estimate to another confidence, each side in proportion.

    The ends of a bootstrap say little beyond 99 %: there the shape of the normal distribution is taken.

    >>> wide = widened(Estimate(1.0, 0.9, 1.2, 50), 0.999)
    >>> round(wide.low, 3), round(wide.high, 3)
    (0.832, 1.336)
    """
    times = float(norm.isf((1 - confidence) / 2) / norm.isf(0.025))
    low = estimate.value - (estimate.value - estimate.low) * times
    high = estimate.value + (estimate.high - estimate.value) * times
    return replace(estimate, low=low, high=high)


def mean_estimate(values: Floats, cluster: Ints, bootstrap: Bootstrap) -> Estimate:
    """Computes the mean over examples with its interval: of losses, or of paired differences of losses."""
    return ratio_estimate(values, np.ones(len(values)), cluster, bootstrap)


def ratio_estimate(numerator: Floats, denominator: Floats, cluster: Ints, bootstrap: Bootstrap) -> Estimate:
    """Computes a ratio of sums over examples with its interval.

    Args:
        numerator: (n,) summed above.
        denominator: (n,) summed below.
        cluster: (n,) number of each example's lead or account.
        bootstrap: of the interval.
    """
    return ratio_estimates([numerator], [denominator], cluster, bootstrap)[0]


def ratio_estimates(
    numerators: Sequence[Floats], denominators: Sequence[Floats], cluster: Ints, bootstrap: Bootstrap
) -> list[Estimate]:
    """Computes several ratios of sums over the same examples and draws; each as in `ratio_estimate`."""
    summands = [*numerators, *denominators]
    rows = np.repeat(np.arange(len(summands)), len(cluster))
    clusters = np.tile(cluster, len(summands))
    sums = sum_by_cluster(np.concatenate(summands), rows, clusters, rows_count=len(summands))
    above, below = np.split(replicate_sums(sums, bootstrap), 2)
    ratios = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
    return [
        Estimate(float(numerator.sum() / denominator.sum()), *ends(of_replicates), len(cluster))
        for numerator, denominator, of_replicates in zip(numerators, denominators, ratios, strict=True)
    ]


def replicate_sums(sums: sparse.csr_array, bootstrap: Bootstrap) -> Floats:
    """Sums each row over the clusters of each replicate.

    Args:
        sums: (rows, clusters) sums over the examples of each cluster.
        bootstrap: how many replicates.

    Returns:
        (rows, replicates) C-ordered.
    """
    clusters_count = sums.shape[1]
    summed = [sums @ weights.astype(np.float64) for weights in _draw_weights(clusters_count, bootstrap)]
    return np.ascontiguousarray(np.concatenate(summed, axis=1))


def _draw_weights(clusters_count: int, bootstrap: Bootstrap) -> Iterable[_Weights]:
    """Draws the weights of all replicates; those that fit into one chunk are remembered."""
    replicates = bootstrap.replicates
    chunk = max(1, _CHUNK_CELLS // clusters_count)
    if replicates <= chunk:
        return (_draw_once(clusters_count, bootstrap),)
    rng = np.random.default_rng(bootstrap.seed)
    return (
        _draw(rng, clusters_count, min(chunk, replicates - start)) for start in range(0, replicates, chunk)
    )


@lru_cache(maxsize=2)
def _draw_once(clusters_count: int, bootstrap: Bootstrap) -> _Weights:
    """Draws for the many figures of the same clusters."""
    return _draw(np.random.default_rng(bootstrap.seed), clusters_count, bootstrap.replicates)


def _draw(rng: np.random.Generator, clusters_count: int, replicates: int) -> _Weights:
    """Draws multinomial weights: (clusters, replicates), how often each cluster was drawn."""
    weights = [
        np.bincount(rng.integers(clusters_count, size=clusters_count), minlength=clusters_count)
        for _ in range(replicates)
    ]
    # Narrowed before the transpose: transposing wide numbers takes eight times as long. No cluster is drawn
    # 65,536 times.
    return np.ascontiguousarray(np.stack(weights).astype(np.uint16).T)


def ends(replicates: Floats) -> tuple[float, float]:
    """Takes the 2.5 % and 97.5 % points, leaving out replicates in which only one outcome occurred.

    Those have no value (NaN), or one without bounds (a slope, an intercept).
    """
    finite = replicates[np.isfinite(replicates)]
    low, high = np.quantile(finite, [0.025, 0.975]) if len(finite) else (np.nan, np.nan)
    return float(low), float(high)
