"""The inputs of an ensemble over codes and the time bin, and its logit hazards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from features.history.lead_history import Floats, Ints
from models.scorecard.bins import MISSING_CODE, ByteCodes, FeatureBins
from training.fitting.hazard_rows import HazardRows


class Hazard(Protocol):
    """A fitted ensemble over (feature codes, time bin).

    Attributes:
        validation_score_: negative log loss of the later rows after each tree, where they ended the boosting.
    """

    validation_score_: Floats

    def decision_function(self, inputs: Floats) -> Floats:
        """(rows,) logit hazards."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns an ensemble is fitted on: the features, then the pairs, and the time bin last.

    A pair is one category for each two codes, so that a single cut can split its cells in any way: trees that
    cut one of the two features first would miss what neither explains alone.

    Attributes:
        bins: of the features.
        pairs: positions of two features each, with at most 255 cells.
    """

    bins: tuple[FeatureBins, ...]
    pairs: tuple[tuple[int, int], ...] = ()

    @property
    def interaction_constraints(self) -> list[set[int]]:
        """Which columns a tree may use together: one of them, and the time bin."""
        time_bin = len(self.bins) + len(self.pairs)
        return [{position, time_bin} for position in range(time_bin)]

    @property
    def is_category(self) -> list[bool]:
        """Whether each column is a category."""
        return [*(bins.type == "category" for bins in self.bins), *(True for _ in self.pairs), False]


def hazard_inputs(codes: ByteCodes, time_bin: Ints, layout: Layout) -> Floats:
    """Makes rows as the ensemble takes them: codes, NaN for a missing number, and the time bin last.

    A missing number has no order among the numbers, so the ensemble may send it to either side of a cut; a
    missing category is a category.

    Args:
        codes: (rows, features).
        time_bin: (rows,)
        layout: of the columns.

    Returns:
        (rows, features + pairs + 1)
    """
    features_count = len(layout.bins)
    inputs = np.empty((len(codes), features_count + len(layout.pairs) + 1))
    inputs[:, :features_count] = codes
    for place, (first, second) in enumerate(layout.pairs, features_count):
        inputs[:, place] = (
            codes[:, first].astype(np.int64) * layout.bins[second].codes_count + codes[:, second]
        )
    inputs[:, -1] = time_bin
    numbers = np.array([bins.type != "category" for bins in layout.bins], dtype=np.bool_)
    inputs[:, :features_count][(codes == MISSING_CODE) & numbers] = np.nan
    return inputs


def logits_of_rows(model: Hazard, codes: ByteCodes, layout: Layout, rows: HazardRows) -> Floats:
    """(rows,) logit hazards of the ensemble for rows of a fit."""
    return np.asarray(model.decision_function(hazard_inputs(codes[rows.example], rows.time_bin, layout)))


def logits_of_codes(model: Hazard, codes: ByteCodes, layout: Layout, time_bins_count: int) -> Floats:
    """(rows, K) logit hazards of the ensemble for codes (rows, features), in every time bin."""
    time_bin = np.tile(np.arange(time_bins_count, dtype=np.int64), len(codes))
    inputs = hazard_inputs(np.repeat(codes, time_bins_count, axis=0), time_bin, layout)
    return np.asarray(model.decision_function(inputs), dtype=np.float64).reshape(len(codes), time_bins_count)
