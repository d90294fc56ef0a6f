"""The inputs of a model over codes and the time bin, and its logit hazards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.bins import MISSING_CODE, ByteCodes, FeatureBins
from training.fitting.hazard_rows import HazardRows

# Rows predicted at a time: every tree reads all of them, and a hundred columns of more leave the cache.
_PIECE_ROWS: Final = 2_500


class Hazard(Protocol):
    """A fitted model over (feature codes, time bin)."""

    def decision_function(self, inputs: Floats) -> Floats:
        """(rows,) logit hazards."""
        ...


class BoostedHazard(Hazard, Protocol):
    """A boosted ensemble.

    Attributes:
        validation_score_: negative log loss of the later rows after each tree, where they ended the boosting.
    """

    validation_score_: Floats


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model is fitted on: a column for each feature, then the time bin, and the pairs of features.

    Attributes:
        bins: of the features.
        pairs: positions of two features each, which are fitted after the features.
        pair_trees: trees of each step in which the pairs are boosted.
    """

    bins: tuple[FeatureBins, ...]
    pairs: tuple[tuple[int, int], ...] = ()
    pair_trees: tuple[int, ...] = ()

    @property
    def interaction_constraints(self) -> list[set[int]]:
        """Which columns a tree may use together: one feature, and the time bin."""
        time_bin = len(self.bins)
        return [{position, time_bin} for position in range(time_bin)]

    @property
    def is_category(self) -> list[bool]:
        """Whether each column is a category."""
        return [*(bins.type == "category" for bins in self.bins), False]


def hazard_inputs(
    codes: ByteCodes, time_bin: Ints, layout: Layout, *, order: Literal["C", "F"] = "C"
) -> Floats:
    """Makes rows as the ensemble takes them: codes, NaN for a missing number, and the time bin last.

    A missing number has no order among the numbers, so the ensemble may send it to either side of a cut; a
    missing category is a category.

    Args:
        codes: (rows, features).
        time_bin: (rows,)
        layout: of the columns.
        order: in memory: by row for predictions, by column ("F") for a fit.

    Returns:
        (rows, features + 1)
    """
    features_count = len(layout.bins)
    inputs = np.empty((len(codes), features_count + 1), order=order)
    inputs[:, :features_count] = codes
    inputs[:, -1] = time_bin
    numbers = np.array([bins.type != "category" for bins in layout.bins], dtype=np.bool_)
    inputs[:, :features_count][(codes == MISSING_CODE) & numbers] = np.nan
    return inputs


def logits_of_rows(model: Hazard, codes: ByteCodes, layout: Layout, rows: HazardRows) -> Floats:
    """(rows,) logit hazards of the model for rows of a fit."""
    return _logits(model, codes, layout, rows.example, rows.time_bin)


def logits_of_codes(model: Hazard, codes: ByteCodes, layout: Layout, time_bins_count: int) -> Floats:
    """(rows, K) logit hazards of the model for codes (rows, features), in every time bin."""
    row = np.repeat(np.arange(len(codes), dtype=np.int64), time_bins_count)
    time_bin = np.tile(np.arange(time_bins_count, dtype=np.int64), len(codes))
    return _logits(model, codes, layout, row, time_bin).reshape(len(codes), time_bins_count)


def _logits(model: Hazard, codes: ByteCodes, layout: Layout, row: Ints, time_bin: Ints) -> Floats:
    """(rows,) logit hazards of some rows of the codes, in pieces that stay in the cache from tree to tree."""
    logits = np.empty(len(row))
    for start in range(0, len(row), _PIECE_ROWS):
        piece = slice(start, start + _PIECE_ROWS)
        logits[piece] = model.decision_function(hazard_inputs(codes[row[piece]], time_bin[piece], layout))
    return logits
