"""From the tables of a scorecard to log-odds: the one path that every probability takes.

With eta_k = average_k + the terms' entries, L(h) = sum_k w_k(h) softplus(eta_k), where w_k(h) is the part of
time bin k below the horizon h, and P(h) = 1 - exp(-L(h)). The level shift is added to logit P(h), the same at
every horizon. One lead and a batch give the same bits: every sum runs in one fixed order, example by example.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from features.history.lead_history import Floats
from models.errors import CodesError, HorizonError
from models.scorecard.bins import ByteCodes
from models.scorecard.hazards import logit_of_hazard, sigmoid, softplus
from models.scorecard.scorecard import Scorecard, kept_by_horizon
from models.scorecard.tables import Positions

# Examples computed together: their rows fit into the second-level cache.
CHUNK_ROWS: Final = 2_048


def find_positions(scorecard: Scorecard, codes: ByteCodes) -> Positions:
    """Finds the table rows of a few examples, once for all functions that need them: (examples, 1 + terms).

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    check_codes(scorecard, codes)
    return scorecard.tables.positions(codes)


def hazard_logits(scorecard: Scorecard, codes: ByteCodes, *, positions: Positions | None = None) -> Floats:
    """The logit hazards of every time bin, without the level shift: (examples, K).

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        positions: of `find_positions`, if already computed; only for a few examples.

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    if positions is not None:
        return scorecard.tables.sum_few(positions)
    logits = np.empty((len(codes), len(scorecard.average)))
    for rows in chunks_of(scorecard, codes):
        logits[rows] = scorecard.tables.sum_rows(codes[rows])
    return logits


# A hazard may be too small for a double: its log-odds are minus infinity.
@np.errstate(divide="ignore")
def log_odds(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> Floats:
    """Log-odds that the lead converts within the horizon, level shift included: (examples,).

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        logits: `hazard_logits` of the same codes, if already computed.

    Raises:
        HorizonError: the model does not answer for this horizon.
        CodesError: the codes are not those of this scorecard.
    """
    weights = bin_weights(scorecard, scorecard.horizon_days if horizon_days is None else horizon_days)
    odds = np.empty(len(codes))
    for rows in chunks_of(scorecard, codes):
        summed = scorecard.tables.sum_rows(codes[rows]) if logits is None else logits[rows]
        odds[rows] = unshifted_log_odds(summed[:, np.newaxis], weights)[:, 0]
    odds += scorecard.level_shift
    return odds


def probabilities(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> Floats:
    """Probabilities that go with `log_odds`: (examples,), same arguments and errors."""
    return sigmoid(log_odds(scorecard, codes, horizon_days, logits=logits))


def unshifted_log_odds(logits: Floats, weights: Floats, *, with_edges: bool = False) -> Floats:
    """Turns logit hazards into log-odds without the level shift: the kernel of all that answers.

    Callers tell NumPy to let a division by 0 pass where a hazard may be too small for a double.

    Args:
        logits: (examples, fits, K) logit hazards.
        weights: (K,) part of each time bin below the horizon, as `bin_weights` gives it.
        with_edges: whether the first fit is also taken at every edge.

    Returns:
        (examples, fits) log-odds at the horizon, then, with edges, (examples, K) of the first fit at
        `time_edges_days[1:]`.
    """
    examples, fits, bins = logits.shape
    hazards = softplus(logits)
    sums = np.empty((examples, fits + bins * with_edges))
    if with_edges:
        np.add.accumulate(hazards[:, 0], axis=1, out=sums[:, fits:])
    hazards *= weights
    sums[:, :fits] = np.add.accumulate(hazards, axis=2)[:, :, -1]
    return logit_of_hazard(sums)


@kept_by_horizon
def bin_weights(scorecard: Scorecard, horizon_days: float) -> Floats:
    """The part of each time bin that lies below the horizon: (K,) from 0 to 1.

    Raises:
        HorizonError: the horizon is not above 0, or lies beyond the last edge.
    """
    edges = scorecard.time_edges_days
    if not 0 < horizon_days <= edges[-1]:
        raise HorizonError(horizon_days, longest_days=float(edges[-1]))
    weights: Floats = np.clip((horizon_days - edges[:-1]) / (edges[1:] - edges[:-1]), 0.0, 1.0)
    weights.setflags(write=False)
    return weights


def check_codes(scorecard: Scorecard, codes: ByteCodes) -> None:
    """Refuses codes of other features.

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    if codes.ndim != 2 or codes.shape[1] != len(scorecard.bins):
        raise CodesError(codes.shape, features=len(scorecard.bins))


def chunks_of(scorecard: Scorecard, codes: ByteCodes, chunk_rows: int = CHUNK_ROWS) -> Iterator[slice]:
    """Slices of the examples that are computed together.

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    check_codes(scorecard, codes)
    for start in range(0, len(codes), chunk_rows):
        yield slice(start, start + chunk_rows)
