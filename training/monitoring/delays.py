"""How late conversions become known: the share that is reported within any time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.known import counting_conversions, taken_over
from features.history.lead_history import Floats, Ints, LeadHistory
from features.times import US_PER_DAY

# Delays that stand for all, each for the same share.
_STANDINGS: Final = 24
# A longer delay counts where at least so many conversions could have shown it.
_COULD_SHOW: Final = 30


@dataclass(frozen=True, slots=True)
class ReportingDelay:
    """Delays from a conversion to the moment it is known.

    Attributes:
        days: (m,) delays, rising, each of which stands for the same share of the conversions.
        conversions: from which they were estimated.
    """

    days: Floats
    conversions: int = 0

    @property
    def median_days(self) -> float:
        """Delay of half the conversions."""
        return float(np.median(self.days))

    @property
    def slowest_days(self) -> float:
        """Delay of the last of the delays that stand for all."""
        return float(self.days[-1])


def reporting_delays(history: LeadHistory, *, observed_until: int) -> ReportingDelay:
    """Estimates the delays of conversions from those known at a moment.

    Of the latest conversions only those that were reported soon are known, so the plain distribution of
    known delays is too short. The product-limit estimate of right-truncated delays uses each conversion only
    up to the delay that would still be known.

    Args:
        history: may know more than was known at `observed_until`.
        observed_until: microseconds UTC.

    Returns:
        One delay of 0 where the history does not record when outcomes became known.

    Source: Lagakos, Barraj, De Gruttola, Nonparametric analysis of truncated survival data, Biometrika 1988.
    """
    outcomes = history.outcomes
    counts = counting_conversions(outcomes, observed_until) & ~taken_over(history)
    if not outcomes.has_available_at or not counts.any():
        return ReportingDelay(np.zeros(1))
    delay = outcomes.available_at[counts] - outcomes.occurred_at[counts]
    limit = observed_until - outcomes.occurred_at[counts]
    values, shares = _truncated_distribution(delay, limit)
    middles = (np.arange(_STANDINGS) + 0.5) / _STANDINGS
    standing = values[np.minimum(np.searchsorted(shares, middles), len(values) - 1)]
    return ReportingDelay(standing / US_PER_DAY, int(counts.sum()))


def _truncated_distribution(delay: Ints, limit: Ints) -> tuple[Ints, Floats]:
    """Estimates P(delay <= x) from delays that are known only up to their limit.

    Going down from the longest delay, P(D <= x) falls at each delay y by the share of those with a delay of
    exactly y among those with at most y that could have shown y.

    Returns:
        The distinct delays, rising, and the share up to each; the last is 1.

    >>> values, shares = _truncated_distribution(np.array([1, 1, 1, 5]), np.array([9, 2, 9, 9]))
    >>> values.tolist(), shares.round(3).tolist()
    ([1, 5], [0.667, 1.0])
    """
    values, count = np.unique(delay, return_counts=True)
    could = np.cumsum(count) - np.searchsorted(np.sort(limit), values, side="left")
    falls = np.where(could >= min(_COULD_SHOW, len(delay) // 2), 1 - count / np.maximum(could, 1), 1.0)
    falls[0] = 1.0
    shares = np.append(np.cumprod(falls[::-1])[::-1][1:], 1.0)
    return values, shares
