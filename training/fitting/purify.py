"""Moves what a pair's table tells of one feature alone to that feature, so that the pair holds the rest.

Anchored at a code that hardly occurs, a pair's table would hold large numbers that cancel those of its
features. Under the joint margin of the training examples its row and column means vanish instead, and the sum
of all tables stays what it was.

Source: Lengerich, Tan, Chang, Hooker, Caruana: Purifying Interaction Effects with the Functional ANOVA,
AISTATS 2020.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.history.lead_history import Floats

# Turns of taking away row and column means; each shrinks what is left, and few come near the last.
_MOST_TURNS: Final = 1_000
_NOTHING: Final = 1e-13


def purify(table: Floats, mass: Floats) -> tuple[Floats, Floats, Floats]:
    """Parts a table of two features into a pure one and what belongs to each feature.

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
    for _ in range(_MOST_TURNS):
        rows = _means(pure, mass, axis=1)
        pure -= rows[:, np.newaxis]
        columns = _means(pure, mass, axis=0)
        pure -= columns[np.newaxis]
        first += rows
        second += columns
        if max(np.abs(rows).max(), np.abs(columns).max()) < _NOTHING:
            break
    return pure, first, second


def _means(table: Floats, mass: Floats, *, axis: int) -> Floats:
    """Weighted means along an axis; plain ones where no example weighs."""
    total = mass.sum(axis=axis)[:, np.newaxis]
    weighted = (table * mass[:, :, np.newaxis]).sum(axis=axis) / np.maximum(total, 1)
    means: Floats = np.where(total > 0, weighted, table.mean(axis=axis))
    return means
