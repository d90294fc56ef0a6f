"""The level of the predicted probabilities: how far past origins were off, and the shift that corrects it.

The level moves between months, the order of leads hardly does. Recalibrating on one recent window follows the
last week; the mean over origins, shrunken towards zero, does not, and one test alone shifts nothing. Each
origin counts by its own error, and origins that are observed at the same time count as one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import brentq

from features.history.lead_history import Floats, Ints
from models.scorecard.hazards import sigmoid
from training.examples.origins import Origin, is_short_test

# Such a shift multiplies odds by more than 50: the test window then had hardly any conversion, or hardly
# anything else.
LARGEST_SHIFT: Final = 4.0

# Logits; an error of zero would give an origin all the weight.
_LEAST_ERROR: Final = 1e-6
# Origins that nearly coincide say nothing about how the level moves.
_LEAST_SCALE: Final = 1e-9
# Standard deviation of the level between months, in logits, where tests are too close together to show it: on
# a real history of three months 1.17 times the conversions that followed were predicted, on another, whose
# business changed, 0.56 times.
UNSEEN_SPREAD: Final = 0.2

# Logits; smaller than the rounding of a sum over examples.
_PRECISION: Final = 1e-15


def level_shift(log_odds: Floats, converted: Floats, weights: Floats | None = None) -> float:
    """Finds the shift of the log-odds under which predicted and observed conversions are equal.

    This is the one-parameter maximum likelihood: its derivative, the sum of `converted - sigmoid(log_odds +
    shift)`, falls with the shift and has one zero.

    Args:
        log_odds: (n,) predicted at the origin, main horizon, without any shift.
        converted: (n,) 1 or 0.
        weights: (n,) of the examples; None: 1 each.

    Returns:
        Logits, within -4 and 4; 0 without examples.

    Source: the zero by Brent, Algorithms for Minimization Without Derivatives, 1973.

    >>> round(level_shift(np.zeros(4), np.array([1.0, 1.0, 1.0, 0.0])), 4)  # log(3)
    1.0986
    """
    if len(log_odds) == 0:
        return 0.0
    weighted = np.ones(len(log_odds)) if weights is None else weights
    observed = float(np.sum(weighted * converted))

    def excess(shift: float) -> float:
        return float(np.sum(weighted * sigmoid(log_odds + shift))) - observed

    if excess(-LARGEST_SHIFT) >= 0:
        return -LARGEST_SHIFT
    if excess(LARGEST_SHIFT) <= 0:
        return LARGEST_SHIFT
    return float(brentq(excess, -LARGEST_SHIFT, LARGEST_SHIFT, xtol=_PRECISION))


def level_error(log_odds: Floats, converted: Floats, cluster: Ints, shift: float) -> float:
    """Computes the standard error of a level shift, when the examples of a cluster share one fate.

    Args:
        log_odds: (n,) as for `level_shift`.
        converted: (n,) as for `level_shift`.
        cluster: (n,) number of each example's lead or account.
        shift: found by `level_shift`.

    Source: variance by clusters, Liang and Zeger, Biometrika 1986.
    """
    probability = sigmoid(log_odds + shift)
    _, place = np.unique(cluster, return_inverse=True)
    residuals = np.bincount(place, converted - probability)
    return float(np.sqrt((residuals**2).sum()) / (probability * (1 - probability)).sum())


@dataclass(frozen=True, slots=True)
class OriginLevel:
    """How far one origin was off.

    Attributes:
        shift: that would have corrected its level, logits.
        error: standard error of the shift.
        begin: of the time in which its tests were observed, microseconds UTC.
        end: of that time, the horizon of the last test example included.
    """

    shift: float
    error: float
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class PooledLevel:
    """What several origins show together.

    Attributes:
        mean: of their shifts, weighted by how sure each is.
        count: effective number of independent origins.
        tests: number of origins.
    """

    mean: float
    count: float
    tests: int

    @property
    def shift(self) -> float:
        """The shift to add: the mean, shrunken towards zero by `count / (count + 1)`; none of one test.

        One test cannot tell a fault that lasts from a month that passes: on a real history whose rate of
        conversion doubled for two months, half of what the first of them showed made the third promise 1.75
        times what followed, where the refit alone had found back to 1.2 times.
        """
        return 0.0 if self.tests < 2 else self.mean * self.count / (self.count + 1)


def pool_levels(levels: Sequence[OriginLevel]) -> PooledLevel:
    """Pools the levels of origins by random effects.

    Each shift is that of the business, which moves between months, and an error of its own. Origins that are
    observed at overlapping times share both: their correlation is the part of their time that overlaps. The
    moment estimator of DerSimonian and Laird is generalized to it; four windows within two weeks are worth
    about one.

    Source: DerSimonian, Kacker, Random-effects model for meta-analysis of clinical trials: an update,
    Contemporary Clinical Trials 28 (2007), whose general estimator is taken with correlated effects.

    >>> DAY = 86_400_000_000
    >>> apart = [OriginLevel(0.2, 0.1, day * DAY, (day + 30) * DAY) for day in (0, 30, 60)]
    >>> pooled = pool_levels(apart)
    >>> round(pooled.mean, 6), round(pooled.count, 6), round(pooled.shift, 6)
    (0.2, 3.0, 0.15)
    """
    if not levels:
        return PooledLevel(0.0, 0.0, 0)
    shift = np.array([level.shift for level in levels])
    error = np.maximum([level.error for level in levels], _LEAST_ERROR)
    overlap = _overlaps(levels)
    weight = 1 / (_between(shift, error, overlap) + error**2)
    share = weight / weight.sum()
    count = 1 / float((np.outer(share, share) * overlap).sum())
    return PooledLevel(float((share * shift).sum()), count, len(levels))


def _between(shift: Floats, error: Floats, overlap: Floats) -> float:
    """Estimates the variance between independent times; 0 where the errors explain all that differs."""
    weight = 1 / error**2
    contrast = np.diag(weight) - np.outer(weight, weight) / weight.sum()
    explained = float((contrast * overlap * np.outer(error, error)).sum())
    scale = float((contrast * overlap).sum())
    found = float(shift @ contrast @ shift)
    return max(0.0, (found - explained) / scale) if scale > _LEAST_SCALE * weight.sum() else 0.0


def _overlaps(levels: Sequence[OriginLevel]) -> Floats:
    """(origins, origins) the part of two origins' time that they share, relative to the longer."""
    begin = np.array([level.begin for level in levels], dtype=np.float64)
    end = np.array([level.end for level in levels], dtype=np.float64)
    shared = np.minimum(end[:, None], end) - np.maximum(begin[:, None], begin)
    length = np.maximum((end - begin)[:, None], end - begin)
    overlap: Floats = np.clip(shared, 0, None) / length
    return overlap


def level_spread(shifts: Sequence[float | None], origins: Sequence[Origin]) -> float | None:
    """Gives the standard deviation of the level that ranges allow for.

    Args:
        shifts: of the origins, None where there is none.
        origins: rising.

    Returns:
        The spread of the shifts, widened where the tests are too close together to show how the level moves;
        None where fewer than two shifts are known of tests that are far enough apart.
    """
    found = spread([shift for shift in shifts if shift is not None])
    return math.hypot(found or 0.0, UNSEEN_SPREAD) if is_short_test(origins) else found


def spread(shifts: Sequence[float]) -> float | None:
    """Gives the standard deviation of the shifts, None of fewer than two."""
    return float(np.std(np.asarray(shifts), ddof=1)) if len(shifts) > 1 else None
