"""Miscalibration of past tests beyond chance, by predicted log-odds: a part of every plausible range.

Replicas show how much a fit depends on which leads it saw, and past level shifts how much months differ.
Neither shows an error that all fits share: shrinkage towards the average, or a curve that is too coarse.
Tests show it wherever enough leads converted to distinguish an error from chance. It widens the range and is
not corrected, because it is known only for a whole bin of the tests.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.special import logit

from features.history.lead_history import Floats, Ints
from models.scorecard.scorecard import Misfit
from training.backtesting.predictions import BacktestPredictions
from training.evaluation.calibration import reliability_in
from training.metrics.bootstrap import Bootstrap
from training.metrics.formulas import equal_mass_bins

# Different leads or accounts with each outcome in a bin at least: the error of its log-odds is then below a
# fifth.
_LEAST_CLUSTERS: Final = 30
# Standard deviations between the ends of a 95 % interval.
_WIDTH_95: Final = 2 * 1.959963984540054


def find_misfit(predictions: BacktestPredictions, bootstrap: Bootstrap) -> Misfit | None:
    """Subtracts chance from the squared distance of predicted and observed log-odds, bin by bin.

    Args:
        predictions: of the test examples, level shift included, with what was observed.
        bootstrap: from which chance is estimated.

    Returns:
        None where not even one bin has enough of both outcomes.
    """
    bin_of = _joined_bins(predictions)
    if bin_of is None:
        return None
    bins = reliability_in(predictions, bin_of, bootstrap)
    predicted = logit(np.array([each.predicted for each in bins]))
    observed = np.array([each.observed.value for each in bins])
    width = np.array([each.observed.high - each.observed.low for each in bins])
    chance = width / _WIDTH_95 / (observed * (1 - observed))
    beyond = _means_of_three((logit(observed) - predicted) ** 2 - chance**2)
    return Misfit(predicted, np.sqrt(np.maximum(beyond, 0.0)))


def _means_of_three(squares: Floats) -> Floats:
    """Means of each value and its neighbours, two at the ends: one bin's square is mostly noise."""
    padded = np.pad(squares, 1, constant_values=np.nan)
    means: Floats = np.nanmean(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    return means


def _joined_bins(predictions: BacktestPredictions) -> Ints | None:
    """(n,) bins of equal mass, each joined with those above it until it has enough of both outcomes."""
    fine = equal_mass_bins(predictions.predicted)
    starts: list[int] = []
    start = 0
    for end in range(1, int(fine.max()) + 2):
        inside = (fine >= start) & (fine < end)
        counts = [
            len(np.unique(predictions.clusters[inside & (predictions.converted == outcome)]))
            for outcome in (False, True)
        ]
        if min(counts) >= _LEAST_CLUSTERS:
            starts.append(start)
            start = end
    # What is left over at the top belongs to the last bin that had enough.
    return np.searchsorted(starts, fine, side="right").astype(np.int64) - 1 if starts else None
