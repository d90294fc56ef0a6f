"""Feature values as small codes: which bin of its feature each value falls into.

Code 0 is always "missing". A number or boolean has the code 1 + (how many edges are at or below it), so
that bin i is the interval [edge i-1, edge i). A category has the code 1 + its position, and any other value
one code more. Values are only compared, never summed, so a value has the same code alone and among
a million.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from features.engine.matrix import FeatureMatrix
from features.history.lead_history import AttributeType, Floats, Ints
from models.errors import BinsError, FeaturesMissingError

ByteCodes = npt.NDArray[np.uint8]

MISSING_CODE: Final = 0
# A code is one byte.
MOST_CODES: Final = 256
# Up to here one comparison with the edges of all features is quicker than one with each edge.
_FEW_EXAMPLES: Final = 256


@dataclass(frozen=True, slots=True, eq=False)
class FeatureBins:
    """How the values of one feature become codes.

    Attributes:
        name: the feature.
        type: number, boolean or category.
        edges: (m,) rising; empty for a category.
        categories: the values that have a code of their own; empty unless a category.

    >>> bins = FeatureBins("lead_age_days", "number", np.array([1.0, 7.0]))
    >>> [bins.code_of_number(value) for value in (float("nan"), 0.5, 1.0, 6.9, 7.0)]
    [0, 1, 2, 2, 3]
    """

    name: str
    type: AttributeType
    edges: Floats
    categories: tuple[str, ...] = ()
    _edge_list: list[float] = field(init=False, repr=False)
    _code_of: Mapping[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuses bins that do not partition the values, and stores what a single look-up needs."""
        _check_bins(self)
        object.__setattr__(self, "_edge_list", self.edges.tolist())
        object.__setattr__(self, "_code_of", {value: 1 + i for i, value in enumerate(self.categories)})

    @property
    def codes_count(self) -> int:
        """Number of codes, "missing" included."""
        return len(self.edges) + 2 if self.type != "category" else len(self.categories) + 2

    def code_of_number(self, value: float) -> int:
        """The code of one number; NaN is missing."""
        return MISSING_CODE if value != value else 1 + bisect_right(self._edge_list, value)

    def code_of_category(self, value: str | None) -> int:
        """The code of one category; None is missing."""
        return MISSING_CODE if value is None else self._code_of.get(value, len(self.categories) + 1)


@dataclass(frozen=True, slots=True)
class Encoder:
    """Bins and the rows of the matrix that they encode.

    Attributes:
        bins: of the requested features.
        rows: (bins,) matrix row of each feature.
        levels: the distinct edges of all features, rising.
        shifts: (bins,) what makes the ranks of each feature greater than those of the features before it.
        ranks: (edges,) rank among the levels, shifted, of every edge of every feature; rising.
        starts: (bins,) number of edges of the features before each, less one.
        categories: (categories,) positions of the categorical features.
    """

    bins: tuple[FeatureBins, ...]
    rows: Ints
    levels: Floats
    shifts: Ints
    ranks: Ints
    starts: Ints
    categories: Ints

    def encode(self, matrix: FeatureMatrix) -> ByteCodes:
        """Gives (examples, bins) codes, C-ordered, 0 where the value is missing."""
        examples = matrix.values.shape[1]
        if examples <= _FEW_EXAMPLES:
            return self._encode_few(matrix)
        by_feature = np.empty((len(self.bins), examples), dtype=np.uint8)
        for feature, row, codes in zip(self.bins, self.rows, by_feature, strict=True):
            codes[:] = encode_feature(feature, matrix.values[row], matrix.vocabularies.get(feature.name, ()))
        return np.ascontiguousarray(by_feature.T)

    def _encode_few(self, matrix: FeatureMatrix) -> ByteCodes:
        # Two searches serve all features: a value's rank among all edges, then that rank among the edges of
        # its own feature. NaN has the highest rank, and then the code 0.
        values = np.ascontiguousarray(matrix.values.take(self.rows, axis=0).T)
        rank = self.levels.searchsorted(values, side="right")
        rank += self.shifts
        reached = self.ranks.searchsorted(rank, side="right")
        reached -= self.starts
        codes: ByteCodes = reached.astype(np.uint8)
        codes *= values == values
        places = self.categories.tolist()
        features = [self.bins[place] for place in places]
        names = [matrix.vocabularies.get(feature.name, ()) for feature in features]
        for example, own in enumerate(values.take(self.categories, axis=1).tolist()):
            for place, feature, known, value in zip(places, features, names, own, strict=True):
                if value == value:
                    codes[example, place] = feature.code_of_category(known[int(value)])
        return codes


