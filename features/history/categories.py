"""Codes of categories: removing categories that no longer occur, and arrays of a few texts."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pyarrow as pa

from features.history.lead_history import Categories, Codes


def compact(codes: Codes, values: tuple[str, ...]) -> Categories:
    """Keeps the values that occur; the codes are those of a column that never held the others.

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


def few_texts(texts: Sequence[str]) -> pa.Array:
    """Builds an array of a few texts; `pa.array` would import pandas and take twice as long."""
    parts = [text.encode() for text in texts]
    offsets = struct.pack(f"={len(parts) + 1}i", 0, *accumulate(map(len, parts)))
    content = pa.py_buffer(b"".join(parts))
    return pa.Array.from_buffers(pa.string(), len(parts), [None, pa.py_buffer(offsets), content])
