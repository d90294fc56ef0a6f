"""Reads a fitted ensemble off as small tables, exactly, by nothing but its public answers.

No path of a tree uses more than one feature, or one pair, and the time bin, so the logit hazard is a sum of
tables f(code, time bin) and g(code a, code b, time bin). Each table is the difference the ensemble makes
between a code and code 0, all other features at code 0; what a pair tells of one feature alone is given to
that feature; then every table is centred per time bin over the training examples, so that a term says what it
adds "compared with the average lead". A model that is not the sum of its tables is refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.errors import LeadOddsError
from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes
from models.scorecard.scorecard import Scorecard, Term
from models.scorecard.scoring import hazard_logits
from training.fitting.design_matrix import Hazard, Layout, answers_of
from training.fitting.purify import purify

# Largest difference between the tables' sum and the ensemble that rounding can explain.
TOLERANCE: Final = 1e-9

# Random rows, and rows of training examples, on which the two are compared.
_CHECKED_ROWS: Final = 1_000
_CHECK: Final = 6

# A table of differences of sums is this small where the ensemble never looks at the feature.
_NOTHING: Final = 1e-12


class NotAdditiveError(LeadOddsError):
    """An ensemble that its tables do not add up to: a scorecard of it would be a different model."""

    exit_code = 1

    def __init__(self, *, distance: float) -> None:
        super().__init__(
            f"The ensemble differs from the sum of its tables by {distance:.2g} logits; "
            f"{TOLERANCE:g} is allowed. It uses more than one feature and the time bin on one path: "
            "fit it with interaction_cst."
        )


def read_off(
    model: Hazard,
    layout: Layout,
    codes: ByteCodes,
    *,
    time_edges_days: Sequence[float],
    horizon_days: float,
    seed: int,
) -> Scorecard:
    """Makes the scorecard of a fitted ensemble.

    Args:
        model: fitted on (codes, time bin).
        layout: of its columns.
        codes: (examples, features) of the training examples, over which terms are centred.
        time_edges_days: (K + 1,)
        horizon_days: the main horizon.
        seed: of the rows on which the two are compared.

    Returns:
        Terms of the features and pairs that make any difference, without level shift.

    Raises:
        NotAdditiveError: on random rows or on training rows the ensemble differs from its tables.
    """
    average, tables = read_tables(model, layout, codes, time_bins_count=len(time_edges_days) - 1)
    named = {features: table for features, table in tables.items() if np.abs(table).max() > _NOTHING}
    kept = sorted({position for features in named for position in features})
    place = {position: number for number, position in enumerate(kept)}
    scorecard = Scorecard(
        bins=tuple(layout.bins[position] for position in kept),
        time_edges_days=np.asarray(time_edges_days, dtype=np.float64),
        horizon_days=float(horizon_days),
        terms=tuple(
            Term(tuple(place[position] for position in features), table) for features, table in named.items()
        ),
        average=average,
    )
    check_additive(model, layout, scorecard, kept=kept, codes=codes, seed=seed)
    return scorecard


def read_tables(
    model: Hazard,
    layout: Layout,
    codes: ByteCodes,
    *,
    time_bins_count: int,
) -> tuple[Floats, dict[tuple[int, ...], Floats]]:
    """Reads the centred tables of every feature and pair, those that make no difference included.

    Args:
        model: as for `read_off`, like all others.
        layout: of its columns.
        codes: (examples, features) over which terms are centred.
        time_bins_count: K.

    Returns:
        (K,) average logit hazards, and by position or positions the tables (codes_a[, codes_b], K).
    """
    anchor = answers_of(model, np.zeros((1, len(layout.bins)), dtype=np.uint8), layout, time_bins_count)[0]
    alone = [_table(model, layout, position, anchor) for position in range(len(layout.bins))]
    singles = list(alone)
    pure: dict[tuple[int, ...], Floats] = {}
    for first, second in layout.pairs:
        joint = _joint_table(model, layout, (first, second), anchor)
        joint = joint - alone[first][:, np.newaxis] - alone[second][np.newaxis]
        pure[first, second], of_first, of_second = purify(joint, _mass(codes, layout, (first, second)))
        singles[first] = singles[first] + of_first
        singles[second] = singles[second] + of_second
    average, centred = anchor.copy(), {}
    for position, table in enumerate(singles):
        middle = _mean_over(table, codes[:, position])
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

    Random codes hold every combination with some chance, also those that training examples do not.

    Args:
        model: the ensemble, over all features.
        layout: of its columns.
        scorecard: over the features `kept`.
        kept: positions of the scorecard's features among all.
        codes: (examples, features) of training examples.
        seed: of the draw.

    Raises:
        NotAdditiveError: they differ by more than `TOLERANCE`.
    """
    rng = np.random.default_rng([seed, _CHECK])
    counts = np.array([one.codes_count for one in layout.bins], dtype=np.int64)
    drawn = (rng.random((_CHECKED_ROWS, len(layout.bins))) * counts).astype(np.uint8)
    seen = codes[
        np.arange(min(_CHECKED_ROWS, len(codes))) * len(codes) // max(1, min(_CHECKED_ROWS, len(codes)))
    ]
    checked = np.concatenate([drawn, seen])
    answers = answers_of(model, checked, layout, len(scorecard.average))
    sums = hazard_logits(scorecard, np.ascontiguousarray(checked[:, list(kept)]))
    distance = float(np.max(np.abs(sums - answers)))
    # Written so that NaN is refused as well.
    if not distance <= TOLERANCE:
        raise NotAdditiveError(distance=distance)


def _table(model: Hazard, layout: Layout, position: int, anchor: Floats) -> Floats:
    """(codes, K) difference each code of one feature makes to code 0, the other features at code 0."""
    probes = np.zeros((layout.bins[position].codes_count, len(layout.bins)), dtype=np.uint8)
    probes[:, position] = np.arange(len(probes), dtype=np.uint8)
    table: Floats = answers_of(model, probes, layout, len(anchor)) - anchor
    return table


def _joint_table(model: Hazard, layout: Layout, pair: tuple[int, int], anchor: Floats) -> Floats:
    """(codes_a, codes_b, K) difference every two codes make to codes 0."""
    first, second = (layout.bins[position].codes_count for position in pair)
    probes = np.zeros((first * second, len(layout.bins)), dtype=np.uint8)
    probes[:, pair[0]], probes[:, pair[1]] = np.divmod(np.arange(first * second), second)
    table: Floats = answers_of(model, probes, layout, len(anchor)) - anchor
    return table.reshape(first, second, -1)


def _mass(codes: ByteCodes, layout: Layout, pair: tuple[int, int]) -> Floats:
    """(codes_a, codes_b) training examples in each cell."""
    shape = tuple(layout.bins[position].codes_count for position in pair)
    cell = codes[:, pair[0]].astype(np.int64) * shape[1] + codes[:, pair[1]]
    return np.bincount(cell, minlength=shape[0] * shape[1]).astype(np.float64).reshape(shape)


def _mean_over(table: Floats, codes: npt.NDArray[np.uint8]) -> Floats:
    """(K,) mean of a table over training examples, summed in the order of the codes."""
    share = np.bincount(codes, minlength=len(table)) / len(codes)
    mean: Floats = np.add.accumulate(table * share[:, None], axis=0)[-1]
    return mean
