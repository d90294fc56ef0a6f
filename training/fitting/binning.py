"""Bins of features, chosen on training examples: edges people can read, and categories that occur often."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from features.catalog.spec import FeatureSet
from features.engine.matrix import FeatureMatrix
from features.history.lead_history import AttributeType, Floats, Ints
from features.history.personal_data import LEADS_AT_LEAST
from models.scorecard.bins import MISSING_CODE, ByteCodes, FeatureBins
from training.config import TrainingConfig

# Quantiles of this many examples are as good as those of all.
_MOST_EXAMPLES: Final = 60_000

# Part of a bin's examples by which its edge may move to become a rounder number.
_EDGE_PLAY: Final = 0.25


def fit_bins(
    matrix: FeatureMatrix,
    feature_set: FeatureSet,
    *,
    config: TrainingConfig,
    examples: Ints | None = None,
    lead: Ints | None = None,
) -> tuple[FeatureBins, ...]:
    """Chooses the bins of each feature of a set.

    Args:
        matrix: may hold more features and more examples.
        feature_set: what to bin, in its order.
        config: max_bins, min_bin_examples.
        examples: (n,) positions of the examples whose values decide; None means all.
        lead: row of the lead of each example of the matrix: a category has a bin only where enough leads have
            it. None: nothing stores the bins, and examples alone are counted.

    Returns:
        One for each feature. A feature that is missing everywhere, or constant, has bins without edges.
    """
    count = matrix.values.shape[1] if examples is None else len(examples)
    chosen = (
        np.arange(min(count, _MOST_EXAMPLES), dtype=np.int64) * count // max(1, min(count, _MOST_EXAMPLES))
    )
    chosen = chosen if examples is None else examples[chosen]
    least = max(1, config.min_bin_examples * len(chosen) // max(1, count))
    row_of = {name: row for row, name in enumerate(matrix.names)}
    bins = []
    for feature in feature_set.features:
        values = matrix.values[row_of[feature.name]][chosen]
        present = values[~np.isnan(values)]
        edges = _edges_of(feature.type, present, max_bins=config.max_bins, least=least)
        categories: tuple[str, ...] = ()
        if feature.type == "category":
            vocabulary = matrix.vocabularies.get(feature.name, ())
            common = _common(present, vocabulary, most=config.max_bins, least=least)
            if lead is not None:
                whole = matrix.values[row_of[feature.name]]
                at = slice(None) if examples is None else examples
                common = _of_enough_leads(common, whole[at], lead[at])
            categories = tuple(vocabulary[code] for code in common)
        bins.append(FeatureBins(feature.name, feature.type, edges, categories))
    return tuple(bins)


def number_edges(values: Floats, *, max_bins: int, least: int) -> Floats:
    """Cuts numbers into bins of about equal counts, at numbers with few digits.

    A value that occurs very often has a bin of its own; the other values share the remaining bins.

    Args:
        values: (n,) without NaN.
        max_bins: bins at most.
        least: values in a bin at least.

    Returns:
        (bins - 1,) rising; bin i is [edge i - 1, edge i).

    >>> number_edges(np.array([0.0] * 70 + [1.0] * 20 + [2.0] * 5 + [3.0] * 5), max_bins=64, least=10)
    array([1., 2.])
    >>> number_edges(np.linspace(0.137, 9.953, 1000), max_bins=4, least=10)
    array([3., 5., 8.])
    """
    distinct, counts = np.unique(values, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    edges: list[float] = []
    start = 0
    while len(edges) < max_bins - 1:
        target = max(least, math.ceil((len(values) - below[start]) / (max_bins - len(edges))))
        cut = int(np.searchsorted(below, below[start] + target, side="left"))
        if cut >= len(distinct) or len(values) - below[cut] < least:
            break
        edge = _edge_near(distinct, below, cut, play=_EDGE_PLAY * target, first=start)
        edges.append(edge)
        start = int(np.searchsorted(distinct, edge, side="left"))
    return np.array(edges, dtype=np.float64)


def roundest_between(low: float, high: float) -> float:
    """Finds the number in (low, high] with the fewest digits.

    >>> roundest_between(3.2, 4.9), roundest_between(0.0131, 0.0149), roundest_between(-0.3, 2.0)
    (4.0, 0.014, 0.0)
    """
    if low < 0 <= high:
        return 0.0
    exponent = math.floor(math.log10(max(abs(low), abs(high))))
    for digits in range(17):
        unit = 10.0 ** (exponent - digits)
        if unit == 0.0:
            # Among the smallest doubles a number has no digits to leave out.
            return high
        multiple = math.floor(high / unit)
        # Written as text, so that the number is the nearest one to the short decimal.
        candidate = float(f"{multiple}e{exponent - digits}")
        if low < candidate <= high:
            return candidate
    return high


def _edges_of(feature_type: AttributeType, present: Floats, *, max_bins: int, least: int) -> Floats:
    """Chooses edges by the type of a feature."""
    if feature_type == "category":
        return np.empty(0)
    if feature_type == "boolean":
        return np.array([0.5])
    return number_edges(present, max_bins=max_bins, least=least)


def _edge_near(distinct: Floats, below: Ints, cut: int, *, play: float, first: int) -> float:
    """Moves the edge below `distinct[cut]` to a rounder number, past at most `play` examples.

    Args:
        distinct: rising values.
        below: (values + 1,) number of examples below each value.
        cut: position of the first value above the edge.
        play: number of examples.
        first: position of the first value of the bin that the edge closes, which must stay in it.
    """
    lowest = int(np.searchsorted(below, below[cut] - play, side="left"))
    highest = int(np.searchsorted(below, below[cut] + play, side="right")) - 1
    low = float(distinct[max(min(lowest, cut) - 1, first)])
    return roundest_between(low, float(distinct[min(max(highest, cut), len(distinct) - 1)]))


def _common(present: Floats, vocabulary: tuple[str, ...], *, most: int, least: int) -> list[int]:
    """Chooses the categories with their own bin, by name: the most frequent, each with `least` examples."""
    counts = np.bincount(present.astype(np.int64), minlength=len(vocabulary)) if vocabulary else np.empty(0)
    ranked = sorted(range(len(vocabulary)), key=lambda code: (-counts[code], vocabulary[code]))
    # One bin is left for all others.
    return sorted((code for code in ranked[: most - 1] if counts[code] >= least), key=vocabulary.__getitem__)


def _of_enough_leads(categories: list[int], values: Floats, lead: Ints) -> list[int]:
    """Keeps the categories of enough leads: a lead has many examples, so that their number does not tell.

    Args:
        categories: their codes.
        values: (n,) codes of all examples that decide, NaN where missing.
        lead: (n,) of the examples.

    >>> values = np.array([0.0] * 40 + [1.0] * 20 + [np.nan])
    >>> _of_enough_leads([0, 1], values, np.array([*range(19), *[0] * 21, *range(21)]))
    [1]
    """
    leads = [np.count_nonzero(np.bincount(lead[values == code])) for code in categories]
    return [code for code, count in zip(categories, leads, strict=True) if count >= LEADS_AT_LEAST]


# Coarse bins of present values; with "missing" 15, so that a pair has at most 225 cells: the ensemble takes
# at most 255 categories, and a few thousand conversions cannot fill more.
MOST_COARSE_BINS: Final = 14


def coarsen(bins: FeatureBins, mass: Floats) -> FeatureBins:
    """Joins the bins of a feature into a few of about equal weight.

    Args:
        bins: of the feature.
        mass: (codes,) weight of each code.

    Returns:
        Bins of the same name; the given ones where they are few already.
    """
    if bins.codes_count - 1 <= MOST_COARSE_BINS:
        return bins
    if bins.type == "category":
        named = mass[1 : 1 + len(bins.categories)]
        largest = np.argsort(-named, kind="stable")[: MOST_COARSE_BINS - 1]
        return FeatureBins(
            bins.name, bins.type, bins.edges, tuple(bins.categories[i] for i in sorted(largest))
        )
    below = np.cumsum(mass[1:])[:-1]  # mass below each edge
    total = below[-1] + mass[-1]
    cuts = np.searchsorted(below, total * np.arange(1, MOST_COARSE_BINS) / MOST_COARSE_BINS, side="left")
    return FeatureBins(bins.name, bins.type, bins.edges[np.unique(np.minimum(cuts, len(below) - 1))])


def coarse_codes(bins: FeatureBins, coarse: FeatureBins) -> ByteCodes:
    """(codes,) coarse code of each code.

    >>> fine = FeatureBins("calls", "number", np.array([1.0, 2.0, 5.0]))
    >>> coarse_codes(fine, FeatureBins("calls", "number", np.array([2.0])))
    array([0, 1, 1, 2, 2], dtype=uint8)
    """
    if bins.type == "category":
        other = len(coarse.categories) + 1
        codes = [coarse.code_of_category(name) for name in bins.categories]
        return np.array([MISSING_CODE, *codes, other], dtype=np.uint8)
    lowest = [-np.inf, *bins.edges.tolist()]
    return np.array([MISSING_CODE, *(coarse.code_of_number(value) for value in lowest)], dtype=np.uint8)
