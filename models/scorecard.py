"""The model itself: small tables whose entries add up to the hazard of each time bin, and the probability.

With eta_k = average_k + the terms' entries, L(h) = sum_k w_k(h) softplus(eta_k), where w_k(h) is the part of
time bin k below the horizon h, and P(h) = 1 - exp(-L(h)). The level shift is added to logit P(h), the same at
every horizon. One lead and a batch give the same bits: every sum runs in one fixed order, example by example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import numpy as np

from features.columns import Floats
from models.bins import ByteCodes, FeatureBins
from models.consistency import check_scorecard
from models.errors import CodesError, HorizonError
from models.hazards import cumulative, logit_of, sigmoid, softplus
from models.tables import Positions, Tables, lay_out

# Examples computed together: their rows fit into the second-level cache.
CHUNK_ROWS: Final = 2_048
# Half the width of a 90 % interval in standard deviations.
_Z_90: Final = 1.6448536269514722


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What one feature, or one pair of features, adds to the logit hazard.

    Attributes:
        features: one or two positions in the scorecard's bins.
        table: (codes_a[, codes_b], K) logits, centred per time bin on the training examples.
    """

    features: tuple[int, ...]
    table: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Replica:
    """The same terms, fitted on leads drawn with replacement; how replicas differ is how sure the fit is.

    Attributes:
        average: (K,) average logit hazards.
        tables: of each term, in the order and shape of the scorecard's terms.
    """

    average: Floats
    tables: tuple[Floats, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Misfit:
    """How far tests of the past were off beyond chance, by what was promised.

    Attributes:
        log_odds: (bins,) promised, rising.
        spread: (bins,) standard deviations in logits, at least 0.
    """

    log_odds: Floats
    spread: Floats

    def at(self, log_odds: Floats) -> Floats:
        """Spread at promised log-odds, between two bins by a straight line: same shape."""
        spread: Floats = np.interp(log_odds, self.log_odds, self.spread)
        return spread


@dataclass(frozen=True, slots=True, eq=False)
class Scorecard:
    """A fitted model as data.

    Attributes:
        bins: how features become codes.
        time_edges_days: (K + 1,) rising from 0; time bin k is (edge k, edge k + 1] days after `as_of`.
        horizon_days: the main horizon, at most the last edge.
        terms: what features add.
        average: (K,) logit hazards of the average lead.
        level_shift: logits, added to logit P at every horizon.
        level_spread: standard deviation of the shifts of past origins; None where there were fewer than two.
        replicas: for the interval; empty where it was not fitted.
        misfit: for the interval as well; None where too few conversions were tested.
    """

    bins: tuple[FeatureBins, ...]
    time_edges_days: Floats
    horizon_days: float
    terms: tuple[Term, ...]
    average: Floats
    level_shift: float = 0.0
    level_spread: float | None = None
    replicas: tuple[Replica, ...] = ()
    misfit: Misfit | None = None
    tables: Tables = field(init=False, repr=False)
    replica_tables: Tables | None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuses parts that do not fit together, and lays out the tables."""
        check_scorecard(self)
        terms = [(term.features, term.table) for term in self.terms]
        object.__setattr__(self, "tables", lay_out(self.average, terms))
        object.__setattr__(self, "replica_tables", _lay_out_replicas(self))

    def term_name(self, term: Term) -> str:
        """The name that points and reasons give the term: the feature, or "a x b" for a pair."""
        return " x ".join(self.bins[position].name for position in term.features)

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of all terms, in order."""
        return tuple(self.term_name(term) for term in self.terms)


def find_positions(scorecard: Scorecard, codes: ByteCodes) -> Positions:
    """Finds where in the tables a few codes are, for functions that would each look for it: (examples, ...).

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    next(chunks_of(scorecard, codes), None)
    return scorecard.tables.positions(codes)


def hazard_logits(scorecard: Scorecard, codes: ByteCodes, *, positions: Positions | None = None) -> Floats:
    """The logit hazards of every time bin, without the level shift: (examples, K).

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        positions: where in the tables the codes are, where it is at hand.
    """
    return _sum_in_chunks(scorecard, scorecard.tables, codes, positions)


def log_odds(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> Floats:
    """Log-odds that the lead converts within the horizon, level shift included: (examples,).

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        logits: `hazard_logits` of the same codes, where they are at hand.

    Raises:
        HorizonError: the model does not answer for this horizon.
    """
    weights = bin_weights(scorecard, scorecard.horizon_days if horizon_days is None else horizon_days)
    logits = hazard_logits(scorecard, codes) if logits is None else logits
    return logit_of(cumulative(softplus(logits) * weights)[:, -1]) + scorecard.level_shift


def probabilities(
    scorecard: Scorecard, codes: ByteCodes, horizon_days: float | None = None, *, logits: Floats | None = None
) -> Floats:
    """Probabilities that go with `log_odds`: (examples,), same arguments."""
    return sigmoid(log_odds(scorecard, codes, horizon_days, logits=logits))


def curve(scorecard: Scorecard, codes: ByteCodes, *, logits: Floats | None = None) -> Floats:
    """Probabilities at `time_edges_days[1:]`: (examples, K), never decreasing along a row.

    At the main horizon the bits are those of `probabilities`.
    """
    logits = hazard_logits(scorecard, codes) if logits is None else logits
    at_edges = sigmoid(logit_of(cumulative(softplus(logits))) + scorecard.level_shift)
    # Guards the last bit only: the sums never decrease, but the roundings of log and exp might.
    rising: Floats = np.maximum.accumulate(at_edges, axis=1)
    return rising


def interval(
    scorecard: Scorecard,
    codes: ByteCodes,
    horizon_days: float | None = None,
    *,
    odds: Floats | None = None,
    positions: Positions | None = None,
) -> tuple[Floats, Floats] | None:
    """The plausible range of each lead's own probability, at 90 %: low and high, (examples,) each.

    sigmoid(log-odds -/+ sqrt((t s_boot)^2 + (z s_d)^2 + (z s_m)^2)), with s_boot the standard deviation over
    the replicas, s_d the spread of past level shifts, s_m the misfit of past tests, z = 1.64, and t its like
    for so few replicas: ten would cover 87 % with z. None where the model has no replicas.

    Args:
        scorecard: the model.
        codes: (examples, features) as `encode` gives them.
        horizon_days: above 0, up to the last edge; None means the main horizon.
        odds: `log_odds` of the same codes and horizon, where they are at hand.
        positions: where in the tables the codes are, where it is at hand.

    Raises:
        HorizonError: the model does not answer for this horizon.
    """
    if scorecard.replica_tables is None:
        return None
    weights = bin_weights(scorecard, scorecard.horizon_days if horizon_days is None else horizon_days)
    middle = log_odds(scorecard, codes, horizon_days) if odds is None else odds
    replica_logits = _sum_in_chunks(scorecard, scorecard.replica_tables, codes, positions)
    hazards = softplus(replica_logits.reshape(-1, len(scorecard.replicas), len(weights)))
    hazards *= weights
    spread = _spread_of(logit_of(np.add.accumulate(hazards, axis=2)[:, :, -1]))
    of_fit, of_level = t_90(len(scorecard.replicas)) * spread, _Z_90 * (scorecard.level_spread or 0.0)
    of_tests = 0.0 if scorecard.misfit is None else _Z_90 * scorecard.misfit.at(middle)
    half = np.sqrt(of_fit * of_fit + of_level**2 + of_tests * of_tests)
    low, high = sigmoid(np.array((middle - half, middle + half)))
    return low, high


@lru_cache(maxsize=64)
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


def chunks_of(scorecard: Scorecard, codes: ByteCodes, chunk_rows: int = CHUNK_ROWS) -> Iterator[slice]:
    """Slices of the examples that are computed together.

    Raises:
        CodesError: the codes are not those of this scorecard.
    """
    if codes.ndim != 2 or codes.shape[1] != len(scorecard.bins):
        raise CodesError(codes.shape, features=len(scorecard.bins))
    for start in range(0, len(codes), chunk_rows):
        yield slice(start, start + chunk_rows)


@lru_cache(maxsize=64)
def t_90(replicas: int) -> float:
    """Half the width of a 90 % interval in standard deviations estimated from so few replicas.

    Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5; within 1 % from five on.

    >>> round(t_90(10), 2), round(t_90(1_000), 3)
    (1.83, 1.646)
    """
    z, freedom = _Z_90, max(replicas - 1, 1)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def _sum_in_chunks(
    scorecard: Scorecard, tables: Tables, codes: ByteCodes, positions: Positions | None = None
) -> Floats:
    if positions is not None or len(codes) == 1:
        return tables.sum_rows(find_positions(scorecard, codes) if positions is None else positions)
    summed = np.empty((len(codes), tables.rows.shape[1]))
    for rows in chunks_of(scorecard, codes):
        summed[rows] = tables.sum_rows(tables.positions(codes[rows]))
    return summed


def _lay_out_replicas(scorecard: Scorecard) -> Tables | None:
    """Tables of all replicas side by side, so that one look-up serves them all: columns (replicas x K)."""
    if not scorecard.replicas:
        return None
    average = np.concatenate([replica.average for replica in scorecard.replicas])
    side_by_side = [
        (term.features, np.concatenate([replica.tables[i] for replica in scorecard.replicas], axis=-1))
        for i, term in enumerate(scorecard.terms)
    ]
    return lay_out(average, side_by_side)


def _spread_of(by_replica: Floats) -> Floats:
    """Standard deviation along the rows of (examples, replicas), summed left to right; 0 for one replica."""
    count = by_replica.shape[1]
    off = by_replica - cumulative(by_replica)[:, -1:] / count
    off *= off
    spread: Floats = np.sqrt(cumulative(off)[:, -1] / max(count - 1, 1))
    return spread
