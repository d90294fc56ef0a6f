"""Coarse bins of a feature that shares a table with another: few enough groups to be read as a heat map."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Floats
from models.scorecard.bins import MISSING_CODE, ByteCodes, FeatureBins

# Groups of present values; with "missing" 15, so that the cells of a pair are at most 225: the ensemble takes
# 255 categories, and more neither a person can read nor a few thousand conversions fill.
MOST_GROUPS: Final = 14


def coarsen(bins: FeatureBins, mass: Floats) -> FeatureBins:
    """Joins the bins of a feature into a few of about equal mass.

    Args:
        bins: of the feature.
        mass: (codes,) how much each code weighs.

    Returns:
        Bins of the same name; the given ones where they are few.
    """
    if bins.codes_count - 1 <= MOST_GROUPS:
        return bins
    if bins.type == "category":
        named = mass[1 : 1 + len(bins.categories)]
        largest = np.argsort(-named, kind="stable")[: MOST_GROUPS - 1]
        return FeatureBins(
            bins.name, bins.type, bins.edges, tuple(bins.categories[i] for i in sorted(largest))
        )
    below = np.cumsum(mass[1:])[:-1]  # mass below each edge
    wanted = below[-1] + mass[-1]
    cuts = np.searchsorted(below, wanted * np.arange(1, MOST_GROUPS) / MOST_GROUPS, side="left")
    return FeatureBins(bins.name, bins.type, bins.edges[np.unique(np.minimum(cuts, len(below) - 1))])


def group_of_codes(bins: FeatureBins, coarse: FeatureBins) -> ByteCodes:
    """Tells into which coarse code each code falls: (codes,).

    >>> fine = FeatureBins("calls", "number", np.array([1.0, 2.0, 5.0]))
    >>> group_of_codes(fine, FeatureBins("calls", "number", np.array([2.0])))
    array([0, 1, 1, 2, 2], dtype=uint8)
    """
    if bins.type == "category":
        other = len(coarse.categories) + 1
        codes = [coarse.code_of_category(name) for name in bins.categories]
        return np.array([MISSING_CODE, *codes, other], dtype=np.uint8)
    lowest = [-np.inf, *bins.edges.tolist()]
    return np.array([MISSING_CODE, *(coarse.code_of_number(value) for value in lowest)], dtype=np.uint8)
