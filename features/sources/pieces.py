"""A table as pieces that are read batch by batch.

Pieces of files can be sent to other processes and read there in parallel.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Finding, Findings
from features.history.text_rule import TextRule
from features.parsing.text_columns import is_text, plain_texts, without_missing
from features.sources.cells import NESTED, NO_COLUMN, nested_array
from features.sources.csv_files import csv_finding, stream_csv
from features.tables.table_reader import INTERACTIONS, RawTables

# Interactions above which a history is read by partitions instead of at once.
LARGE_ROWS: Final = 2_000_000
# Interactions per partition: each takes about a hundred bytes while the partition is in memory.
PARTITION_ROWS: Final = 500_000
# Rows per batch: enough that the overhead per batch does not count.
BATCH_ROWS: Final = 500_000


class UnreadableTableError(Exception):
    """A table that cannot be read to its end; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


class Piece(Protocol):
    """Some rows of a table."""

    def read(self) -> Iterator[pa.Table]:
        """Reads the rows, batch by batch.

        Raises:
            UnreadableTableError: the table is broken.
        """


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source of which all tables except `interactions` are read.

    Attributes:
        raw: the other tables.
        schema: schema of the interactions, as far as it is known before they are read; None: no such table.
        pieces: the interactions; none where their columns are duplicate.
        rows_count: their number, exact or estimated.
        are_movable: whether other processes can read the pieces.
    """

    raw: RawTables
    schema: pa.Schema | None
    pieces: tuple[Piece, ...] = ()
    rows_count: int = 0
    are_movable: bool = True


def read_all(opened: OpenSource, findings: Findings) -> RawTables:
    """Reads the interactions at once, and gives all tables."""
    if opened.schema is None:
        return opened.raw
    try:
        batches = [batch for piece in opened.pieces for batch in piece.read()]
    except UnreadableTableError as error:
        findings.append(error.finding, table=INTERACTIONS if opened.are_movable else "")
        return opened.raw
    whole = concatenate(batches, opened.raw.text_rule) if batches else opened.schema.empty_table()
    return replace(opened.raw, tables={**opened.raw.tables, INTERACTIONS: whole})


@dataclass(frozen=True, slots=True)
class ParquetPiece:
    """One row group of a Parquet file.

    Attributes:
        path: the file.
        group: number of the row group.
        schema: schema of the columns that are used.
    """

    path: Path
    group: int
    schema: pa.Schema

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        try:
            with pq.ParquetFile(self.path, read_dictionary=codes_of(self.schema)) as file:
                batches = file.iter_batches(
                    BATCH_ROWS, row_groups=[self.group], columns=self.schema.names, use_threads=False
                )
                for batch in batches:
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, OSError):
            raise UnreadableTableError(parquet_finding(self.path.name)) from None


@dataclass(frozen=True, slots=True)
class FragmentPiece:
    """One file of a folder of Parquet files, read with the schema of the folder.

    Attributes:
        fragment: fragment of an Arrow dataset.
        schema: schema of the columns that are used.
        folder: name of the folder, for messages.
    """

    fragment: Any
    schema: pa.Schema
    folder: str

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        try:
            batches = self.fragment.to_batches(
                schema=self.schema, columns=self.schema.names, batch_size=BATCH_ROWS, use_threads=False
            )
            for batch in batches:
                yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, OSError):
            raise UnreadableTableError(parquet_finding(self.folder)) from None


def parquet_finding(file: str, fault: str = "it is no whole Parquet file") -> Finding:
    """Reports a Parquet file that cannot be read."""
    return Finding.of("D004", file=file, fault=fault)


def parquet_pieces(path: Path, schema: pa.Schema) -> tuple[tuple[Piece, ...], int]:
    """Splits a Parquet file into its row groups, a folder into its files; and counts the rows."""
    if path.is_file():
        metadata = pq.read_metadata(path)
        groups = range(metadata.num_row_groups)
        return tuple(ParquetPiece(path, group, schema) for group in groups), metadata.num_rows
    # Imported here because it imports pandas, which takes long in every process.
    import pyarrow.dataset as ds

    parquet = ds.ParquetFileFormat(dictionary_columns=codes_of(schema))
    files = ds.dataset(path, format=parquet, partitioning="hive")
    pieces = tuple(FragmentPiece(fragment, schema, path.name) for fragment in files.get_fragments())
    return pieces, files.count_rows()


def codes_of(schema: pa.Schema) -> list[str]:
    """Names the text columns that are read as codes."""
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


@dataclass(frozen=True, slots=True)
class CsvPiece:
    """A whole CSV file: the start of a row is only known from the rows before it."""

    path: Path
    columns: tuple[str, ...]

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        broken: list[str] = []
        try:
            yield from stream_csv(self.path, self.columns, broken)
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            broken.append("it is no whole CSV file")
        if broken:
            raise UnreadableTableError(csv_finding(self.path, broken[0]))


def concatenate(chunks: Sequence[pa.Table], rule: TextRule) -> pa.Table:
    """Concatenates tables; where the types of a column cannot be unified, it becomes text by the rule."""
    try:
        return pa.concat_tables(chunks, promote_options="permissive")
    except NO_COLUMN:
        names = dict.fromkeys(name for chunk in chunks for name in chunk.column_names)
        return pa.table({name: _joined([_column(chunk, name) for chunk in chunks], rule) for name in names})


def _column(chunk: pa.Table, name: str) -> pa.ChunkedArray:
    has_column = name in chunk.column_names
    return chunk[name] if has_column else pa.chunked_array([pa.nulls(len(chunk))])


def _joined(columns: Sequence[pa.ChunkedArray], rule: TextRule) -> pa.ChunkedArray:
    """Joins columns of several types; one that only spells missing cells has any type."""
    if any(column.type == NESTED for column in columns):
        columns = [pa.chunked_array([nested_array(column.to_pylist())]) for column in columns]
    filled = [_null_if_missing(column, rule) for column in columns]
    try:
        return _unified(filled)
    except NO_COLUMN:
        return _unified([_as_text(column, rule) for column in filled])


def _unified(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    tables = [pa.table([column], names=["column"]) for column in columns]
    return pa.concat_tables(tables, promote_options="permissive")["column"]


def _null_if_missing(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    if not len(column) or not is_text(column.type):
        return column
    is_empty = without_missing(column, rule.no_numbers).null_count == len(column)
    return pa.chunked_array([pa.nulls(len(column))]) if is_empty else column


def _as_text(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    texts = plain_texts(column, rule) if rule.number > 1 else None
    return column.cast(pa.string()) if texts is None else texts
