"""The level of the predicted probabilities: how far past origins were off, and the shift that corrects it.

The level moves between months, the order of leads hardly does. Recalibrating on one recent window follows the
last week; the mean over origins, shrunken towards zero, does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy.optimize import brentq

from features.history.lead_history import Floats
from models.scorecard.hazards import sigmoid

# Such a shift multiplies odds by more than 50: the test window then had hardly any conversion, or hardly
# anything else.
LARGEST_SHIFT: Final = 4.0

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


def shrunken_mean(shifts: Sequence[float]) -> float:
    """Gives the shift to add after the origins seen so far: `mean * n / (n + 1)`, and 0 without origins.

    >>> shrunken_mean([0.3, 0.1, 0.2])
    0.15...
    """
    return float(np.sum(np.asarray(shifts))) / (len(shifts) + 1)


def spread(shifts: Sequence[float]) -> float | None:
    """Gives the standard deviation of the shifts, None of fewer than two."""
    return float(np.std(np.asarray(shifts), ddof=1)) if len(shifts) > 1 else None
