"""Which amounts of conversions count in a mean: one typo, or a credit, never decides all expected values."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Bools, Floats

# In logarithms, seven median absolute deviations above the median: 4.7 standard deviations, the outer fence
# of a box plot. Source: J. W. Tukey, Exploratory Data Analysis (1977), 2D; 1.4826 MAD estimate one standard
# deviation. One amount in 800,000 of a log-normal distribution lies beyond.
_DEVIATIONS: Final = 7.0
# Where most amounts are equal, the deviation is 0: then ten times the median is far, and a hundred times
# where amounts are too few to tell how far they spread.
_TIMES_AT_LEAST: Final = 10.0
_TIMES_OF_FEW: Final = 100.0
_FEW: Final = 100
# More amounts than this beyond the fence are a part of the business, unless they are a thousandfold.
_SHARE_AT_MOST: Final = 0.01
_COUNT_AT_MOST: Final = 3
_TIMES_AT_MOST: Final = 1_000.0


def is_credit(amount: Floats) -> Bools:
    """(n,) whether amounts lie below zero, and count as unknown."""
    return np.asarray(amount < 0)


def is_far_above(amount: Floats) -> Bools:
    """(n,) whether amounts lie so far above the usual ones that they are left out of means.

    Args:
        amount: (n,) of conversions; NaN where unknown.

    >>> is_far_above(np.array([90.0, 100, 120, np.nan, 1e12])).tolist()
    [False, False, False, False, True]
    """
    positive = np.log(amount[amount > 0])
    if not len(positive):
        return np.zeros(len(amount), np.bool_)
    median = float(np.median(positive))
    deviation = float(np.median(np.abs(positive - median)))
    distance = np.full(len(amount), -np.inf)
    distance[amount > 0] = positive - median
    times = _TIMES_AT_LEAST if len(positive) >= _FEW else _TIMES_OF_FEW
    is_far = distance > max(_DEVIATIONS * deviation, np.log(times))
    if is_far.sum() > max(_COUNT_AT_MOST, _SHARE_AT_MOST * len(positive)):
        is_far &= distance > np.log(_TIMES_AT_MOST)
    return np.asarray(is_far)


def usual_amounts(amount: Floats) -> Floats:
    """(n,) the amounts that count in a mean; NaN for unknown ones, credits and those far above the usual."""
    return np.where(is_credit(amount) | is_far_above(amount), np.nan, amount)
