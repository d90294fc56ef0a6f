"""Splits tables into the partitions of their leads, and writes them to the disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from features.findings.problems import Finding
from features.parsing.marks import NO_MARKS, Marks
from features.partitions.assignment import PartitionNumbers, hash_ids, partitions_of_rows
from features.partitions.duplicate_ids import write_id_keys
from features.partitions.layout import Layout
from features.sources.pieces import Piece, UnreadableTableError
from features.tables.formats import marks_of_rows
from features.tables.table_reader import INTERACTIONS


@dataclass(frozen=True, slots=True)
class SplitPiece:
    """The result of splitting one piece.

    Attributes:
        schemas: the different schemas of its batches, as tables without rows.
        marks: what its cells tell about how times and numbers are written, by column.
        finding: why the piece could not be read; None: it was read.
    """

    schemas: tuple[pa.Table, ...]
    marks: Mapping[str, Marks]
    finding: Finding | None = None


def split_table(rows: pa.Table, partition_of: PartitionNumbers, name: str, layout: Layout) -> None:
    """Writes a table that is in memory; a partition without rows gets an empty table."""
    with _Writers(layout, name, piece=0) as writers:
        for partition, part in _parts(rows, partition_of, range(layout.count)):
            writers.write(partition, part)


def split_piece(piece: Piece, number: int, layout: Layout) -> SplitPiece:
    """Writes a piece of the interactions, and the keys of ids that other partitions may hold too.

    Args:
        piece: the piece.
        number: number of the piece, from 1 (0 is the empty table with the columns).
        layout: the files of the partitions.
    """
    schemas: dict[pa.Schema, pa.Table] = {}
    marks: dict[str, Marks] = {}
    try:
        with _Writers(layout, INTERACTIONS, piece=number) as writers:
            for rows in piece.read():
                schemas.setdefault(rows.schema, rows.schema.empty_table())
                for column, found in marks_of_rows(INTERACTIONS, rows).items():
                    marks[column] = marks.get(column, NO_MARKS).merged(found)
                partition_of = partitions_of_rows(rows, layout)
                if layout.count > 1 and "interaction_id" in rows.column_names:
                    hashes, has_id = hash_ids(rows, layout.text_rule)
                    write_id_keys(layout.folder, number, partition_of, hashes, has_id, count=layout.count)
                for partition, part in _parts(rows, partition_of, np.unique(partition_of).tolist()):
                    writers.write(partition, part)
    except UnreadableTableError as error:
        return SplitPiece(tuple(schemas.values()), marks, error.finding)
    return SplitPiece(tuple(schemas.values()), marks)


class _Writers:
    """The files of one piece: one per partition with rows, and a further file where the schema changes."""

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
            number = sum(other == partition for other, _ in self._open)
            path = self._layout.path(self._table, partition, self._piece)
            self._open[key] = pa.ipc.new_stream(path.with_stem(f"{path.stem}-{number}"), rows.schema)
        self._open[key].write_table(rows)


def _parts(
    rows: pa.Table, partition_of: PartitionNumbers, partitions: Sequence[int]
) -> Iterator[tuple[int, pa.Table]]:
    """Groups rows by partition: one sort of small integers, one copy, and slices of the copy."""
    if len(partitions) == 1:
        yield partitions[0], rows
        return
    ordered = rows.take(pa.array(np.argsort(partition_of, kind="stable"))).combine_chunks()
    ends = np.cumsum(np.bincount(partition_of, minlength=max(partitions, default=0) + 1))
    starts = np.concatenate(([0], ends))
    for partition in partitions:
        yield partition, ordered.slice(starts[partition], ends[partition] - starts[partition])
