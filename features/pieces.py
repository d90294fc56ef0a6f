"""A table of interactions while it is on its way: pieces that are read one batch after the other.

Pieces of files can be sent to other processes and read there side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa

from features.csv_files import csv_fault, stream_csv
from features.problems import Fault, Findings
from features.tables import INTERACTIONS, RawTables

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
        fragment: of a dataset of Arrow.
        schema: of the whole table, the columns that are used.
        file: for people.
    """

    fragment: Any
    schema: pa.Schema
    file: str

    @property
    def rows_count(self) -> int:
        """Number of rows."""
        return sum(group.num_rows for group in self.fragment.row_groups)

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        try:
            batches = self.fragment.to_batches(
                schema=self.schema, columns=self.schema.names, batch_size=BATCH_ROWS, use_threads=False
            )
            for batch in batches:
                yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, OSError):
            raise UnreadableTableError(parquet_fault(self.file)) from None


def parquet_fault(file: str, fault: str = "it is no whole Parquet file") -> Fault:
    """Tells what is wrong with a Parquet file."""
    return Fault("D004", {"file": file, "fault": fault})


def parquet_pieces(path: Path, schema: pa.Schema) -> tuple[ParquetPiece, ...]:
    """Parts a Parquet file, or a folder of them, into its row groups."""
    # Imported where it is needed: it brings pandas with it, which no server may load.
    import pyarrow.dataset as ds

    texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
    files = ds.dataset(path, format=ds.ParquetFileFormat(dictionary_columns=texts), partitioning="hive")
    return tuple(
        ParquetPiece(group, schema, path.name)
        for fragment in files.get_fragments()
        for group in fragment.split_by_row_group()
    )


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
