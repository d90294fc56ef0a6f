"""Reads tables from Parquet: a file, or a folder of files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Finding, Findings
from features.sources.pieces import BATCH_ROWS, FileFormat, OpenTable, Piece, UnreadableTableError
from features.tables.table_reader import pick_columns

# Text columns with few distinct values: read as codes, in a tenth of the time; for ids that would be slower.
_CODED: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")


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
            with pq.ParquetFile(self.path, read_dictionary=_codes_of(self.schema)) as file:
                batches = file.iter_batches(
                    BATCH_ROWS, row_groups=[self.group], columns=self.schema.names, use_threads=False
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


def _read(path: Path, table: str, findings: Findings) -> tuple[pa.Table, tuple[str, ...]] | None:
    try:
        schema = _schema_of(path)
        used, unused = pick_columns(table, schema.names)
        if len(set(schema.names)) < len(schema.names):
            return schema.empty_table(), unused
        texts = [name for name in used if name in _CODED and _is_text(schema.field(name).type)]
        if path.is_file():
            return pq.ParquetFile(path, read_dictionary=texts).read(columns=used), unused
        return pq.read_table(path, columns=used, read_dictionary=texts), unused
    except (pa.ArrowInvalid, OSError):
        findings.append(_finding_of(path), table=table)
        return None


def _open(path: Path, table: str) -> OpenTable:
    try:
        schema = _schema_of(path)
        used, unused = pick_columns(table, schema.names)
        if len(set(schema.names)) < len(schema.names):
            return OpenTable(schema, unused, (), 0)
        picked = pa.schema([_as_codes(schema.field(name)) for name in used])
        pieces, rows_count = _pieces(path, picked)
    except (pa.ArrowInvalid, OSError):
        raise UnreadableTableError(_finding_of(path)) from None
    return OpenTable(picked, unused, pieces, rows_count)


PARQUET: Final = FileFormat(suffix=".parquet", is_typed=True, read=_read, open=_open)


def _schema_of(path: Path) -> pa.Schema:
    # The reader of folders imports pandas: a single file is opened without it.
    return pq.read_schema(path) if path.is_file() else pq.ParquetDataset(path).schema


def _as_codes(field: pa.Field) -> pa.Field:
    is_coded = field.name in _CODED and _is_text(field.type)
    return field.with_type(pa.dictionary(pa.int32(), field.type)) if is_coded else field


def _pieces(path: Path, schema: pa.Schema) -> tuple[tuple[Piece, ...], int]:
    """Splits a Parquet file into its row groups, a folder into its files; and counts the rows."""
    if path.is_file():
        metadata = pq.read_metadata(path)
        groups = range(metadata.num_row_groups)
        return tuple(ParquetPiece(path, group, schema) for group in groups), metadata.num_rows
    # Imported here because it imports pandas, which takes long in every process.
    import pyarrow.dataset as ds

    parquet = ds.ParquetFileFormat(dictionary_columns=_codes_of(schema))
    files = ds.dataset(path, format=parquet, partitioning="hive")
    pieces = tuple(FragmentPiece(fragment, schema, path.name) for fragment in files.get_fragments())
    return pieces, files.count_rows()


def _codes_of(schema: pa.Schema) -> list[str]:
    """Names the text columns that are read as codes."""
    return [field.name for field in schema if pa.types.is_dictionary(field.type)]


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))


def _finding_of(path: Path) -> Finding:
    is_empty = path.is_file() and path.stat().st_size == 0
    return _finding(path.name, "the file is empty") if is_empty else _finding(path.name)


def _finding(file: str, fault: str = "it is no whole Parquet file") -> Finding:
    """Reports a Parquet file that cannot be read."""
    return Finding.of("D004", file=file, fault=fault)
