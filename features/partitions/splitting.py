"""Cuts tables into the partitions of their leads, and sets them down on the disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.findings.problems import Fault
from features.partitions.assignment import PartitionNumbers, hash_ids, partitions_of_rows
from features.partitions.duplicate_ids import note_ids
from features.partitions.layout import Layout
from features.sources.pieces import Piece, UnreadableTableError
from features.tables.table_reader import INTERACTIONS


@dataclass(frozen=True, slots=True)
class SplitPiece:
    """What came of one piece.

    Attributes:
        schemas: the different ones of its batches, as tables without rows.
        fault: why it could not be read; None: it was.
    """

    schemas: tuple[pa.Table, ...]
    fault: Fault | None = None


def split_table(rows: pa.Table, homes: PartitionNumbers, name: str, layout: Layout) -> None:
    """Sets down a table that is in memory; a partition without rows has an empty table."""
    with _Writers(layout, name, piece=0) as writers:
        for partition, part in _parts(rows, homes, range(layout.count)):
            writers.write(partition, part)


def split_piece(piece: Piece, number: int, layout: Layout) -> SplitPiece:
    """Sets down a piece of the interactions, and notes the ids that might repeat in other partitions.

    Args:
        piece: what to read.
        number: of the piece, from 1 (0 is the empty table that tells the columns).
        layout: where partitions lie.
    """
    schemas: dict[pa.Schema, pa.Table] = {}
    try:
        with _Writers(layout, INTERACTIONS, piece=number) as writers:
            for rows in piece.read():
                schemas.setdefault(rows.schema, rows.schema.empty_table())
                homes = partitions_of_rows(rows, layout)
                if layout.count > 1 and "interaction_id" in rows.column_names:
                    note_ids(
                        layout.folder, number, homes, *hash_ids(rows, layout.text_rule), count=layout.count
                    )
                for partition, part in _parts(rows, homes, np.unique(homes).tolist()):
                    writers.write(partition, part)
    except UnreadableTableError as error:
        return SplitPiece(tuple(schemas.values()), error.fault)
    return SplitPiece(tuple(schemas.values()))


class _Writers:
    """Files of one piece, one for each partition that has rows; a new file where the types change."""

    def __init__(self, layout: Layout, table: str, *, piece: int) -> None:
        self._layout, self._table, self._piece = layout, table, piece
        self._open: dict[tuple[int, pa.Schema], Any] = {}

    def __enter__(self) -> _Writers:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._open.values():
            writer.close()

    def write(self, partition: int, rows: pa.Table) -> None:
        """Adds rows to a partition."""
        key = partition, rows.schema
        if key not in self._open:
            number = sum(place == partition for place, _ in self._open)
            path = self._layout.path(self._table, partition, self._piece)
            self._open[key] = pa.ipc.new_stream(path.with_stem(f"{path.stem}-{number}"), rows.schema)
        self._open[key].write_table(rows)


def _parts(
    rows: pa.Table, homes: PartitionNumbers, partitions: Sequence[int]
) -> Iterator[tuple[int, pa.Table]]:
    """Groups rows by their partition: one sort of small integers, one copy, and slices of it."""
    if len(partitions) == 1:
        yield partitions[0], rows
        return
    ordered = rows.take(pa.array(np.argsort(homes, kind="stable"))).combine_chunks()
    ends = np.cumsum(np.bincount(homes, minlength=max(partitions, default=0) + 1))
    starts = np.concatenate(([0], ends))
    for partition in partitions:
        yield partition, ordered.slice(starts[partition], ends[partition] - starts[partition])
