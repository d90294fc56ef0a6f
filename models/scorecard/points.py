"""What each term of a scorecard adds to one lead's log-odds at the horizon, compared with the average lead.

The hazards' logits are sums of terms; the probability is not. A term's points are its Aumann-Shapley share:
with A (terms, K) the lead's table entries, eta(s) = average + s * (sum of A) the straight line from the
average lead to this one, and L(s) = sum_k w_k softplus(eta_k(s)),

    points_j = sum_k A_jk * integral over s from 0 to 1 of  w_k sigmoid(eta_k(s)) / (1 - exp(-L(s))).

The integrand is the slope of logit P along the line, so that base + points is the log-odds itself. The
integral is taken by eight Gauss-Legendre nodes on the whole line. Where the sum then misses the log-odds by
more than 1e-10 (leads far from the average), the line is cut into 2, 8, 64 and 512 panels of eight nodes
until it does not; the farthest begin with more panels. So the accuracy is reached, and no remainder is spread
over the terms. A lead's number of panels depends on that lead alone.

Source: Aumann and Shapley, Values of Non-Atomic Games, 1974; Sundararajan, Taly and Yan, arXiv 1703.01365.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from models.scorecard.hazards import HIGHEST_LOGIT
from models.scorecard.scorecard import Scorecard, kept_by_horizon
from models.scorecard.scoring import (
    bin_weights,
    chunks_of,
    find_positions,
    hazard_logits,
    log_odds,
    unshifted_log_odds,
)
from models.scorecard.tables import FEW_EXAMPLES, Positions

_NODES: Final = 8
_PANELS: Final = (1, 2, 8, 64, 512)
_CLOSE_ENOUGH: Final = 1e-10
# Leads with a longer line in some time bin go to more panels at once: they would hardly ever be close enough.
_REACH: Final = (4.0, 8.0, np.inf, np.inf, np.inf)
# Examples computed together; each needs its table entries (terms, K) at once.
_CHUNK_ROWS: Final = 128


def points(
    scorecard: Scorecard,
    codes: ByteCodes,
    horizon_days: float | None = None,
    *,
    logits: Floats | None = None,
    odds: Floats | None = None,
    positions: Positions | None = None,
) -> tuple[float, Floats]:
    """Attributes the log-odds to the terms.

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        logits: `hazard_logits` of the same codes, if already computed.
        odds: `log_odds` of the same codes and horizon, if already computed.
        positions: `find_positions` of the same codes, if already computed; only for a few examples.

    Returns:
        The log-odds of the average lead, level shift included, and the points (examples, terms): base + the
        points of a row is its `log_odds`, to 1e-9.

    Raises:
        HorizonError: the model does not answer for this horizon.
    """
    line = _line_of(scorecard, scorecard.horizon_days if horizon_days is None else horizon_days)
    if not len(line.average):
        # A horizon of 5e-324 days is no part of any time bin.
        return line.base, np.zeros((len(codes), len(scorecard.terms)))
    if positions is None and len(codes) <= FEW_EXAMPLES:
        positions = find_positions(scorecard, codes)
    logits = hazard_logits(scorecard, codes, positions=positions) if logits is None else logits
    odds = log_odds(scorecard, codes, horizon_days, logits=logits) if odds is None else odds
    gain = odds - line.base
    if positions is not None:
        return line.base, _points_of(scorecard, positions, logits, gain, line)
    shares = np.empty((len(codes), len(scorecard.terms)))
    for rows in chunks_of(scorecard, codes, _CHUNK_ROWS):
        found = scorecard.tables.positions(codes[rows])
        shares[rows] = _points_of(scorecard, found, logits[rows], gain[rows], line)
    return line.base, shares


def base_log_odds(scorecard: Scorecard, horizon_days: float) -> float:
    """Log-odds of the average lead, level shift included: what all points are compared with."""
    return _line_of(scorecard, horizon_days).base


class _Line(NamedTuple):
    """Where every line from the average lead begins, and what does not depend on where it ends.

    Attributes:
        base: log-odds of the average lead, level shift included.
        average: (used, 1) its logits, of the time bins below the horizon.
        weights: (used, 1) part of each time bin below the horizon.
        negative_weights: (used, 1, 1) the negative of these.
    """

    base: float
    average: Floats
    weights: Floats
    negative_weights: Floats


@kept_by_horizon
def _line_of(scorecard: Scorecard, horizon_days: float) -> _Line:
    weights = bin_weights(scorecard, horizon_days)
    used = int(np.count_nonzero(weights))  # time bins beyond the horizon weigh nothing
    with np.errstate(divide="ignore"):
        unshifted = unshifted_log_odds(scorecard.average[np.newaxis, np.newaxis], weights)
    base = float(unshifted[0, 0]) + scorecard.level_shift
    of_bins = weights[:used, np.newaxis]
    return _Line(base, scorecard.average[:used, np.newaxis], of_bins, -of_bins[:, np.newaxis])


def _points_of(
    scorecard: Scorecard, positions: Positions, logits: Floats, gain: Floats, line: _Line
) -> Floats:
    """Points of a few examples: (examples, terms)."""
    used = len(line.average)
    entries = scorecard.columns[:used].take(positions, axis=1)
    slopes = _mean_slopes(line, logits[:, :used].T - line.average, gain)
    entries *= slopes[:, :, np.newaxis]
    # Along the first axis of several columns NumPy adds strictly in order; the average's column is among
    # them.
    shares: Floats = np.add.reduce(entries, axis=0)[:, 1:]
    return shares


def _mean_slopes(line: _Line, steps: Floats, gain: Floats, *, level: int = 0) -> Floats:
    """Mean slope of logit P in each eta_k along the line from average to average + step.

    Args:
        line: where it begins.
        steps: (K, examples) from start to end.
        gain: (examples,) in log-odds from start to end.
        level: entry of the list of panels to begin with.

    Returns:
        (K, examples).
    """
    far = np.maximum.reduce(np.abs(steps), axis=0) > _REACH[level]
    if np.count_nonzero(far) < len(far) or level + 1 == len(_PANELS):
        slopes = _integrate(line, steps, panels=_PANELS[level])
        missed = np.add.accumulate(slopes * steps, axis=0)[-1]
        missed -= gain
        far |= np.abs(missed) > _CLOSE_ENOUGH
    else:
        slopes = np.empty_like(steps)
    if level + 1 < len(_PANELS) and np.count_nonzero(far):
        slopes[:, far] = _mean_slopes(line, steps[:, far], gain[far], level=level + 1)
    return slopes


def _integrate(line: _Line, steps: Floats, *, panels: int) -> Floats:
    """Mean slopes (K, examples), by the nodes of so many panels."""
    along, node_weights = _nodes(panels)
    # Rows stay together, whatever the order of the steps in memory: down a column NumPy adds in pairs.
    raised = np.multiply(along, steps[:, np.newaxis], order="C")
    raised += line.average[:, np.newaxis]
    np.minimum(raised, HIGHEST_LOGIT, out=raised)
    np.exp(raised, out=raised)
    by_bin = np.log1p(raised)
    by_bin *= line.negative_weights
    raised /= 1.0 + raised
    # Several nodes and examples lie beyond the first axis, so that NumPy adds strictly in order.
    falls = np.add.reduce(by_bin, axis=0)
    np.expm1(falls, out=falls)
    raised *= np.divide(node_weights, falls, out=falls)
    slopes: Floats = np.add.accumulate(raised, axis=1)[:, -1]
    return slopes * line.weights


@lru_cache(maxsize=len(_PANELS))
def _nodes(panels: int) -> tuple[Floats, Floats]:
    """Places on the line from 0 to 1, and the negative of their weights, (nodes, 1)."""
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(panels)[:, np.newaxis]
    along = ((starts + (places + 1.0) / 2.0) / panels).ravel()
    return along[:, np.newaxis], np.tile(weights / -2.0 / panels, panels)[:, np.newaxis]
