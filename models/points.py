"""What each term of a scorecard adds to one lead's log-odds at the horizon, compared with the average lead.

The hazards' logits are sums of terms; the probability is not. A term's points are its Aumann-Shapley share: with
A (terms, K) the lead's table entries, eta(s) = average + s * (sum of A) the straight line from the average lead to
this one, and L(s) = sum_k w_k softplus(eta_k(s)),

    points_j = sum_k A_jk * integral over s from 0 to 1 of  w_k sigmoid(eta_k(s)) / (1 - exp(-L(s))).

The integrand is the slope of logit P along the line, so that base + points is the log-odds itself. The integral is
taken by Gauss-Legendre nodes, 16 on the whole line. Where the sum then misses the log-odds by more than 1e-10 (leads
very far from the average), the line is cut into 8, 64 and 512 panels of 16 nodes until it does not: the accuracy is
reached, and nothing is spread over the terms to hide a rest. A lead's number of panels depends on that lead alone.

Source: Aumann and Shapley, Values of Non-Atomic Games, 1974; Sundararajan, Taly and Yan, arXiv 1703.01365.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from features.columns import Floats
from models.bins import ByteCodes
from models.scorecard import HIGHEST_LOGIT, Scorecard, bin_weights, chunks_of, cumulative, logit_of, softplus

_NODES: Final = 16
_PANELS: Final = (1, 8, 64, 512)
_CLOSE_ENOUGH: Final = 1e-10
# Examples computed together; each needs its table entries (terms, K) at once.
_CHUNK_ROWS: Final = 256


def points(scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None) -> tuple[float, Floats]:
    """Shares the log-odds out among the terms.

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.

    Returns:
        The log-odds of the average lead, level shift included, and the points (examples, terms): base + the points
        of a row is its `log_odds`, to 1e-9.

    Raises:
        HorizonError: the model does not answer for this horizon.
    """
    horizon_days = scorecard.horizon_days if horizon_days is None else horizon_days
    weights = bin_weights(scorecard, horizon_days)
    shares = np.empty((len(codes), len(scorecard.terms)))
    for rows in chunks_of(scorecard, codes, _CHUNK_ROWS):
        shares[rows] = _points_of(scorecard, codes[rows], weights)
    return base_log_odds(scorecard, horizon_days), shares


@lru_cache(maxsize=64)
def base_log_odds(scorecard: Scorecard, horizon_days: float) -> float:
    """Log-odds of the average lead, level shift included: what all points are compared with."""
    hazards = softplus(scorecard.average) * bin_weights(scorecard, horizon_days)
    return float(logit_of(cumulative(hazards[np.newaxis])[:, -1])[0]) + scorecard.level_shift


def _points_of(scorecard: Scorecard, codes: ByteCodes, weights: Floats) -> Floats:
    """Points of a few examples: (examples, terms)."""
    entries = scorecard.tables.rows.take(scorecard.tables.positions(codes), axis=0)
    logits = np.add.accumulate(entries, axis=1)[:, -1]
    steps = logits - scorecard.average
    slopes, missed = _mean_slopes(scorecard.average, steps, weights, panels=_PANELS[0])
    for far in np.flatnonzero(missed > _CLOSE_ENOUGH):
        slopes[far] = _refined_slopes(scorecard.average, steps[far : far + 1], weights)
    shares: Floats = np.add.accumulate(entries[:, 1:] * slopes[:, np.newaxis], axis=2)[:, :, -1]
    return shares


def _refined_slopes(average: Floats, step: Floats, weights: Floats) -> Floats:
    """Mean slopes of one example that is too far from the average for one panel: (K,)."""
    for panels in _PANELS[1:]:
        slopes, missed = _mean_slopes(average, step, weights, panels=panels)
        if missed[0] <= _CLOSE_ENOUGH:
            break
    return slopes[0]


def _mean_slopes(average: Floats, steps: Floats, weights: Floats, *, panels: int) -> tuple[Floats, Floats]:
    """Mean slope of logit P in each eta_k along the line from average to average + step.

    Args:
        average: (K,) logits at the start of the line.
        steps: (examples, K) from start to end.
        weights: (K,) part of each time bin below the horizon.
        panels: how many pieces the line is cut into.

    Returns:
        The mean slopes (examples, K), and by how much slopes times step misses the difference of the log-odds
        (examples,).
    """
    along, node_weights = _nodes(panels)
    raised = along * steps[:, np.newaxis]
    raised += average
    raised = np.exp(np.minimum(raised, HIGHEST_LOGIT))
    summed = np.add.accumulate(np.log1p(raised) * weights, axis=2)[:, :, -1]
    raised /= 1.0 + raised
    raised *= (node_weights / -np.expm1(-summed))[:, :, np.newaxis]
    slopes = np.add.accumulate(raised, axis=1)[:, -1] * weights
    ends = logit_of(summed[:, :: summed.shape[1] - 1])
    missed = np.abs(cumulative(slopes * steps)[:, -1] - ends[:, 1] + ends[:, 0])
    return slopes, missed


@lru_cache(maxsize=len(_PANELS))
def _nodes(panels: int) -> tuple[Floats, Floats]:
    """Places on the line from 0 to 1 (nodes, 1) and their weights (nodes,); both ends are there, with weight 0."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(panels)[:, np.newaxis]
    along = ((starts + (places + 1.0) / 2.0) / panels).ravel()
    along = np.concatenate([[0.0], along, [1.0]])[:, np.newaxis]
    return along, np.concatenate([[0.0], np.tile(weights / 2.0 / panels, panels), [0.0]])
