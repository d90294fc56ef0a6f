"""Puts rows into the one order that does not depend on the order they came in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from features.columns import Ints


def order_rows(group: npt.NDArray[np.integer], moment: Ints, ties: Sequence[npt.NDArray[np.generic]]) -> Ints:
    """Orders rows by (group, moment, ties).

    Two sorts of plain integers do nearly all of it; only rows with the same group and moment are compared by
    the other columns, because comparing all of them for all rows takes several times as long.

    Args:
        group: (rows,) from 0.
        moment: (rows,) microseconds.
        ties: columns that decide between equal moments, the first of them first; NaN sorts last.

    Returns:
        (rows,) positions of the rows in order. Rows that are equal in everything may come in any order.

    >>> order_rows(np.array([1, 0, 0]), np.array([5, 7, 7]), [np.array([0, 2, 1])]).tolist()
    [2, 1, 0]
    """
    order = _by_group_and_moment(group, moment)
    is_tied = _equal_to_next(group, order) & _equal_to_next(moment, order)
    if not is_tied.any():
        return order
    run = np.concatenate(([0], np.cumsum(~is_tied)))
    in_run = np.concatenate((is_tied, [False])) | np.concatenate(([False], is_tied))
    rows = order[in_run]
    order[in_run] = rows[np.lexsort([*(column[rows] for column in reversed(ties)), run[in_run]])]
    return order


def starts_of_groups(group: npt.NDArray[np.integer], groups_count: int) -> Ints:
    """Finds where each group starts in rows that are sorted by group.

    Returns:
        (groups_count + 1,) group i owns rows `starts[i]` to `starts[i + 1]`.

    >>> starts_of_groups(np.array([0, 0, 2]), 3).tolist()
    [0, 2, 2, 3]
    """
    starts = np.zeros(groups_count + 1, np.int64)
    np.cumsum(np.bincount(group, minlength=groups_count), out=starts[1:])
    return starts


def _by_group_and_moment(group: npt.NDArray[np.integer], moment: Ints) -> Ints:
    if _is_ordered(group, moment):
        return np.arange(len(group), dtype=np.int64)
    # The rank of a moment fits into few bits, so that group and rank fit into one integer and one sort.
    by_moment = np.argsort(moment)
    keys = group[by_moment].astype(np.int64) * len(group) + np.arange(len(group))
    keys.sort()
    order: Ints = by_moment[keys % len(group)]
    return order


def _is_ordered(group: npt.NDArray[np.integer], moment: Ints) -> bool:
    rises = group[1:] > group[:-1]
    stays = (group[1:] == group[:-1]) & (moment[1:] >= moment[:-1])
    return bool((rises | stays).all())


def _equal_to_next(column: npt.NDArray[np.integer], order: Ints) -> npt.NDArray[np.bool_]:
    ordered = column[order]
    return np.asarray(ordered[1:] == ordered[:-1])
