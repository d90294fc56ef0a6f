"""How far the tests were off beyond chance, by what was promised: a part of every plausible range.

Replicas tell how much a fit depends on which leads it saw, and past level shifts how much months differ. What
all fits do alike, neither shows: a pull towards the average, or a curve too coarse, leaves the same error in
each. The tests show it, wherever enough leads converted to tell an error from chance. It is put into the
range and not corrected: what one bin of the tests was off by is as much as this is known.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import logit

from features.history.lead_history import Floats, Ints
from models.scorecard.scorecard import Misfit
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.calibration import reliability_in
from training.metrics.formulas import equal_mass_bins

# Different leads that convert in a bin at least: the error of its log-odds is then below a fifth.
_LEAST_CONVERTING: Final = 30
# Standard deviations between the ends of a 95 % interval.
_WIDTH_95: Final = 2 * 1.959963984540054


def find_misfit(predictions: BacktestPredictions, *, seed: int, replicates: int) -> Misfit | None:
    """Takes from the squared distance of promised and happened log-odds what chance explains, bin by bin.

    Args:
        predictions: what was promised, level shift included, and what happened.
        seed: of the draws of leads that chance is known from.
        replicates: how many draws.

    Returns:
        None where fewer leads converted than a single bin asks for, or everyone did.
    """
    bin_of = _joined_bins(predictions)
    if bin_of is None:
        return None
    bins = reliability_in(predictions, bin_of, seed=seed, replicates=replicates)
    predicted = logit(np.array([one.predicted for one in bins]))
    observed = np.array([one.observed.value for one in bins])
    width = np.array([one.observed.high - one.observed.low for one in bins])
    chance = width / _WIDTH_95 / (observed * (1 - observed))
    beyond = _means_of_three((logit(observed) - predicted) ** 2 - chance**2)
    return Misfit(predicted, np.sqrt(np.maximum(beyond, 0.0)))


def _means_of_three(squares: Floats) -> Floats:
    """Means of each value and its neighbours, for one bin's square is mostly noise; fewer at both ends."""
    padded = np.pad(squares, 1, constant_values=np.nan)
    means: Floats = np.nanmean(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    return means


def _joined_bins(predictions: BacktestPredictions) -> Ints | None:
    """(n,) bins of equal mass, joined with those above until enough leads converted, and enough did not."""
    fine = equal_mass_bins(predictions.predicted)
    fate = predictions.converted.astype(np.int64)
    enough: list[int] = []
    start = 0
    for end in range(1, int(fine.max()) + 2):
        inside = (fine >= start) & (fine < end)
        counts = [len(np.unique(predictions.clusters[inside & (fate == one)])) for one in (0, 1)]
        if min(counts) >= _LEAST_CONVERTING:
            enough.append(start)
            start = end
    # What is left over at the top belongs to the last bin that had enough.
    return np.searchsorted(enough, fine, side="right").astype(np.int64) - 1 if enough else None
