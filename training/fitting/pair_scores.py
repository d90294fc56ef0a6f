"""How much two features explain together that neither explains alone: gradient tables over coarse codes.

After an additive fit, every row has a gradient g (observed less predicted) and a curvature h, and a cell of
two features has their sums G and H. The effects of either feature alone are subtracted first, by turns, until
row and column means vanish. Rows of one cluster (account or lead) share their fate, so chance makes G^2 as
large as v, the sum over clusters of their squared sums: pairs are ranked by how far the sum of G^2 / v lies
above the number of cells, and a cell's Newton step G / (H + l2) is shrunken by the part v / G^2.

Source: the ranking of pairs by residuals is FAST (Lou, Caruana, Gehrke, Hooker: Accurate Intelligible Models
with Pairwise Interactions, KDD 2013); variance by clusters: Liang and Zeger, Biometrika 1986.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.lead_history import Bools, Floats, Ints
from models.scorecard.hazards import sigmoid
from training.fitting.hazard_rows import HazardRows

# Weights are rounded to whole multiples of a grain, all of them together about so many: sums of single
# precision are then exact, whatever order they run in.
_MOST_GRAINS: Final = 2.0**23
# Rows multiplied at a time.
_PIECE_ROWS: Final = 2_000

# Turns in which row and column means are subtracted: less than a hundredth of them is left.
_TURNS: Final = 6


@dataclass(frozen=True, slots=True)
class Slope:
    """Derivatives of the log loss of some rows with respect to their logit.

    Attributes:
        gradient: (rows,) weight times observed less predicted.
        curvature: (rows,) weight times the variance of the prediction.
        cluster: (rows,) account or lead of each row; rows of a cluster stand together.
    """

    gradient: Floats
    curvature: Floats
    cluster: Ints

    @classmethod
    def at(cls, logits: Floats, rows: HazardRows, cluster: Ints) -> Slope:
        """Computes the derivatives at the logits of rows."""
        predicted = sigmoid(logits)
        gradient = rows.weight * (rows.converted - predicted)
        return cls(gradient, rows.weight * predicted * (1 - predicted), cluster)


def pair_steps(
    slope: Slope,
    groups: Ints,
    pairs: Sequence[tuple[int, int]],
    *,
    side: int,
    l2: float,
    is_rough: bool = False,
) -> tuple[Floats, Floats]:
    """Computes the table of each pair, and how significantly the pair explains more than its features.

    Args:
        slope: of the rows.
        groups: (features, rows) coarse codes below `side`.
        pairs: positions of two features each.
        side: of the tables.
        l2: regularization of a cell, as in boosting.
        is_rough: whether only neighbouring rows of a cluster are summed before squaring: enough for ranking
            thousands of pairs, and exact for nearly all rows where each cluster is a lead.

    Returns:
        (pairs, side, side) logits, and (pairs,) standard deviations above chance.
    """
    gradient, curvature, chance = np.empty((3, len(pairs), side * side))
    is_new = np.diff(slope.cluster, prepend=-1) != 0
    rows_of = groups * side
    for number, (first, second) in enumerate(pairs):
        cell = rows_of[first] + groups[second]
        gradient[number] = np.bincount(cell, slope.gradient, side * side)
        curvature[number] = np.bincount(cell, slope.curvature, side * side)
        chance[number] = _chance(slope, cell, side * side, is_new if is_rough else None)
    gradient, curvature, chance = (cells.reshape(-1, side, side) for cells in (gradient, curvature, chance))
    beyond = _beyond_single(gradient, curvature)
    # At least as large as for rows of different clusters.
    chance = np.maximum(chance, curvature)
    times_chance, significance = _significance(beyond, chance)
    shrinkage = np.maximum(times_chance - 1.0, 0.0) / np.maximum(times_chance, 1.0)
    return beyond / (curvature + l2) * shrinkage, significance


def screen_pairs(slope: Slope, groups: Ints, pairs: Sequence[tuple[int, int]], *, side: int) -> Floats:
    """Estimates the significance of many pairs at once, over a few groups of each feature.

    One matrix product of single precision gives the sums of all cells of all pairs. Chance in a cell is
    that of the feature whose groups the clusters stay in for a shorter time: how far it lies above the
    curvature is known for each feature from its own sums over clusters.

    Args:
        slope: of the rows.
        groups: (features, rows) below `side`.
        pairs: positions of two features each.
        side: of the tables.

    Returns:
        (pairs,) standard deviations above chance, for ranking alone.
    """
    count = len(groups)
    sums = np.zeros((2, count * side, count * side))
    weights = (slope.gradient, slope.curvature)
    grains = [_grain_of(weight) for weight in weights]
    offset = (np.arange(count) * side)[:, np.newaxis]
    for start in range(0, groups.shape[1], _PIECE_ROWS):
        rows = slice(start, start + _PIECE_ROWS)
        cells = groups[:, rows] + offset
        is_in = np.zeros((cells.shape[1], count * side), dtype=np.float32)
        is_in[np.arange(cells.shape[1]), cells] = 1.0
        for place, (weight, grain) in enumerate(zip(weights, grains, strict=True)):
            grain_counts = np.rint(weight[rows] / grain).astype(np.float32)
            sums[place] += is_in.T @ (is_in * grain_counts[:, np.newaxis])
    first, second = np.asarray(pairs).T
    gradient, curvature = (
        total.reshape(count, side, count, side)[first, :, second] * grain
        for total, grain in zip(sums, grains, strict=True)
    )
    is_new = np.diff(slope.cluster, prepend=-1) != 0
    ratio = np.empty((count, side))
    for feature, group in enumerate(groups):
        single = np.bincount(group, slope.curvature, side)
        chance = _chance(slope, group, side, is_new)
        ratio[feature] = np.divide(chance, single, out=np.ones(side), where=single > 0)
    above = np.minimum(ratio[first][:, :, np.newaxis], ratio[second][:, np.newaxis])
    return _significance(_beyond_single(gradient, curvature), curvature * np.maximum(above, 1.0))[1]


def _grain_of(weight: Floats) -> float:
    """The power of two of which all weights together are about `_MOST_GRAINS`."""
    return float(2.0 ** np.ceil(np.log2(max(np.abs(weight).sum(), 1.0) / _MOST_GRAINS)))


def _significance(beyond: Floats, chance: Floats) -> tuple[Floats, Floats]:
    """Compares the squares of what is left of the gradients with chance.

    Returns:
        (pairs, side, side) times that a square is as large as chance makes it, and (pairs,) standard
        deviations of their sum above the number of cells.
    """
    times_chance = np.divide(beyond**2, chance, out=np.zeros_like(chance), where=chance > 0)
    cells_count = np.maximum((chance > 0).sum(axis=(1, 2)), 1)
    return times_chance, (times_chance.sum(axis=(1, 2)) - cells_count) / np.sqrt(2.0 * cells_count)


def _beyond_single(gradient: Floats, curvature: Floats) -> Floats:
    """Subtracts from the gradients what one of the two features explains alone."""
    steps = np.divide(gradient, curvature, out=np.zeros_like(gradient), where=curvature > 0)
    for axis in [1, 2] * _TURNS:
        steps -= _means(steps, curvature, axis=axis)
    remaining: Floats = steps * curvature
    return remaining


def _chance(slope: Slope, cell: Ints, cells_count: int, is_new: Bools | None) -> Floats:
    """(cells,) sum over clusters of the squared sum of their gradients in a cell.

    Args:
        slope: of the rows.
        cell: (rows,)
        cells_count: number of cells.
        is_new: (rows,) whether a cluster begins, where neighbouring rows alone are to be summed; None sums
            all rows of a cluster in a cell.
    """
    gradient = slope.gradient
    if is_new is None:
        key = slope.cluster * cells_count + cell
        order = np.argsort(key, kind="stable")
        key, cell, gradient = key[order], cell[order], gradient[order]
        begins = np.diff(key, prepend=-1) != 0
    else:
        begins = is_new.copy()
        begins[1:] |= cell[1:] != cell[:-1]
    starts = np.flatnonzero(begins)
    squares: Floats = np.add.reduceat(gradient, starts) ** 2
    return np.asarray(np.bincount(cell[starts], squares, cells_count), dtype=np.float64)


def _means(tables: Floats, curvature: Floats, *, axis: int) -> Floats:
    """Weighted means along an axis; 0 where nothing weighs."""
    mass = curvature.sum(axis=axis, keepdims=True)
    total = (tables * curvature).sum(axis=axis, keepdims=True)
    means: Floats = np.divide(total, mass, out=np.zeros_like(total), where=mass > 0)
    return means
