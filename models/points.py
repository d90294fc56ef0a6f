"""What each term of a scorecard adds to one lead's log-odds at the horizon, compared with the average lead.

The hazards' logits are sums of terms; the probability is not. A term's points are its Aumann-Shapley share:
with A (terms, K) the lead's table entries, eta(s) = average + s * (sum of A) the straight line from the
average lead to this one, and L(s) = sum_k w_k softplus(eta_k(s)),

    points_j = sum_k A_jk * integral over s from 0 to 1 of  w_k sigmoid(eta_k(s)) / (1 - exp(-L(s))).

The integrand is the slope of logit P along the line, so that base + points is the log-odds itself. The
integral is taken by eight Gauss-Legendre nodes on the whole line. Where the sum then misses the log-odds by
more than 1e-10 (leads far from the average), the line is cut into 2, 8, 64 and 512 panels of eight nodes
until it does not: the accuracy is reached, and nothing is spread over the terms to hide a rest. A lead's
number of panels depends on that lead alone.

Source: Aumann and Shapley, Values of Non-Atomic Games, 1974; Sundararajan, Taly and Yan, arXiv 1703.01365.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from features.columns import Floats
from models.bins import ByteCodes
from models.hazards import HIGHEST_LOGIT, cumulative, logit_of, softplus
from models.scorecard import Scorecard, bin_weights, chunks_of, hazard_logits

_NODES: Final = 8
_PANELS: Final = (1, 2, 8, 64, 512)
_CLOSE_ENOUGH: Final = 1e-10
# Examples computed together; each needs its table entries (terms, K) at once.
_CHUNK_ROWS: Final = 128


def points(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> tuple[float, Floats]:
    """Shares the log-odds out among the terms.

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        logits: `hazard_logits` of the same codes, where they are at hand.

    Returns:
        The log-odds of the average lead, level shift included, and the points (examples, terms): base + the
        points of a row is its `log_odds`, to 1e-9.

    Raises:
        HorizonError: the model does not answer for this horizon.
    """
    horizon_days = scorecard.horizon_days if horizon_days is None else horizon_days
    weights = bin_weights(scorecard, horizon_days)
    logits = hazard_logits(scorecard, codes) if logits is None else logits
    shares = np.empty((len(codes), len(scorecard.terms)))
    for rows in chunks_of(scorecard, codes, _CHUNK_ROWS):
        shares[rows] = _points_of(scorecard, codes[rows], logits[rows], weights)
    return base_log_odds(scorecard, horizon_days), shares


@lru_cache(maxsize=64)
def base_log_odds(scorecard: Scorecard, horizon_days: float) -> float:
    """Log-odds of the average lead, level shift included: what all points are compared with."""
    hazards = softplus(scorecard.average) * bin_weights(scorecard, horizon_days)
    return float(logit_of(cumulative(hazards[np.newaxis])[:, -1])[0]) + scorecard.level_shift


def _points_of(scorecard: Scorecard, codes: ByteCodes, logits: Floats, weights: Floats) -> Floats:
    """Points of a few examples: (examples, terms)."""
    used = int(np.count_nonzero(weights))  # time bins beyond the horizon weigh nothing
    entries = scorecard.tables.columns[:used].take(scorecard.tables.positions(codes), axis=1)
    average = scorecard.average[:used, np.newaxis]
    steps = logits[:, :used].T - average
    slopes = _mean_slopes(average, steps, weights[:used])
    entries *= slopes[:, :, np.newaxis]
    # Along the first axis of several columns NumPy adds strictly in order; the average's column is among
    # them.
    shares: Floats = np.add.reduce(entries, axis=0)[:, 1:]
    return shares


def _mean_slopes(average: Floats, steps: Floats, weights: Floats, *, level: int = 0) -> Floats:
    """Mean slope of logit P in each eta_k along the line from average to average + step.

    Args:
        average: (K, 1) logits at the start of the line.
        steps: (K, examples) from start to end.
        weights: (K,) part of each time bin below the horizon.
        level: entry of the list of panels to begin with.

    Returns:
        (K, examples).
    """
    slopes, missed = _integrate(average, steps, weights, panels=_PANELS[level])
    far = missed > _CLOSE_ENOUGH
    if level + 1 < len(_PANELS) and far.any():
        slopes[:, far] = _mean_slopes(average, steps[:, far], weights, level=level + 1)
    return slopes


def _integrate(average: Floats, steps: Floats, weights: Floats, *, panels: int) -> tuple[Floats, Floats]:
    """Mean slopes (K, examples), and by how much slopes times step misses the gain in log-odds."""
    along, node_weights = _nodes(panels)
    raised = along * steps[:, np.newaxis]
    raised += average[:, :, np.newaxis]
    np.minimum(raised, HIGHEST_LOGIT, out=raised)
    np.exp(raised, out=raised)
    by_bin = np.log1p(raised)
    by_bin *= weights[:, np.newaxis, np.newaxis]
    summed = np.add.reduce(by_bin, axis=0)
    raised /= 1.0 + raised
    raised *= node_weights / -np.expm1(-summed)
    slopes = np.add.accumulate(raised, axis=1)[:, -1] * weights[:, np.newaxis]
    ends = logit_of(summed[:: len(summed) - 1])
    missed = np.abs(np.add.accumulate(slopes * steps, axis=0)[-1] - ends[1] + ends[0])
    return slopes, missed


@lru_cache(maxsize=len(_PANELS))
def _nodes(panels: int) -> tuple[Floats, Floats]:
    """Places on the line from 0 to 1 and their weights, (nodes, 1); both ends are there, with weight 0."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(panels)[:, np.newaxis]
    along = ((starts + (places + 1.0) / 2.0) / panels).ravel()
    shares = np.tile(weights / 2.0 / panels, panels)
    return np.concatenate([[0.0], along, [1.0]])[:, np.newaxis], np.concatenate([[0.0], shares, [0.0]])[
        :, np.newaxis
    ]
