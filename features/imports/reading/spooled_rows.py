"""Rows of databases and workbooks on their way into Arrow: as they come they are laid aside in files.

The type of a column is only known from all of its cells: after a million rows of numbers a text may come.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.imports.reading.joined_columns import as_joined, joined_type
from features.parsing.text_columns import is_text, without_missing
from features.sources.cells import array_of_cells
from features.sources.pieces import OpenTable

# Rows in memory at once, as objects of Python.
CHUNK_ROWS: Final = 50_000
_OPTIONS: Final = pa.ipc.IpcWriteOptions(compression="lz4")


def spool_rows(
    rows: Iterable[Sequence[Any]],
    names: Sequence[str],
    rule: TextRule,
    spill: Path,
    *,
    booleans: frozenset[str] = frozenset(),
) -> OpenTable:
    """Lays rows aside chunk by chunk, and opens them as one table, which can be read once.

    Where the cells of a column are of several types, in one chunk or in several, all are texts.

    Args:
        rows: each with a cell for every column.
        names: names of the columns.
        rule: how cells of several types become texts.
        spill: folder for the files.
        booleans: columns that are declared to hold booleans.
    """
    folder = Path(tempfile.mkdtemp(dir=spill))
    paths: list[Path] = []
    schemas: list[pa.Schema] = []
    rows_count = 0
    left = iter(rows)
    while chunk := list(itertools.islice(left, CHUNK_ROWS)):
        columns = [
            _column(array_of_cells(cells, rule, is_boolean=name in booleans), rule)
            for name, cells in zip(names, zip(*chunk, strict=True), strict=True)
        ]
        table = pa.table(columns, names=list(names))
        paths.append(folder / f"{len(paths)}.arrow")
        schemas.append(table.schema)
        rows_count += len(table)
        with pa.ipc.new_file(paths[-1], table.schema, options=_OPTIONS) as writer:
            writer.write_table(table)
    schema = pa.schema(
        [
            (name, joined_type(schema.field(place).type for schema in schemas))
            for place, name in enumerate(names)
        ]
    )
    return OpenTable(schema, tuple(names), (_Spooled(tuple(paths), schema, rule),), rows_count)


@dataclass(frozen=True, slots=True)
class _Spooled:
    """Rows that were laid aside; see `features.sources.pieces.Piece`."""

    paths: tuple[Path, ...]
    schema: pa.Schema
    rule: TextRule

    def read(self) -> Iterator[pa.Table]:
        """Gives the rows file by file, and removes what was read."""
        for path in self.paths:
            with pa.ipc.open_file(path) as file:
                rows = file.read_all()
            path.unlink()
            columns = [
                as_joined(column, field.type, self.rule)
                for column, field in zip(rows.columns, self.schema, strict=True)
            ]
            yield pa.table(columns, schema=self.schema)


def _column(cells: pa.Array, rule: TextRule) -> pa.ChunkedArray:
    """Makes a column; one that only spells missing cells has no type of its own."""
    column = pa.chunked_array([cells])
    if is_text(column.type) and without_missing(column, rule.no_numbers).null_count == len(column):
        return pa.chunked_array([pa.nulls(len(column))])
    return column
