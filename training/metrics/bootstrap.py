"""How sure a figure is: 95 % intervals by bootstrap over leads, all replicates in one matrix product.

Examples of one lead share their fate, so leads are drawn with replacement, never examples: a bootstrap of
examples claims about half the true error. A replicate is how often each lead was drawn; every metric here is
a function of sums over leads, so the replicates of all sums are one sparse product, computed without BLAS:
the same bits everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import sparse

from features.history.lead_history import Bools, Floats, Ints
from training.metrics.formulas import (
    calibration_squares,
    metric_sums,
    metrics_of_sums,
    point_metrics,
    sum_by_lead,
)

REPLICATES: Final = 1_000

# Weights held at a time, leads by replicates: bounds memory.
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
        """Turns the figure into the object that `train --json` and the card print.

        >>> Estimate(2.0, float("nan"), float("nan"), n=3).to_json()  # too few leads convert for an interval
        {'value': 2.0, 'low': None, 'high': None, 'n': 3}
        """
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {**{name: end if math.isfinite(end) else None for name, end in ends.items()}, "n": self.n}


def metric_estimates(
    probability: Floats, converted: Bools, lead: Ints, *, seed: int, replicates: int = REPLICATES
) -> dict[str, Estimate]:
    """Computes every metric with its interval.

    Args:
        probability: (n,) promised P(conversion within the horizon).
        converted: (n,) what happened; both outcomes must occur.
        lead: (n,) whose example it is.
        seed: of the replicates; the same seed and leads give the same draws.
        replicates: how many draws.

    Returns:
        Estimate by name of metric, in the order of `point_metrics`.
    """
    values = point_metrics(probability, converted, lead)
    sums = metric_sums(probability, converted, lead)
    whole = metrics_of_sums(np.asarray(sums.sum(axis=1)).reshape(-1, 1))
    drawn = metrics_of_sums(replicate_sums(sums, seed=seed, replicates=replicates))
    # A replicate's plain square holds the noise of the examples and, once more, that of the draw.
    noise = calibration_squares(probability, converted, lead)[1]
    squares = drawn["calibration_error"] - 2.0 * noise
    figures: dict[str, Estimate] = {}
    for name, value in values.items():
        if name == "calibration_error":
            low, high = np.sqrt(np.maximum(ends(squares), 0.0)).tolist()
        else:
            low, high = ends(value + drawn[name] - whole[name])
        figures[name] = Estimate(value, min(low, value), max(high, value), len(lead))
    return figures


def relative_change(
    name: str,
    ours: Floats,
    theirs: Floats,
    converted: Bools,
    lead: Ints,
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> Estimate:
    """Computes by which part a metric of ours is above theirs, on the same examples and draws.

    Args:
        name: of the metric.
        ours: (n,) promised probabilities.
        theirs: (n,) promised probabilities of the other model.
        converted: (n,) what happened.
        lead: (n,) whose example it is.
        seed: of the replicates.
        replicates: how many draws.
    """
    drawn = [
        metrics_of_sums(replicate_sums(metric_sums(one, converted, lead), seed=seed, replicates=replicates))[
            name
        ]
        for one in (ours, theirs)
    ]
    value = point_metrics(ours, converted, lead)[name] / point_metrics(theirs, converted, lead)[name] - 1
    return Estimate(value, *ends(drawn[0] / drawn[1] - 1), len(lead))


def mean_estimate(values: Floats, lead: Ints, *, seed: int, replicates: int = REPLICATES) -> Estimate:
    """Computes the mean over examples with its interval: of losses, or of paired differences of losses."""
    return ratio_estimate(values, np.ones(len(values)), lead, seed=seed, replicates=replicates)


def ratio_estimate(
    numerator: Floats, denominator: Floats, lead: Ints, *, seed: int, replicates: int = REPLICATES
) -> Estimate:
    """Computes a ratio of sums over examples with its interval.

    Args:
        numerator: (n,) summed above.
        denominator: (n,) summed below.
        lead: (n,) whose example it is.
        seed: of the replicates.
        replicates: how many draws.
    """
    return ratio_estimates([numerator], [denominator], lead, seed=seed, replicates=replicates)[0]


def ratio_estimates(
    numerators: Sequence[Floats],
    denominators: Sequence[Floats],
    lead: Ints,
    *,
    seed: int,
    replicates: int = REPLICATES,
) -> list[Estimate]:
    """Computes several ratios of sums over the same examples and draws; each as in `ratio_estimate`."""
    parts = [*numerators, *denominators]
    rows = np.repeat(np.arange(len(parts)), len(lead))
    sums = sum_by_lead(np.concatenate(parts), rows, np.tile(lead, len(parts)), rows_count=len(parts))
    drawn = np.split(replicate_sums(sums, seed=seed, replicates=replicates), 2)
    figures = []
    for above, below, numerator, denominator in zip(*drawn, numerators, denominators, strict=True):
        ratios = np.divide(above, below, out=np.full(len(above), np.nan), where=below != 0)
        value = float(numerator.sum() / denominator.sum())
        figures.append(Estimate(value, *ends(ratios), len(lead)))
    return figures


def replicate_sums(sums: sparse.csr_array, *, seed: int, replicates: int = REPLICATES) -> Floats:
    """Sums each row over the leads of each replicate.

    Args:
        sums: (rows, leads) sums over the examples of each lead.
        seed: of the draws.
        replicates: how many draws of leads with replacement.

    Returns:
        (rows, replicates) C-ordered.
    """
    leads = sums.shape[1]
    summed = [sums @ drawn.astype(np.float64) for drawn in _draws(leads, seed=seed, replicates=replicates)]
    return np.ascontiguousarray(np.concatenate(summed, axis=1))


def _draws(leads: int, *, seed: int, replicates: int) -> Iterable[_Weights]:
    """Draws the weights of all replicates; those that fit into one chunk are remembered."""
    chunk = max(1, _CHUNK_CELLS // leads)
    if replicates <= chunk:
        return (_drawn_once(leads, seed, replicates),)
    generator = np.random.default_rng(seed)
    return (_draw(generator, leads, min(chunk, replicates - first)) for first in range(0, replicates, chunk))


@lru_cache(maxsize=2)
def _drawn_once(leads: int, seed: int, replicates: int) -> _Weights:
    """Draws for the many figures of the same leads."""
    return _draw(np.random.default_rng(seed), leads, replicates)


def _draw(generator: np.random.Generator, leads: int, replicates: int) -> _Weights:
    """Draws multinomial weights: (leads, replicates), how often each lead was drawn."""
    drawn = [np.bincount(generator.integers(leads, size=leads), minlength=leads) for _ in range(replicates)]
    # Turned while small: turning wide numbers takes eight times as long. No lead is drawn 65,536 times.
    return np.ascontiguousarray(np.stack(drawn).astype(np.uint16).T)


def ends(replicates: Floats) -> tuple[float, float]:
    """Takes the 2.5 % and 97.5 % points, leaving out replicates in which only one outcome occurred.

    Those have no figure (NaN), or one without bounds (a slope, an intercept).
    """
    told = replicates[np.isfinite(replicates)]
    low, high = np.quantile(told, [0.025, 0.975]) if len(told) else (np.nan, np.nan)
    return float(low), float(high)
