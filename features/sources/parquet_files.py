"""Opens tables in Parquet: a file, or a folder of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Finding
from features.sources.pieces import BATCH_ROWS, FileFormat, OpenTable, Piece, UnreadableTableError
from features.tables.table_reader import pick_columns

# Text columns with few distinct values: read as codes, in a tenth of the time; for ids that would be slower.
_CODED: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")
# Minimum number of rows of a piece of a file.
_PIECE_ROWS: Final = 50_000


@dataclass(frozen=True, slots=True)
class ParquetPiece:
    """Consecutive row groups of a Parquet file.

    Attributes:
        path: the file.
        groups: numbers of the row groups.
        schema: schema of the columns that are used.
    """

    path: Path
    groups: tuple[int, ...]
    schema: pa.Schema

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        try:
            with pq.ParquetFile(self.path, read_dictionary=_codes_of(self.schema)) as file:
                batches = file.iter_batches(
                    BATCH_ROWS, row_groups=self.groups, columns=self.schema.names, use_threads=False
                )
                for batch in batches:
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, OSError):
            raise UnreadableTableError(_finding(self.path.name)) from None


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
            raise UnreadableTableError(_finding(self.folder)) from None


def _open(path: Path, table: str) -> OpenTable:
    try:
        # The reader of folders imports pandas: a single file is opened without it.
        schema = pq.read_schema(path) if path.is_file() else pq.ParquetDataset(path).schema
        names = tuple(schema.names)
        if len(set(names)) < len(names):
            return OpenTable(schema, names)
        picked = pa.schema([_as_codes(schema.field(name)) for name in pick_columns(table, names)])
        return OpenTable(picked, names, *_pieces(path, picked))
    except (pa.ArrowInvalid, OSError):
        is_empty = path.is_file() and path.stat().st_size == 0
        finding = _finding(path.name, "the file is empty") if is_empty else _finding(path.name)
        raise UnreadableTableError(finding) from None


PARQUET: Final = FileFormat(suffix=".parquet", is_typed=True, open=_open)


def _as_codes(field: pa.Field) -> pa.Field:
    is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
    is_coded = is_text and field.name in _CODED
    return field.with_type(pa.dictionary(pa.int32(), field.type)) if is_coded else field


def _pieces(path: Path, schema: pa.Schema) -> tuple[tuple[Piece, ...], int]:
    """Splits a Parquet file into its row groups, a folder into its files; and counts the rows."""
    if path.is_file():
        metadata = pq.read_metadata(path)
        pieces = tuple(ParquetPiece(path, groups, schema) for groups in _joined_groups(metadata))
        return pieces, metadata.num_rows
    # Imported here because it imports pandas, which takes long in every process.
    import pyarrow.dataset as ds

    parquet = ds.ParquetFileFormat(dictionary_columns=_codes_of(schema))
    files = ds.dataset(path, format=parquet, partitioning="hive")
    fragments = tuple(FragmentPiece(fragment, schema, path.name) for fragment in files.get_fragments())
    return fragments, files.count_rows()


def _joined_groups(metadata: pq.FileMetaData) -> Iterator[tuple[int, ...]]:
    """Joins small row groups, since every piece opens the file anew."""
    groups: list[int] = []
    rows_count = 0
    for group in range(metadata.num_row_groups):
        groups.append(group)
        rows_count += metadata.row_group(group).num_rows
        if rows_count >= _PIECE_ROWS:
            yield tuple(groups)
            groups, rows_count = [], 0
    if groups:
        yield tuple(groups)


def _codes_of(schema: pa.Schema) -> list[str]:
    """Names the text columns that are read as codes."""
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


def _finding(file: str, fault: str = "it is no whole Parquet file") -> Finding:
    """Reports a Parquet file that cannot be read."""
    return Finding.of("D004", file=file, fault=fault)
