"""A table of interactions while it is on its way: pieces that are read one batch after the other.

Pieces of files can be sent to other processes and read there side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Fault, Findings
from features.sources.csv_files import csv_fault, stream_csv
from features.tables.table_reader import INTERACTIONS, RawTables

# Interactions that are read at once; more are read by partitions.
LARGE_ROWS: Final = 2_000_000
# Interactions of a partition: about a hundred bytes each while it is worked on.
PARTITION_ROWS: Final = 500_000
# Rows read at a time: enough that no time goes into the number of batches.
BATCH_ROWS: Final = 500_000


class UnreadableTableError(Exception):
    """A table that turned out to be broken while it was read; `fault` says how."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class Piece(Protocol):
    """Some rows of a table."""

    def read(self) -> Iterator[pa.Table]:
        """Reads the rows, batch by batch.

        Raises:
            UnreadableTableError: the table is broken.
        """


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source of which all tables but `interactions` were read.

    Attributes:
        raw: the other tables.
        schema: of the interactions, as far as it can be known before they are read; None: there are none.
        pieces: the interactions; none where their columns are at fault.
        rows_count: about how many they are.
        are_movable: whether other processes can read the pieces.
    """

    raw: RawTables
    schema: pa.Schema | None
    pieces: tuple[Piece, ...] = ()
    rows_count: int = 0
    are_movable: bool = True


def read_all(opened: OpenSource, findings: Findings) -> RawTables:
    """Reads the interactions too, all at once."""
    if opened.schema is None:
        return opened.raw
    try:
        batches = [batch for piece in opened.pieces for batch in piece.read()]
    except UnreadableTableError as error:
        findings.add_fault(error.fault, table=INTERACTIONS if opened.are_movable else "")
        return opened.raw
    whole = concatenate(batches) if batches else opened.schema.empty_table()
    return replace(opened.raw, tables={**opened.raw.tables, INTERACTIONS: whole})


@dataclass(frozen=True, slots=True)
class ParquetPiece:
    """One row group of a Parquet file.

    Attributes:
        path: the file.
        group: number of the row group.
        schema: of the columns that are used.
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
            raise UnreadableTableError(parquet_fault(self.path.name)) from None


@dataclass(frozen=True, slots=True)
class FragmentPiece:
    """One file of a folder of Parquet files, read by the schema of the folder.

    Attributes:
        fragment: of a dataset of Arrow.
        schema: of the columns that are used.
        folder: for people.
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
            raise UnreadableTableError(parquet_fault(self.folder)) from None


def parquet_fault(file: str, fault: str = "it is no whole Parquet file") -> Fault:
    """Tells what is wrong with a Parquet file."""
    return Fault("D004", {"file": file, "fault": fault})


def parquet_pieces(path: Path, schema: pa.Schema) -> tuple[tuple[Piece, ...], int]:
    """Parts a Parquet file into its row groups, a folder of them into its files; and counts the rows."""
    if path.is_file():
        facts = pq.read_metadata(path)
        return tuple(
            ParquetPiece(path, group, schema) for group in range(facts.num_row_groups)
        ), facts.num_rows
    # Imported where it is needed: it brings pandas with it, which takes its time in every process.
    import pyarrow.dataset as ds

    form = ds.ParquetFileFormat(dictionary_columns=codes_of(schema))
    files = ds.dataset(path, format=form, partitioning="hive")
    pieces = tuple(FragmentPiece(one, schema, path.name) for one in files.get_fragments())
    return pieces, files.count_rows()


def codes_of(schema: pa.Schema) -> list[str]:
    """Names the columns that are read as codes of their texts."""
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


@dataclass(frozen=True, slots=True)
class CsvPiece:
    """A whole CSV file: where a row begins is only known from the rows before it."""

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
            raise UnreadableTableError(csv_fault(self.path, broken[0]))


def concatenate(chunks: Sequence[pa.Table]) -> pa.Table:
    """Puts chunks together; where one column has types that do not go together, all becomes text."""
    try:
        return pa.concat_tables(chunks, promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        as_text = [
            pa.table({name: chunk[name].cast(pa.string()) for name in chunk.column_names}) for chunk in chunks
        ]
        return pa.concat_tables(as_text)
