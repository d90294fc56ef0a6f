"""A table of a source, read batch by batch as columns that DuckDB takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from features.imports.errors import ImportSourceError
from features.sources.cells import NESTED
from features.sources.pieces import OpenTable, UnreadableTableError


@dataclass(frozen=True, slots=True)
class SourceTable:
    """A table of a source, not yet read.

    Attributes:
        name: its name in the map.
        place: its file, sheet or table, for people.
        open: opens it; called once.
    """

    name: str
    place: str
    open: Callable[[], OpenTable]

    def rows(self) -> pa.RecordBatchReader:
        """Reads its rows; objects and lists of JSON are texts.

        Raises:
            ImportSourceError: it is broken, or a column is there twice.
        """
        opened = self.opened()
        schema = _plain(opened.schema.empty_table()).schema
        return pa.RecordBatchReader.from_batches(schema, _record_batches(opened, schema))

    def opened(self) -> OpenTable:
        """Opens it.

        Raises:
            ImportSourceError: it is broken, or a column is there twice.
        """
        try:
            opened = self.open()
        except UnreadableTableError as error:
            raise _unreadable(error) from None
        if opened.has_duplicates:
            names = opened.schema.names
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ImportSourceError(
                f"{self.place} has the column {', '.join(twice)} more than once", "Rename one of them."
            )
        return opened


def _record_batches(opened: OpenTable, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    try:
        for piece in opened.pieces:
            for rows in piece.read():
                yield from _plain(rows).cast(schema).to_batches()
    except UnreadableTableError as error:
        raise _unreadable(error) from None


def _plain(rows: pa.Table) -> pa.Table:
    """Gives columns of types that DuckDB reads: JSON as text, dictionaries as their values."""
    return pa.table([_plain_column(column) for column in rows.columns], names=rows.column_names)


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.type == NESTED:
        return pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column.cast(pa.string()) if pa.types.is_null(column.type) else column


def _unreadable(error: UnreadableTableError) -> ImportSourceError:
    problem = error.finding.problem()
    return ImportSourceError(problem.sentence.rstrip("."), problem.remedy)
