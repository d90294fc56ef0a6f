"""Codes of names: what keeps them as if the names that no longer occur had never been there."""

from __future__ import annotations

import numpy as np

from features.history.lead_history import Categories, Codes


def compact(codes: Codes, values: tuple[str, ...]) -> Categories:
    """Keeps the values that occur, so that codes are those of a column that never held the others.

    >>> compact(np.array([2, -1, 0], np.int32), ("a", "b", "c"))
    Categories(codes=array([ 1, -1,  0], dtype=int32), values=('a', 'c'))
    """
    is_used = np.zeros(len(values) + 1, np.bool_)
    is_used[codes] = True
    if is_used[:-1].all():
        return Categories(codes, values)
    ranks = (np.cumsum(is_used, dtype=np.int32) - 1).astype(np.int32)
    ranks[-1] = -1
    kept = tuple(value for value, used in zip(values, is_used[:-1], strict=True) if used)
    return Categories(ranks[codes], kept)
