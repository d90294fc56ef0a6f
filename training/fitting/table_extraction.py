"""Extracts small tables from a fitted ensemble, exactly, by nothing but its public predictions.

No path of a tree uses more than one feature, or one pair, and the time bin, so the logit hazard is a sum of
tables f(code, time bin) and g(code a, code b, time bin). Each table is the difference between the predictions
for a code and for code 0, all other features at code 0. The effects of one feature alone are moved from a
pair's table to that feature; then every table is centred per time bin over the training examples, so that a
term is "compared with the average lead". A model that is not the sum of its tables is refused here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.errors import LeadOddsError
from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from models.scorecard.scorecard import Scorecard, Term
from models.scorecard.scoring import hazard_logits
from training.fitting.design_matrix import Hazard, Layout, logits_of_codes
from training.fitting.purify import purify

# Largest difference between the tables' sum and the ensemble that rounding can explain, as a part of the
# largest logit that the terms can give: trees that separate the outcomes give logits of many thousands.
TOLERANCE: Final = 1e-9

# Random rows, and rows of training examples, on which the two are compared.
_CHECKED_ROWS: Final = 1_000
_CHECK: Final = 6

# Codes that are predicted at a time: bounds memory.
_PROBED_ROWS: Final = 2_000

# The differences of a table are below this part of that logit where the ensemble does not use the feature.
_NOTHING: Final = 1e-12


class NotAdditiveError(LeadOddsError):
    """An ensemble that is not the sum of its tables: its scorecard would be a different model."""

    exit_code = 1

    def __init__(self, *, distance: float, allowed: float) -> None:
        super().__init__(
            f"The ensemble differs from the sum of its tables by {distance:.2g} logits; "
            f"{allowed:.2g} is allowed. It uses more than one feature and the time bin on one path: "
            "fit it with interaction_cst."
        )


def extract_scorecard(
    model: Hazard,
    layout: Layout,
    codes: ByteCodes,
    *,
    time_edges_days: Sequence[float],
    horizon_days: float,
    seed: int,
) -> Scorecard:
    """Extracts the scorecard of a fitted ensemble.

    Args:
        model: fitted on (codes, time bin).
        layout: of its columns.
        codes: (examples, features) of the training examples, over which terms are centred.
        time_edges_days: (K + 1,)
        horizon_days: the main horizon.
        seed: of the rows on which the two are compared.

    Returns:
        With terms of the features and pairs that have any effect, without level shift.

    Raises:
        NotAdditiveError: on random rows or on training rows the ensemble differs from its tables.
    """
    average, tables = extract_tables(model, layout, codes, time_bins_count=len(time_edges_days) - 1)
    nothing = _NOTHING * largest_logit(average, tables.values())
    effective = {features: table for features, table in tables.items() if np.abs(table).max() > nothing}
    kept = sorted({position for features in effective for position in features})
    place = {position: number for number, position in enumerate(kept)}
    scorecard = Scorecard(
        bins=tuple(layout.bins[position] for position in kept),
        time_edges_days=np.asarray(time_edges_days, dtype=np.float64),
        horizon_days=float(horizon_days),
        terms=tuple(
            Term(tuple(place[position] for position in features), table)
            for features, table in effective.items()
        ),
        average=average,
    )
    check_additive(model, layout, scorecard, kept=kept, codes=codes, seed=seed)
    return scorecard


def extract_tables(
    model: Hazard,
    layout: Layout,
    codes: ByteCodes,
    *,
    time_bins_count: int,
) -> tuple[Floats, dict[tuple[int, ...], Floats]]:
    """Extracts the centred tables of every feature and pair, those without any effect included.

    Args:
        model: fitted on (codes, time bin).
        layout: of its columns.
        codes: (examples, features) over which terms are centred.
        time_bins_count: K.

    Returns:
        (K,) average logit hazards, and by position or positions the tables (codes_a[, codes_b], K).
    """
    anchor = logits_of_codes(model, np.zeros((1, len(layout.bins)), dtype=np.uint8), layout, time_bins_count)[
        0
    ]
    alone = _tables(model, layout, anchor)
    singles = list(alone)
    pure: dict[tuple[int, ...], Floats] = {}
    for first, second in layout.pairs:
        joint = _joint_table(model, layout, (first, second), anchor)
        joint = joint - alone[first][:, np.newaxis] - alone[second][np.newaxis]
        pure[first, second], of_first, of_second = purify(joint, _mass(codes, layout, (first, second)))
        singles[first] = singles[first] + of_first
        singles[second] = singles[second] + of_second
    average, centred = anchor.copy(), {}
    # By feature: counting every hundredth byte takes many times as long.
    for position, (table, code) in enumerate(zip(singles, np.ascontiguousarray(codes.T), strict=True)):
        middle = _mean_over(table, code)
        average += middle
        centred[position,] = np.ascontiguousarray(table - middle)
    return average, centred | pure


def check_additive(
    model: Hazard,
    layout: Layout,
    scorecard: Scorecard,
    *,
    kept: Sequence[int],
    codes: ByteCodes,
    seed: int,
) -> None:
    """Compares the scorecard with its ensemble in every time bin, on random codes and on training examples.

    Random codes also hold combinations that no training example has.

    Args:
        model: the ensemble, over all features.
        layout: of its columns.
        scorecard: over the features `kept`.
        kept: positions of the scorecard's features among all.
        codes: (examples, features) of training examples.
        seed: of the draw.

    Raises:
        NotAdditiveError: they differ by more than the part `TOLERANCE` of the largest logit.
    """
    rng = np.random.default_rng([seed, _CHECK])
    counts = np.array([bins.codes_count for bins in layout.bins], dtype=np.int64)
    drawn = (rng.random((_CHECKED_ROWS, len(layout.bins))) * counts).astype(np.uint8)
    count = min(_CHECKED_ROWS, len(codes))
    chosen = codes[np.arange(count) * len(codes) // max(1, count)]
    checked = np.concatenate([drawn, chosen])
    logits = logits_of_codes(model, checked, layout, len(scorecard.average))
    sums = hazard_logits(scorecard, np.ascontiguousarray(checked[:, list(kept)]))
    distance = float(np.max(np.abs(sums - logits)))
    allowed = TOLERANCE * largest_logit(scorecard.average, (term.table for term in scorecard.terms))
    # Written so that NaN is refused as well.
    if not distance <= allowed:
        raise NotAdditiveError(distance=distance, allowed=allowed)


def largest_logit(average: Floats, tables: Iterable[Floats]) -> float:
    """Bounds the logits that tables can give: what rounding of their sums is proportional to; 1 at least.

    >>> largest_logit(np.array([-3.0, -4.0]), [np.array([[2.0], [-5.0]])])
    9.0
    """
    return max(1.0, float(np.abs(average).max() + sum(np.abs(table).max() for table in tables)))


def _tables(model: Hazard, layout: Layout, anchor: Floats) -> list[Floats]:
    """(codes, K) differences of each feature's codes from code 0, all other features at code 0.

    Many features are predicted at a time: a call costs as much as hundreds of its rows.
    """
    counts = [bins.codes_count for bins in layout.bins]
    if not counts:
        return []
    position = np.repeat(np.arange(len(counts)), counts)
    code = np.concatenate([np.arange(count, dtype=np.uint8) for count in counts])
    tables = []
    for start in range(0, len(code), _PROBED_ROWS):
        part = slice(start, start + _PROBED_ROWS)
        probes = np.zeros((len(code[part]), len(counts)), dtype=np.uint8)
        probes[np.arange(len(probes)), position[part]] = code[part]
        tables.append(logits_of_codes(model, probes, layout, len(anchor)) - anchor)
    return np.split(np.concatenate(tables), np.cumsum(counts)[:-1])


def _joint_table(model: Hazard, layout: Layout, pair: tuple[int, int], anchor: Floats) -> Floats:
    """(codes_a, codes_b, K) difference between every two codes and codes 0."""
    first, second = (layout.bins[position].codes_count for position in pair)
    probes = np.zeros((first * second, len(layout.bins)), dtype=np.uint8)
    probes[:, pair[0]], probes[:, pair[1]] = np.divmod(np.arange(first * second), second)
    table: Floats = logits_of_codes(model, probes, layout, len(anchor)) - anchor
    return table.reshape(first, second, -1)


def _mass(codes: ByteCodes, layout: Layout, pair: tuple[int, int]) -> Floats:
    """(codes_a, codes_b) number of training examples in each cell."""
    shape = tuple(layout.bins[position].codes_count for position in pair)
    cell = codes[:, pair[0]].astype(np.int64) * shape[1] + codes[:, pair[1]]
    return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _mean_over(table: Floats, codes: npt.NDArray[np.uint8]) -> Floats:
    """(K,) mean of a table over training examples, summed in the order of the codes."""
    share = np.bincount(codes, minlength=len(table)) / len(codes)
    mean: Floats = np.add.accumulate(table * share[:, None], axis=0)[-1]
    return mean
