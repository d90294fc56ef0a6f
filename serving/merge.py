"""Puts the scored partitions together: the rows of all leads in the order of their ids, with their ranks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from features.columns import Floats, Ints
from features.homes import Homes
from serving.output import SCORE_SCHEMA
from serving.ranking import rank_leads

# Rows that are put together and written at a time.
CHUNK_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where the rows of one piece of the whole come from.

    Attributes:
        files: of the partitions that have a part in it.
        starts: first row of each part.
        counts: rows of each part.
        place: (rows,) which row of the parts, set end to end, comes where.
        rank: (rows,) 0 for none.
    """

    files: tuple[Path, ...]
    starts: tuple[int, ...]
    counts: tuple[int, ...]
    place: Ints
    rank: Ints

    def read(self) -> pa.Table:
        """Reads the rows, in order, with their ranks."""
        parts = [
            read_scores(file).slice(start, count)
            for file, start, count in zip(self.files, self.starts, self.counts, strict=True)
        ]
        rows = pa.concat_tables([SCORE_SCHEMA.empty_table(), *parts]).combine_chunks()
        rank = pa.array(self.rank, mask=self.rank == 0)
        field = SCORE_SCHEMA.get_field_index("rank")
        return rows.take(pa.array(self.place)).set_column(field, SCORE_SCHEMA.field(field), rank)


def plan_chunks(homes: Homes, files: Sequence[Path], *, worth: str) -> Iterator[Chunk]:
    """Plans the whole, piece by piece; at least one piece, so that a table without leads has columns.

    Args:
        homes: (leads,) partition of each lead that has a row, in the order of the ids.
        files: of all partitions, sorted by id each.
        worth: column that ranks are told by.
    """
    ranks = rank_leads(_read_worth(homes, files, worth))
    done = np.zeros(len(files), np.int64)
    for start in range(0, max(len(homes), 1), CHUNK_ROWS):
        part = homes[start : start + CHUNK_ROWS]
        counts = np.bincount(part, minlength=len(files))
        place = np.empty(len(part), np.int64)
        place[np.argsort(part, kind="stable")] = np.arange(len(part))
        used = np.flatnonzero(counts).tolist()
        yield Chunk(
            files=tuple(files[number] for number in used),
            starts=tuple(done[used].tolist()),
            counts=tuple(counts[used].tolist()),
            place=place,
            rank=ranks[start : start + CHUNK_ROWS],
        )
        done += counts


def write_scores(path: Path, scores: pa.Table) -> None:
    """Sets the scores of a partition down."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, SCORE_SCHEMA) as writer:
        writer.write_table(scores.combine_chunks())


def read_scores(path: Path) -> pa.Table:
    """Opens the scores of a partition; rows are read from the disk when they are looked at."""
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _read_worth(homes: Homes, files: Sequence[Path], column: str) -> Floats:
    worth = np.full(len(homes), np.nan)
    for number, path in enumerate(files):
        worth[homes == number] = read_scores(path)[column].fill_null(np.nan).to_numpy()
    return worth
