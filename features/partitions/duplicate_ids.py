"""Finds interactions that were sent more than once for leads of different partitions.

Within a partition the reading of its interactions finds them. Across partitions only 48 bits of a hash of
each id are compared at first; rows that share them, few or none as a rule, are then judged together by the
very rule that judges those of one partition.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Bools
from features.partitions.assignment import Homes

Keys = npt.NDArray[np.uint64]

# The low bits of a key hold the partition, so that one sort of plain integers brings equal ids together.
_HOME_BITS: Final = np.uint64(16)


def note_ids(folder: Path, piece: int, homes: Homes, hashes: Keys, has_id: Bools, *, count: int) -> None:
    """Notes the ids of a batch, in one file for each bucket of hashes."""
    keys = keys_of(hashes[has_id]) | homes[has_id].astype(np.uint64)
    bucket = (keys >> _HOME_BITS) % np.uint64(count)
    order = np.argsort(bucket.astype(np.uint16), kind="stable")
    starts = np.concatenate(([0], np.cumsum(np.bincount(bucket.astype(np.int64), minlength=count))))
    for number in range(count):
        noted = keys[order[starts[number] : starts[number + 1]]]
        if len(noted):
            with (folder / f"keys-{number:04d}-{piece:05d}.bin").open("ab") as file:
                noted.tofile(file)


def keys_of(hashes: Keys) -> Keys:
    """Keeps the bits of hashes that are compared."""
    return hashes >> _HOME_BITS << _HOME_BITS


def find_shared(folder: Path, bucket: int) -> Keys:
    """Finds the keys of one bucket that occur in more than one partition, and forgets the notes.

    Returns:
        Distinct keys, rising.
    """
    paths = sorted(folder.glob(f"keys-{bucket:04d}-*.bin"))
    if not paths:
        return np.empty(0, np.uint64)
    keys = np.concatenate([np.fromfile(path, np.uint64) for path in paths])
    keys.sort()
    distinct = np.unique(keys)
    ids = distinct >> _HOME_BITS
    shared = np.unique(ids[1:][ids[1:] == ids[:-1]]) << _HOME_BITS
    for path in paths:
        path.unlink()
    return np.asarray(shared, np.uint64)


def drops_path(folder: Path, partition: int) -> Path:
    """File that lists the rows of a partition that repeat one of another partition."""
    return folder / f"drops-{partition:04d}.npy"
