"""Seeded draws that depend on what is drawn for, not on its position.

A lead's number comes from its id, an instant's from its date, so leads that come later change nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from features.history.lead_history import Floats, Ints

_Keys = npt.NDArray[np.uint64]

_HASH_KEY: Final = "leadodds-examples"[:16]


def lead_keys(lead_ids: pa.Array) -> _Keys:
    """Hashes each lead's id to a number that depends on the id alone.

    Args:
        lead_ids: (leads,) texts.

    Returns:
        (leads,) uint64.
    """
    texts = np.asarray(lead_ids.to_numpy(zero_copy_only=False), dtype=object)
    return pd.util.hash_array(texts, hash_key=_HASH_KEY, categorize=False)


def uniform_of(keys: npt.NDArray[np.uint64 | np.int64], *, seed: int, stream: int) -> Floats:
    """Draws one number per key, uniform in [0, 1), that depends on the key, seed and stream alone.

    Args:
        keys: (n,) integers.
        seed: of the training.
        stream: separates draws for different purposes.

    Source:
        splitmix64, Steele, Lea, Flood (OOPSLA 2014).
    """
    start = np.array([seed, stream], dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = _mix(keys.astype(np.uint64) ^ _mix(_mix(start[:1]) + start[1:]))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def spread_draw(total: int, keep: int, *, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Draws `keep` of `total` positions, one from each of `keep` runs of neighbours.

    Evenly spread draws vary less than free ones, and need no list of all positions.

    Returns:
        (keep,) rising positions, and (keep,) how many positions each stands for; these sum to `total`.

    >>> positions, widths = spread_draw(10, 3, rng=np.random.default_rng(0))
    >>> widths
    array([3, 3, 4])
    """
    edges = np.arange(keep + 1, dtype=np.int64) * total // max(keep, 1)
    widths = np.diff(edges)
    return edges[:-1] + (rng.random(keep) * widths).astype(np.int64), widths


def _mix(numbers: _Keys) -> _Keys:
    """Scrambles 64 bits."""
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
