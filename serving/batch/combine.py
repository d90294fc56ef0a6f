"""Combines the scored partitions: the rows of all leads in the order of their ids, with their ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from features.history.lead_history import Floats, Ints
from features.partitions.assignment import PartitionNumbers
from features.partitions.merging import MergePiece, plan_merge, read_rows
from serving.scoring.arrow_rows import SCORE_SCHEMA

# Rows that are combined and written at a time.
CHUNK_ROWS: Final = 20_000
# What ranks sort by stands beside the scores of a partition, and in no target.
PRIORITY: Final = "priority"


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some consecutive rows of the combined table.

    Attributes:
        piece: reads the rows without ranks.
        rank: (rows,) 0 for a lead without a rank.
    """

    piece: MergePiece
    rank: Ints

    def read(self) -> pa.Table:
        """Reads the rows in order, with their ranks."""
        rank = pa.array(self.rank, mask=self.rank == 0)
        field = SCORE_SCHEMA.get_field_index("rank")
        rows = self.piece.read().select(SCORE_SCHEMA.names)
        return rows.set_column(field, SCORE_SCHEMA.field(field), rank)


def plan_chunks(partition_of: PartitionNumbers, files: Sequence[Path]) -> Iterator[Chunk]:
    """Plans the combined table; at least one chunk, so that a table without leads has columns.

    Args:
        partition_of: (leads,) partition of each lead that has a row, in the order of the ids.
        files: scores of all partitions, each sorted by id, with the column `PRIORITY`.
    """
    ranks = rank_leads(_read_priority(partition_of, files))
    start = 0
    for piece in plan_merge(partition_of, files, piece_rows=CHUNK_ROWS):
        end = start + len(piece.order)
        yield Chunk(piece, ranks[start:end])
        start = end


def _read_priority(partition_of: PartitionNumbers, files: Sequence[Path]) -> Floats:
    priority = np.full(len(partition_of), np.nan)
    for number, path in enumerate(files):
        priority[partition_of == number] = read_rows(path)[PRIORITY].to_numpy()
    return priority


def rank_leads(priority: Floats) -> Ints:
    """Ranks leads, the one to call first before the others.

    Args:
        priority: (n,) see `Scores`, in the order of `lead_id`; NaN for a lead without rank.

    Returns:
        (n,) 1 for the lead to call first, ties by `lead_id`; 0 for a lead that is not ranked.

    >>> rank_leads(np.array([0.5, np.nan, 0.9, 0.5])).tolist()
    [2, 0, 1, 3]
    """
    ranked = np.flatnonzero(~np.isnan(priority))
    order = ranked[np.argsort(-priority[ranked], kind="stable")]
    ranks = np.zeros(len(priority), dtype=np.int64)
    ranks[order] = np.arange(1, len(order) + 1)
    return ranks
