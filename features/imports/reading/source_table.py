"""A table of a source, read batch by batch as columns that DuckDB takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa

from features.imports.errors import ImportSourceError
from features.imports.reading.joined_columns import without_tags
from features.sources.cells import NESTED
from features.sources.pieces import OpenTable, UnreadableTableError, repeated_names


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

    def rows(self, used: Callable[[str], bool] | None = None) -> SourceRows:
        """Opens it.

        Args:
            used: tells of the name of a column whether it is read; where it is of none, the first one is.
                None: all are read that are there once.

        Raises:
            ImportSourceError: it is broken, or a column that is read is there more than once.
        """
        try:
            opened = self.open()
        except UnreadableTableError as error:
            raise _unreadable(error) from None
        repeated = repeated_names(opened.names)
        if used is not None and (twice := next(filter(used, repeated), None)):
            places = [str(place) for place, name in enumerate(opened.names, 1) if name == twice]
            raise ImportSourceError(
                f"{self.place} has the column {twice} {len(places)} times (columns {', '.join(places)}), and "
                "which one is meant cannot be told",
                "Rename all but one of them in the file.",
            )
        all_names = opened.schema.names
        names = all_names if used is None else [*filter(used, all_names)] or all_names[:1]
        schema = _plain(opened.schema.empty_table().select(names)).schema
        faults: list[ImportSourceError] = []
        batches = _record_batches(opened, schema, faults)
        names = tuple(dict.fromkeys(opened.names))
        return SourceRows(pa.RecordBatchReader.from_batches(schema, batches), repeated, names, faults)


@dataclass(frozen=True, slots=True)
class SourceRows:
    """The rows of a table; objects and lists of JSON are texts.

    Attributes:
        reader: the columns that are read, batch by batch.
        repeated: columns that are there more than once, and not read.
        names: names of all columns.
        faults: why reading ended early, once it did: who reads by another library gets an error of that.
    """

    reader: pa.RecordBatchReader
    repeated: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    faults: list[ImportSourceError] = field(default_factory=list)

    def first(self, rows_count: int) -> SourceRows:
        """Gives about so many of the first rows."""
        return replace(
            self, reader=pa.RecordBatchReader.from_batches(self.reader.schema, self._first(rows_count))
        )

    def _first(self, rows_count: int) -> Iterator[pa.RecordBatch]:
        for batch in self.reader:
            yield batch.slice(0, rows_count)
            rows_count -= len(batch)
            if rows_count <= 0:
                return


@dataclass(frozen=True, slots=True)
class FoundTables:
    """What a source has of the tables of a map.

    Attributes:
        tables: those that are there, by their names in the map.
        present: names of all tables of the source, for messages.
    """

    tables: Mapping[str, SourceTable]
    present: tuple[str, ...]


def _record_batches(
    opened: OpenTable, schema: pa.Schema, faults: list[ImportSourceError]
) -> Iterator[pa.RecordBatch]:
    try:
        for piece in opened.pieces:
            for rows in piece.read():
                yield from _plain(rows.select(schema.names)).cast(schema).to_batches()
    except UnreadableTableError as error:
        faults.append(_unreadable(error))
        raise faults[0] from None


def _plain(rows: pa.Table) -> pa.Table:
    """Gives columns of types that DuckDB reads: JSON as text, dictionaries as their values."""
    return pa.table([_plain_column(column) for column in rows.columns], names=rows.column_names)


def _plain_column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    column = without_tags(column)
    if column.type == NESTED:
        return pa.chunked_array([chunk.storage for chunk in column.chunks], pa.string())
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    if pa.types.is_null(column.type) or pa.types.is_decimal256(column.type):
        return column.cast(pa.string())
    return column


def _unreadable(error: UnreadableTableError) -> ImportSourceError:
    problem = error.finding.problem()
    remedy = problem.remedy
    if problem.code == "D005":
        remedy += ' Or name its encoding in the map: [tables.NAME], encoding = "cp1252".'
    return ImportSourceError(problem.sentence.rstrip("."), remedy)
