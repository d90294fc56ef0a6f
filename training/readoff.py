"""Reads a fitted ensemble off as small tables, exactly, by nothing but its public answers.

No path of a tree uses more than one feature and the time bin, so the logit hazard is a sum of tables f(code,
time bin). Each table is the difference the ensemble makes between a code and code 0, all other features at
code 0; then every table is centred per time bin over the training examples, so that a term says what it adds
"compared with the average lead". A model that is not the sum of its tables is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from features.columns import Floats, Ints
from features.errors import LeadOddsError
from models.bins import MISSING_CODE, ByteCodes, FeatureBins
from models.scorecard import Scorecard, Term, hazard_logits

# Largest difference between the tables' sum and the ensemble that rounding can explain.
TOLERANCE: Final = 1e-9

# Random rows, and rows of training examples, on which the two are compared.
_CHECKED_ROWS: Final = 1_000
_CHECK: Final = 6


class Hazard(Protocol):
    """A fitted ensemble over (feature codes, time bin)."""

    def decision_function(self, inputs: Floats) -> Floats:
        """(rows,) logit hazards."""
        ...


class NotAdditiveError(LeadOddsError):
    """An ensemble that its tables do not add up to: a scorecard of it would be a different model."""

    exit_code = 1

    def __init__(self, *, distance: float) -> None:
        super().__init__(
            f"The ensemble differs from the sum of its tables by {distance:.2g} logits; "
            f"{TOLERANCE:g} is allowed. It uses more than one feature and the time bin on one path: "
            "fit it with interaction_cst."
        )


def hazard_inputs(codes: ByteCodes, time_bin: Ints, bins: Sequence[FeatureBins]) -> Floats:
    """Writes rows as the ensemble takes them: codes, NaN for a missing number, and the time bin last.

    A missing number has no place among the numbers, so the ensemble may send it to either side of a cut; a
    missing category is a category.

    Args:
        codes: (rows, features).
        time_bin: (rows,)
        bins: of the features.

    Returns:
        (rows, features + 1)
    """
    inputs = np.empty((len(codes), len(bins) + 1))
    inputs[:, :-1] = codes
    inputs[:, -1] = time_bin
    numbers = np.array([one.type != "category" for one in bins], dtype=np.bool_)
    inputs[:, :-1][(codes == MISSING_CODE) & numbers] = np.nan
    return inputs


def read_off(
    model: Hazard,
    bins: Sequence[FeatureBins],
    codes: ByteCodes,
    *,
    time_edges_days: Sequence[float],
    horizon_days: float,
    seed: int,
) -> Scorecard:
    """Makes the scorecard of a fitted ensemble.

    Args:
        model: fitted on (codes, time bin).
        bins: of the features.
        codes: (examples, features) of the training examples, over which terms are centred.
        time_edges_days: (K + 1,)
        horizon_days: the main horizon.
        seed: of the rows on which the two are compared.

    Returns:
        Terms of the features that make any difference, without level shift.

    Raises:
        NotAdditiveError: on random rows or on training rows the ensemble differs from its tables.
    """
    time_bins_count = len(time_edges_days) - 1
    anchor = _answers(model, np.zeros((1, len(bins)), dtype=np.uint8), bins, time_bins_count)[0]
    tables = [_table(model, bins, position, anchor) for position in range(len(bins))]
    kept = [position for position, table in enumerate(tables) if table.any()]
    average, terms = anchor.copy(), []
    for place, position in enumerate(kept):
        middle = _mean_over(tables[position], codes[:, position])
        average += middle
        terms.append(Term((place,), np.ascontiguousarray(tables[position] - middle)))
    scorecard = Scorecard(
        bins=tuple(bins[position] for position in kept),
        time_edges_days=np.asarray(time_edges_days, dtype=np.float64),
        horizon_days=float(horizon_days),
        terms=tuple(terms),
        average=average,
    )
    check_additive(model, bins, scorecard, kept=kept, codes=codes, seed=seed)
    return scorecard


def check_additive(
    model: Hazard,
    bins: Sequence[FeatureBins],
    scorecard: Scorecard,
    *,
    kept: Sequence[int],
    codes: ByteCodes,
    seed: int,
) -> None:
    """Compares the scorecard with its ensemble in every time bin, on random codes and on training examples.

    Random codes hold every combination with some chance, also those that training examples do not.

    Args:
        model: the ensemble, over all features.
        bins: of all features.
        scorecard: over the features `kept`.
        kept: positions of the scorecard's features among all.
        codes: (examples, features) of training examples.
        seed: of the draw.

    Raises:
        NotAdditiveError: they differ by more than `TOLERANCE`.
    """
    rng = np.random.default_rng([seed, _CHECK])
    counts = np.array([one.codes_count for one in bins], dtype=np.int64)
    drawn = (rng.random((_CHECKED_ROWS, len(bins))) * counts).astype(np.uint8)
    seen = codes[
        np.arange(min(_CHECKED_ROWS, len(codes))) * len(codes) // max(1, min(_CHECKED_ROWS, len(codes)))
    ]
    checked = np.concatenate([drawn, seen])
    answers = _answers(model, checked, bins, len(scorecard.average))
    sums = hazard_logits(scorecard, np.ascontiguousarray(checked[:, list(kept)]))
    distance = float(np.max(np.abs(sums - answers)))
    # Written so that NaN is refused as well.
    if not distance <= TOLERANCE:
        raise NotAdditiveError(distance=distance)


def _table(model: Hazard, bins: Sequence[FeatureBins], position: int, anchor: Floats) -> Floats:
    """(codes, K) difference each code of one feature makes to code 0, the other features at code 0."""
    probes = np.zeros((bins[position].codes_count, len(bins)), dtype=np.uint8)
    probes[:, position] = np.arange(len(probes), dtype=np.uint8)
    table: Floats = _answers(model, probes, bins, len(anchor)) - anchor
    return table


def _mean_over(table: Floats, codes: npt.NDArray[np.uint8]) -> Floats:
    """(K,) mean of a table over training examples, summed in the order of the codes."""
    share = np.bincount(codes, minlength=len(table)) / len(codes)
    mean: Floats = np.add.accumulate(table * share[:, None], axis=0)[-1]
    return mean


def _answers(model: Hazard, codes: ByteCodes, bins: Sequence[FeatureBins], time_bins_count: int) -> Floats:
    """(rows, K) logit hazards the ensemble gives."""
    time_bin = np.tile(np.arange(time_bins_count, dtype=np.int64), len(codes))
    inputs = hazard_inputs(np.repeat(codes, time_bins_count, axis=0), time_bin, bins)
    return np.asarray(model.decision_function(inputs), dtype=np.float64).reshape(len(codes), time_bins_count)
