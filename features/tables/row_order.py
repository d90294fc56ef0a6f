"""Sorts rows into an order that does not depend on the order in which they were read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Ints

_MOST_KEYS: Final = 2**62


def order_rows(group: npt.NDArray[np.integer], moment: Ints, ties: Sequence[npt.NDArray[np.generic]]) -> Ints:
    """Orders rows by (group, moment, ties).

    One sort of integers orders most rows; only rows with the same group and moment are compared by the other
    columns, because comparing all columns of all rows takes several times as long.

    Args:
        group: (rows,) from 0.
        moment: (rows,) microseconds.
        ties: columns that order rows with equal moments, the most important first; NaN sorts last.

    Returns:
        (rows,) positions of the rows in order. Rows that are equal in every column may come in any order.

    >>> order_rows(np.array([1, 0, 0]), np.array([5, 7, 7]), [np.array([0, 2, 1])]).tolist()
    [2, 1, 0]
    """
    keys = _keys(group, moment)
    if (keys[1:] > keys[:-1]).all():
        return np.arange(len(keys), dtype=np.int64)
    order: Ints = np.argsort(keys)
    ordered = keys[order]
    is_tied = ordered[1:] == ordered[:-1]
    if not is_tied.any():
        return order
    run = np.concatenate(([0], np.cumsum(~is_tied)))
    in_run = np.concatenate((is_tied, [False])) | np.concatenate(([False], is_tied))
    rows = order[in_run]
    order[in_run] = rows[np.lexsort([*(column[rows] for column in reversed(ties)), run[in_run]])]
    return order


def starts_of_groups(group: npt.NDArray[np.integer], groups_count: int) -> Ints:
    """Finds the first row of each group in rows that are sorted by group.

    Returns:
        (groups_count + 1,) group i owns rows `starts[i]` to `starts[i + 1]`.

    >>> starts_of_groups(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    starts = np.zeros(groups_count + 1, np.int64)
    np.cumsum(np.bincount(group, minlength=groups_count), out=starts[1:])
    return starts


def _keys(group: npt.NDArray[np.integer], moment: Ints) -> Ints:
    """Gives integers in the order of (group, moment), equal where both are equal."""
    if not len(group):
        return moment
    start, groups_count = int(moment.min()), int(group.max()) + 1
    span = int(moment.max()) - start + 1
    if groups_count * span > _MOST_KEYS:
        # The moments span so much that only their ranks fit into one integer together with the groups.
        moments, moment = np.unique(moment, return_inverse=True)
        start, span = 0, len(moments)
    keys: Ints = group.astype(np.int64) * span
    keys += moment
    keys -= start
    return keys
