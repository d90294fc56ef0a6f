"""Whether the plausible ranges of the probabilities are wide enough, as far as tests can show it.

Nobody observes a lead's own probability, but the mean of a cell can be observed: the share of its examples
that converted. A cell is one bin of equal mass at one origin. Its range is the 90 % range of the predictions
at its middle; the observed share has an error of its own. A cell is covered where the two differ by no more
than 1.645 of their common standard deviation. If every lead of a cell were wrong in the same way, 90 % of the
cells would be covered; where errors partly even out within a cell, more. So a figure well below 90 % means
that the ranges are too narrow; a higher one means only that nothing contradicts them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import Floats, Ints
from models.scorecard.bins import encode
from models.scorecard.hazards import sigmoid
from models.scorecard.prediction import Z_90, predict
from models.scorecard.scorecard import Scorecard
from training.backtesting.level import level_spread
from training.backtesting.predictions import BacktestPredictions
from training.metrics.bootstrap import Estimate
from training.metrics.formulas import CALIBRATION_BINS, equal_mass_bins


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the ranges of the final fit reach, level and misfit apart, as standard deviations in logits.

    Attributes:
        below: (n,) from the probability to the lower end.
        above: (n,) to the upper end.
    """

    below: Floats
    above: Floats


def reach_of_ranges(scorecard: Scorecard, matrix: FeatureMatrix, test: Ints) -> Reach | None:
    """Computes how far the ranges of the final fit reach below and above its predictions.

    Args:
        scorecard: of the final fit, before its level shift.
        matrix: (features, examples).
        test: (n,) positions of the test examples.

    Returns:
        None where there are no replicas.
    """
    if not scorecard.replicas:
        return None
    tested = FeatureMatrix(matrix.names, matrix.values[:, test], matrix.vocabularies)
    prediction = predict(scorecard, encode(scorecard.bins, tested))
    middle = _logit(prediction.probability)
    return Reach((middle - _logit(prediction.low)) / Z_90, (_logit(prediction.high) - middle) / Z_90)


def coverage(predictions: BacktestPredictions, reach: Reach | None) -> Estimate | None:
    """Computes the share of cells whose observed share agrees with the range predicted for it.

    Cells are few and those of one origin share its level, so the interval, Wilson's of a share, is too narrow
    if anything.

    Args:
        predictions: of the test examples, with what was observed.
        reach: of the ranges of the test examples; None where there are no replicas.

    Returns:
        None where there is no range: no replicas, and fewer than two origins to see the level move.
    """
    level = level_spread(predictions.shifts, predictions.origins)
    if reach is None and level is None:
        return None
    nothing = np.zeros(len(predictions.lead))
    own = Reach(nothing, nothing) if reach is None else reach
    covered = [
        _is_covered(predictions, cell, own, level or 0.0)
        for number in range(len(predictions.origins))
        for cell in _cells(predictions, number)
    ]
    if not covered:
        return None
    bounds = binomtest(sum(covered), len(covered)).proportion_ci(method="wilson")
    return Estimate(sum(covered) / len(covered), float(bounds.low), float(bounds.high), len(covered))


def _cells(predictions: BacktestPredictions, number: int) -> list[Ints]:
    """Lists the positions of the examples of each bin of equal mass at one origin."""
    inside = np.flatnonzero(predictions.origin == number)
    if len(inside) == 0:
        return []
    bin_of = equal_mass_bins(predictions.predicted[inside])
    cells = [inside[bin_of == place] for place in range(CALIBRATION_BINS)]
    return [cell for cell in cells if len(np.unique(predictions.clusters[cell])) > 1]


def _is_covered(predictions: BacktestPredictions, cell: Ints, reach: Reach, level: float) -> bool:
    """Tells whether the predicted and the observed share of a cell agree."""
    probability = sigmoid(predictions.predicted[cell])
    predicted = float(probability.mean())
    distance = float(predictions.converted[cell].mean()) - predicted
    towards = (reach.above if distance > 0 else reach.below)[cell]
    own = float(np.mean(np.hypot(towards, level) * probability * (1 - probability)))
    # The error under the prediction, not under the observed share: that of a share of 0 would be 0.
    error = np.sqrt(predicted * (1 - predicted) / _effective_count(predictions, cell))
    return bool(abs(distance) <= Z_90 * np.hypot(own, error))


def _effective_count(predictions: BacktestPredictions, cell: Ints) -> float:
    """Computes how many independent examples a cell is worth, when those of one cluster share one fate.

    Source: Kish, Survey Sampling, 1965: the squared sum of weights over the sum of squares.
    """
    _, count = np.unique(predictions.clusters[cell], return_counts=True)
    return float(count.sum() ** 2 / (count.astype(np.float64) ** 2).sum())


def _logit(probability: Floats) -> Floats:
    """Gives log-odds, kept finite where a range reaches 0 or 1."""
    clipped = np.clip(probability, 1e-15, 1 - 1e-15)
    log_odds: Floats = np.log(clipped / (1 - clipped))
    return log_odds