def encoder_of(bins: Sequence[FeatureBins], names: Sequence[str]) -> Encoder:
    """Finds the features in a matrix with these names.

    Raises:
        FeaturesMissingError: the matrix lacks a feature.
    """
    row_of = {name: i for i, name in enumerate(names)}
    missing = [feature.name for feature in bins if feature.name not in row_of]
    if missing:
        raise FeaturesMissingError(missing)
    rows = np.array([row_of[feature.name] for feature in bins], dtype=np.int64)
    counts = np.array([len(feature.edges) for feature in bins], dtype=np.int64)
    edges = np.concatenate([np.empty(0), *(feature.edges for feature in bins)])
    levels = np.unique(edges)
    shifts = np.arange(len(bins)) * (len(levels) + 1)
    ranks = levels.searchsorted(edges, side="right") + shifts.repeat(counts)
    starts = np.cumsum(counts) - counts - 1
    categories = np.array([i for i, feature in enumerate(bins) if feature.type == "category"], np.int64)
    return Encoder(tuple(bins), rows, levels, shifts, ranks, starts, categories)


def encode(bins: Sequence[FeatureBins], matrix: FeatureMatrix) -> ByteCodes:
    """Looks up the code of every value of the features that have bins.

    Args:
        bins: of the requested features; looked up in the matrix by name.
        matrix: (features, examples) values; it may hold further features, in any order.

    Returns:
        (examples, len(bins)) codes, C-ordered, 0 where the value is missing.

    Raises:
        FeaturesMissingError: the matrix lacks a feature.
    """
    return encoder_of(bins, matrix.names).encode(matrix)


def encode_feature(bins: FeatureBins, values: Floats, vocabulary: Sequence[str]) -> ByteCodes:
    """Looks up the codes of one feature.

    Args:
        bins: of the feature.
        values: (examples,)
        vocabulary: of a category, whose values are positions in it.

    Returns:
        (examples,)
    """
    if bins.type != "category":
        return _count_edges(bins, values)
    missing = np.isnan(values)
    code_of = np.array([bins.code_of_category(name) for name in vocabulary] or [MISSING_CODE], dtype=np.uint8)
    codes = code_of[np.where(missing, 0, values).astype(np.int64)]
    codes[missing] = MISSING_CODE
    return codes


def _count_edges(bins: FeatureBins, values: Floats) -> ByteCodes:
    """1 + the edges at or below each value, 0 where missing; quicker than a binary search of so few edges."""
    codes: ByteCodes = (values == values).view(np.uint8)
    for edge in bins.edges:
        codes += (values >= edge).view(np.uint8)
    return codes


def _check_bins(bins: FeatureBins) -> None:
    """Refuses edges that do not rise, and categories that stand twice."""
    if bins.edges.dtype != np.float64 or bins.edges.ndim != 1:
        raise BinsError(bins.name, fault="have edges that are not a row of numbers")
    if not np.isfinite(bins.edges).all() or not (np.diff(bins.edges) > 0).all():
        raise BinsError(bins.name, fault="have edges that do not rise")
    if len(set(bins.categories)) != len(bins.categories):
        raise BinsError(bins.name, fault="name a category twice")
    if (bins.categories and bins.type != "category") or (len(bins.edges) and bins.type == "category"):
        raise BinsError(bins.name, fault=f"do not fit the type {bins.type}")
    if bins.codes_count > MOST_CODES:
        raise BinsError(
            bins.name, fault=f"have {bins.codes_count} codes; at most {MOST_CODES} fit into a byte"
        )
