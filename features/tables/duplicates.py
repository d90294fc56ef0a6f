"""Finds interactions that were sent more than once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Bools, Codes, Ints


def find_duplicates(source: Codes, interaction_id: Codes, order: Sequence[npt.NDArray[np.generic]]) -> Ints:
    """Finds, for each row, the row that it repeats: the first in order with the same source and id.

    What was known first stays, so that leaving out what is not yet known never changes which one it is.

    Args:
        source: (rows,) codes; -1, no source, is one more source.
        interaction_id: (rows,) codes; rows with -1, no id, repeat nothing.
        order: columns of (rows,) by which the first is found, the first of them first.

    Returns:
        (rows,) the row that is repeated, -1 for a row that stays.

    >>> find_duplicates(np.array([0, 0, 1]), np.array([7, 7, 7]), [np.array([2, 1, 0])]).tolist()
    [1, -1, -1]
    """
    repeated = np.full(len(source), -1, np.int64)
    rows = _rows_with_shared_id(interaction_id)
    if not len(rows):
        return repeated
    keys = [source[rows], interaction_id[rows]]
    ordered = rows[np.lexsort([*(column[rows] for column in reversed(order)), *keys])]
    is_first = _differs(source[ordered]) | _differs(interaction_id[ordered])
    first = ordered[is_first][np.cumsum(is_first) - 1]
    repeated[ordered] = np.where(is_first, -1, first)
    return repeated


def _rows_with_shared_id(interaction_id: Codes) -> Ints:
    counts = np.bincount(interaction_id + 1)
    counts[:1] = 0
    if not (counts > 1).any():
        return np.empty(0, np.int64)
    return np.flatnonzero(counts[interaction_id + 1] > 1)


def _differs(column: npt.NDArray[np.integer]) -> Bools:
    """Whether each row differs from the one before it."""
    return np.concatenate(([True], column[1:] != column[:-1]))
