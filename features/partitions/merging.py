"""Merges tables of partitions into one table in the order of the lead ids, piece by piece."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from features.history.lead_history import Ints
from features.partitions.assignment import PartitionNumbers


@dataclass(frozen=True, slots=True)
class MergePiece:
    """The origin of the rows of one piece of the merged table.

    Attributes:
        files: files of the partitions with rows in the piece; one file where none has rows.
        starts: first row of each part.
        counts: number of rows of each part.
        order: (rows,) position of each row in the concatenated parts.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    order: Ints

    def read(self) -> pa.Table:
        """Reads the rows, in order."""
        parts = [
            read_rows(file).slice(start, count)
            for file, start, count in zip(self.files, self.starts, self.counts, strict=True)
        ]
        return pa.concat_tables(parts).combine_chunks().take(pa.array(self.order))


def plan_merge(
    partition_of: PartitionNumbers, files: Sequence[Path], *, piece_rows: int
) -> Iterator[MergePiece]:
    """Plans the merged table, piece by piece; at least one piece, so that a table without leads has columns.

    Args:
        partition_of: (leads,) partition of each lead that has a row, in the order of the ids.
        files: one file per partition, each sorted by id.
        piece_rows: rows per piece; the last piece may have fewer.
    """
    done = np.zeros(len(files), np.int64)
    for start in range(0, max(len(partition_of), 1), piece_rows):
        part = partition_of[start : start + piece_rows]
        counts = np.bincount(part, minlength=len(files))
        order = np.empty(len(part), np.int64)
        order[np.argsort(part, kind="stable")] = np.arange(len(part))
        used = np.flatnonzero(counts).tolist() or [0]
        yield MergePiece(
            files=tuple(files[number] for number in used),
            starts=tuple(done[used].tolist()),
            counts=tuple(counts[used].tolist()),
            order=order,
        )
        done += counts


def read_ahead(pieces: Iterable[MergePiece], *, threads: int) -> Iterator[pa.Table]:
    """Reads pieces in threads while those before are written; one piece for each thread is held ahead.

    Args:
        pieces: of a plan.
        threads: that read.

    Yields:
        The rows of each piece, in the order of the pieces.
    """
    ahead: deque[Future[pa.Table]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for piece in pieces:
            ahead.append(pool.submit(piece.read))
            if len(ahead) > threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def write_rows(path: Path, rows: pa.Table) -> None:
    """Writes the rows of a partition."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())


def read_rows(path: Path) -> pa.Table:
    """Opens the rows of a partition through a memory map: they are read from the disk when they are used."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
