"""What a scorecard predicts of a lead, reasons apart: probability, range and curve, from one look-up."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from features.history.lead_history import Bools, Floats
from models.scorecard.bins import ByteCodes
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import EVEN_RANGES, MEAN_RANGES, Scorecard
from models.scorecard.scoring import bin_weights, chunks_of, unshifted_log_odds
from models.scorecard.tables import Positions

# Half the width of a 90 % interval in standard deviations.
Z_90: Final = 1.6448536269514722


class Prediction(NamedTuple):
    """What is predicted of some examples.

    Attributes:
        logits: (examples, K) logit hazards of every time bin, without the level shift.
        log_odds: (examples,) of conversion within the horizon, level shift included.
        probability: (examples,) that goes with it.
        low: (examples,) lower end of the plausible range, at 90 %; NaN where the model has no replicas.
        high: (examples,) upper end.
        curve: (examples, K) probabilities at `time_edges_days[1:]`, never decreasing along a row; at the main
            horizon with the bits of `probability`.
    """

    logits: Floats
    log_odds: Floats
    probability: Floats
    low: Floats
    high: Floats
    curve: Floats

    def of(self, chosen: Bools) -> Prediction:
        """Keeps some of the examples."""
        return Prediction(*(column[chosen] for column in self))


def predict(
    scorecard: Scorecard,
    codes: ByteCodes,
    horizon_days: float | None = None,
    *,
    positions: Positions | None = None,
) -> Prediction:
    """Predicts log-odds, probability, plausible range and curve of some examples.

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        positions: of `find_positions`, where they are at hand; only for a few examples.

    Raises:
        HorizonError: the model does not answer for this horizon.
        CodesError: the codes are not those of this scorecard.
    """
    weights = bin_weights(scorecard, scorecard.horizon_days if horizon_days is None else horizon_days)
    if positions is not None:
        return _predict_from_logits(scorecard, weights, scorecard.fits.sum_few(positions))
    parts = [
        _predict_from_logits(scorecard, weights, scorecard.fits.sum_rows(codes[rows]))
        for rows in chunks_of(scorecard, codes)
    ]
    if len(parts) == 1:
        return parts[0]
    none = _predict_from_logits(scorecard, weights, np.empty((0, len(scorecard.fits.rows[0]))))
    return Prediction(*(np.concatenate(columns) for columns in zip(none, *parts, strict=True)))


def interval(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None
) -> tuple[Floats, Floats] | None:
    """The plausible range of each lead's own probability: low and high; None without replicas.

    Takes and raises what `predict` does.
    """
    if not scorecard.replicas:
        return None
    prediction = predict(scorecard, codes, horizon_days)
    return prediction.low, prediction.high


@lru_cache(maxsize=64)
def t_90(replicas: int) -> float:
    """Half the width of a 90 % interval in standard deviations estimated from so few replicas.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; within 1 % from five on.

    >>> round(t_90(10), 2), round(t_90(1_000), 3)
    (1.83, 1.646)
    """
    z, freedom = Z_90, max(replicas - 1, 1)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


# A hazard may be too small for a double: minus infinity then, and no range.
@np.errstate(divide="ignore", invalid="ignore")
def _predict_from_logits(scorecard: Scorecard, weights: Floats, logits: Floats) -> Prediction:
    """Predicts from the logits (examples, fits x K), of which the first fit is the model's own."""
    fits, bins = 1 + len(scorecard.replicas), len(weights)
    by_fit = logits.reshape(len(logits), fits, bins)
    odds = unshifted_log_odds(by_fit, weights, with_edges=True)
    # The probability, its range, then the curve.
    columns = np.empty((len(logits), 3 + bins))
    columns[:, :3] = odds[:, :1]
    columns[:, 3:] = odds[:, fits:]
    columns += scorecard.level_shift
    log_odds = columns[:, 0].copy()
    half = _half_width(scorecard, log_odds, odds[:, 1:fits])
    columns[:, 1] -= half
    columns[:, 2] += half
    if scorecard.range_rule == MEAN_RANGES and scorecard.replicas:
        columns[:, 1:3] -= _off_middle(log_odds, half)[:, np.newaxis]
    if scorecard.shrinkage is not None:
        move = scorecard.shrinkage.at(odds[:, 0])
        columns[:, 1] += np.minimum(move, 0.0)
        columns[:, 2] += np.maximum(move, 0.0)
    columns = sigmoid(columns)
    # Guards the last bit only: the sums never decrease, but the roundings of log and exp might.
    curve = np.maximum.accumulate(columns[:, 3:], axis=1)
    return Prediction(by_fit[:, 0], log_odds, columns[:, 0], columns[:, 1], columns[:, 2], curve)


def _half_width(scorecard: Scorecard, log_odds: Floats, by_replica: Floats) -> Floats | float:
    """Half the plausible range in logits, at 90 %: (examples,), or NaN without replicas.

    The root of max((t s_boot)^2, (z s_m)^2) + (z s_d)^2, with s_boot the standard deviation over the
    replicas, s_d the spread of past level shifts, s_m the misfit of past tests, z = 1.64, and t its like for
    so few replicas: ten would cover 87 % with z. The larger of two, because past fits erred in the tests for
    the reasons, too, for which replicas differ; even ranges add all three.
    """
    if not scorecard.replicas:
        return np.nan
    of_fit, of_level = _spread_of(by_replica), Z_90 * (scorecard.level_spread or 0.0)
    of_tests = 0.0 if scorecard.misfit is None else (Z_90 * scorecard.misfit.at(log_odds)) ** 2
    of_fit *= t_90(len(scorecard.replicas))
    of_fit *= of_fit
    if scorecard.range_rule == MEAN_RANGES:
        np.maximum(of_fit, of_tests, out=of_fit)
    of_fit += of_level**2
    if scorecard.range_rule == EVEN_RANGES:
        of_fit += of_tests
    half: Floats = np.sqrt(of_fit, out=of_fit)
    return half


def _off_middle(log_odds: Floats, half: Floats | float) -> Floats:
    """How far log-odds lie above the middle of their range: (examples,), below it where negative.

    A calibrated probability is the mean of what a lead's probability may be. Spread by a variance v, the mean
    of sigmoid(x) is that of the middle plus v / 2 sigmoid''(x), in logits v (1/2 - P). Half of half the range
    at most, so that more doubt never lowers the upper end of a low one.

    Source: the delta method to the second order, Casella and Berger, Statistical Inference, 5.5.4.
    """
    off = (half / Z_90) ** 2 * (0.5 - sigmoid(log_odds))
    clipped: Floats = np.clip(off, -half / 2, half / 2)
    return clipped


def _spread_of(by_replica: Floats) -> Floats:
    """Standard deviation along the rows of (examples, replicas), summed left to right; 0 for one replica."""
    count = by_replica.shape[1]
    off = by_replica - np.add.accumulate(by_replica, axis=1)[:, -1:] / count
    off *= off
    spread: Floats = np.sqrt(np.add.accumulate(off, axis=1)[:, -1] / max(count - 1, 1))
    return spread
