"""Puts tables of partitions together: the rows of all leads in the order of their ids, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.history.lead_history import Ints
from features.partitions.assignment import PartitionNumbers


@dataclass(frozen=True, slots=True)
class MergePiece:
    """Where the rows of one piece of the whole come from.

    Attributes:
        files: of the partitions that have a part in it; one without rows where none has.
        starts: first row of each part.
        counts: rows of each part.
        place: (rows,) which row of the parts, set end to end, comes where.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    place: Ints

    def read(self) -> pa.Table:
        """Reads the rows, in order."""
        parts = [
            read_rows(file).slice(start, count)
            for file, start, count in zip(self.files, self.starts, self.counts, strict=True)
        ]
        return pa.concat_tables(parts).combine_chunks().take(pa.array(self.place))


def plan_merge(homes: PartitionNumbers, files: Sequence[Path], *, piece_rows: int) -> Iterator[MergePiece]:
    """Plans the whole, piece by piece; at least one piece, so that a table without leads has columns.

    Args:
        homes: (leads,) partition of each lead that has a row, in the order of the ids.
        files: of all partitions, sorted by id each.
        piece_rows: rows of a piece; the last may have fewer.
    """
    done = np.zeros(len(files), np.int64)
    for start in range(0, max(len(homes), 1), piece_rows):
        part = homes[start : start + piece_rows]
        counts = np.bincount(part, minlength=len(files))
        place = np.empty(len(part), np.int64)
        place[np.argsort(part, kind="stable")] = np.arange(len(part))
        used = np.flatnonzero(counts).tolist() or [0]
        yield MergePiece(
            files=tuple(files[number] for number in used),
            starts=tuple(done[used].tolist()),
            counts=tuple(counts[used].tolist()),
            place=place,
        )
        done += counts


def write_rows(path: Path, rows: pa.Table) -> None:
    """Sets the rows of a partition down."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())


def read_rows(path: Path) -> pa.Table:
    """Opens the rows of a partition; they are read from the disk when they are looked at."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
