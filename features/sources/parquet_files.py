"""Opens files of Parquet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Finding
from features.parsing.text_columns import is_text
from features.sources.pieces import (
    BATCH_ROWS,
    FileFormat,
    OpenTable,
    TableFile,
    UnreadableTableError,
    faults_of_file,
)

# Text columns with few distinct values: read as codes, in a tenth of the time; for ids that would be slower.
_CODED: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")
# Minimum number of rows of a piece of a file.
_PIECE_ROWS: Final = 50_000
_FAULT: Final = "it is no whole Parquet file"


@dataclass(frozen=True, slots=True)
class ParquetPiece:
    """Consecutive row groups of a Parquet file.

    Attributes:
        path: the file.
        groups: numbers of the row groups.
        schema: schema of the columns that are used.
        name: name of the file, for people.
    """

    path: Path
    groups: tuple[int, ...]
    schema: pa.Schema
    name: str

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        codes = [field.name for field in self.schema if pa.types.is_dictionary(field.type)]
        plain = [field.name for field in self.schema if not _has_fixed_lists(field.type)]
        with faults_of_file(self.name, _FAULT), pq.ParquetFile(self.path, read_dictionary=codes) as file:
            batches = file.iter_batches(BATCH_ROWS, row_groups=self.groups, columns=plain, use_threads=False)
            for batch in batches:
                self._check_texts(batch)
                yield self._with_lists(pa.Table.from_batches([batch]))

    def is_empty(self, column: str) -> bool | None:
        """Tells from the footer whether no row has a value in a column; None where it does not say so."""
        with faults_of_file(self.name, _FAULT):
            metadata = pq.read_metadata(self.path)
        places = range(metadata.num_columns)
        place = next((place for place in places if metadata.schema.column(place).path == column), None)
        for group in map(metadata.row_group, self.groups):
            counts = None if place is None else group.column(place).statistics
            if counts is None or not counts.has_null_count:
                return None
            if counts.null_count < group.num_rows:
                return False
        return True

    def _with_lists(self, rows: pa.Table) -> pa.Table:
        """Adds the columns that cannot be read, without their cells: only their types are told."""
        for place, field in enumerate(self.schema):
            if _has_fixed_lists(field.type):
                rows = rows.add_column(place, field, pa.nulls(len(rows), field.type))
        return rows

    def _check_texts(self, batch: pa.RecordBatch) -> None:
        """Refuses bytes that are no text: Arrow writes and reads them as they are."""
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            texts = column.dictionary if pa.types.is_dictionary(column.type) else column
            try:
                if is_text(texts.type):
                    texts.validate(full=True)
            except pa.ArrowInvalid:
                fault = f"{name} has bytes that are no UTF-8"
                raise UnreadableTableError(Finding.of("D004", file=self.name, fault=fault)) from None


def _open(file: TableFile) -> OpenTable:
    with faults_of_file(file.name, _FAULT):
        fault = _FAULT if file.path.stat().st_size else "the file is empty"
    with faults_of_file(file.name, fault):
        metadata = pq.read_metadata(file.path)
        schema = metadata.schema.to_arrow_schema()
    names = tuple(schema.names)
    picked = file.pick_columns(names)
    if len({*picked}) < len(picked):
        return OpenTable(pa.schema([(name, pa.null()) for name in picked]), names)
    used = pa.schema([_as_codes(schema.field(name)) for name in picked])
    pieces = (ParquetPiece(file.path, groups, used, file.name) for groups in _joined_groups(metadata))
    return OpenTable(used, names, tuple(pieces), metadata.num_rows)


PARQUET: Final = FileFormat(suffixes=(".parquet",), is_typed=True, open=_open)


def _has_fixed_lists(type_: pa.DataType) -> bool:
    """Tells whether cells may hold lists of a fixed size, of which Arrow cannot read a missing one."""
    if pa.types.is_fixed_size_list(type_):
        return True
    return pa.types.is_nested(type_) and any(
        _has_fixed_lists(type_.field(place).type) for place in range(type_.num_fields)
    )


def _as_codes(field: pa.Field) -> pa.Field:
    is_coded = is_text(field.type) and field.name in _CODED
    return field.with_type(pa.dictionary(pa.int32(), field.type)) if is_coded else field


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
