"""Moves the effects of one feature alone out of a pair's table, to the table of that feature.

Anchored at a code that hardly occurs, a pair's table would hold large numbers that cancel those of its
features. Weighted by the training examples in each cell, its row and column means vanish instead, and the sum
of all tables stays the same.

Source: Lengerich, Tan, Chang, Hooker, Caruana: Purifying Interaction Effects with the Functional ANOVA,
AISTATS 2020.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Floats

# Turns of subtracting row and column means at most; the means shrink with every turn, down to this part of
# the largest cell.
_MOST_TURNS: Final = 1_000
_NOTHING: Final = 1e-13


def purify(table: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    """Splits a table of two features into a pure one and the effect of each feature alone.

    Args:
        table: (codes_a, codes_b, K) logits.
        mass: (codes_a, codes_b) training examples in each cell.

    Returns:
        The pure table, (codes_a, K) and (codes_b, K): pure + a[:, None] + b[None] is the table.

    >>> pure, a, b = purify(np.array([[[0.0], [1.0]], [[1.0], [0.0]]]), np.ones((2, 2)))
    >>> pure[:, :, 0], a[:, 0], b[:, 0]
    (array([[-0.5,  0.5],
           [ 0.5, -0.5]]), array([0.5, 0.5]), array([0., 0.]))
    """
    pure = table.copy()
    first, second = np.zeros_like(table[:, 0]), np.zeros_like(table[0])
    nothing = _NOTHING * max(1.0, float(np.abs(table).max()))
    for _ in range(_MOST_TURNS):
        rows = _means(pure, mass, axis=1)
        pure -= rows[:, np.newaxis]
        columns = _means(pure, mass, axis=0)
        pure -= columns[np.newaxis]
        first += rows
        second += columns
        if max(np.abs(rows).max(), np.abs(columns).max()) < nothing:
            break
    return pure, first, second


def _means(table: Floats, mass: Floats, *, axis: int) -> Floats:
    """Weighted means along an axis; unweighted where no example is."""
    total = mass.sum(axis=axis)[:, np.newaxis]
    weighted = (table * mass[:, :, np.newaxis]).sum(axis=axis) / np.maximum(total, 1)
    means: Floats = np.where(total > 0, weighted, table.mean(axis=axis))
    return means
