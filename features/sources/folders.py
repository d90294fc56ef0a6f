"""Reads the tables of a history from a folder of Parquet or CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Fault, Findings
from features.history.text_rule import TextRule
from features.sources.csv_files import csv_columns, csv_fault, read_csv
from features.sources.pieces import (
    CsvPiece,
    OpenSource,
    Piece,
    UnreadableTableError,
    parquet_fault,
    parquet_pieces,
)
from features.tables.schema import REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns

_SUFFIXES: Final = (".parquet", ".csv")
_NEEDED: Final = ("leads", "interactions")
# Columns with few distinct texts are read as codes, in a tenth of the time; for ids that would be slower.
_REPEATING: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")
# Only decides how many partitions there are.
_CSV_ROW_BYTES: Final = 60

_Opened = tuple[pa.Schema, tuple[str, ...], tuple[Piece, ...], int]


def open_folder(folder: Path, findings: Findings, text_rule: TextRule) -> OpenSource:
    """Reads the tables but `interactions`, of which it tells the pieces; reports what is missing or broken.

    Args:
        folder: holds `leads`, `interactions` and, if there are any, `outcomes` and `attribute_changes`, each
            as one `.parquet` (a file, or a folder of parts) or one `.csv`.
        findings: takes what is wrong.
        text_rule: by which cells are read.
    """
    paths = _paths(folder, findings)
    interactions = paths.pop(INTERACTIONS, None)
    raw = _read_tables(paths, findings, text_rule)
    if interactions is None:
        return OpenSource(raw, None)
    try:
        opened = _open_csv(interactions) if interactions.suffix == ".csv" else _open_parquet(interactions)
    except UnreadableTableError as error:
        findings.add_fault(error.fault, table=INTERACTIONS)
        return OpenSource(raw, None)
    schema, unused, pieces, rows_count = opened
    has_doubled = len(set(schema.names)) < len(schema.names)
    raw = replace(raw, unused={**raw.unused, INTERACTIONS: unused})
    return OpenSource(raw, schema, () if has_doubled else pieces, rows_count)


def _paths(folder: Path, findings: Findings) -> dict[str, Path]:
    return {table: path for table in REQUIRED if (path := _find(folder, table, findings))}


def _read_tables(paths: Mapping[str, Path], findings: Findings, text_rule: TextRule) -> RawTables:
    tables: dict[str, pa.Table] = {}
    unused: dict[str, tuple[str, ...]] = {}
    for table, path in paths.items():
        read = read_csv if path.suffix == ".csv" else _read_parquet
        columns = read(path, table, findings)
        if columns is not None:
            tables[table], unused[table] = columns
    is_typed = "leads" not in paths or paths["leads"].suffix != ".csv"
    return RawTables(tables, is_typed=is_typed, unused=unused, text_rule=text_rule)


def _open_csv(path: Path) -> _Opened:
    told = csv_columns(path, INTERACTIONS)
    if told is None:
        raise UnreadableTableError(csv_fault(path, "the file is empty"))
    schema, unused = told
    return schema, unused, (CsvPiece(path, tuple(schema.names)),), path.stat().st_size // _CSV_ROW_BYTES


def _open_parquet(path: Path) -> _Opened:
    try:
        schema = _schema_of(path)
        used, unused = pick_columns(INTERACTIONS, schema.names)
        if len(set(schema.names)) < len(schema.names):
            return schema, unused, (), 0
        picked = pa.schema([_as_codes(schema.field(name)) for name in used])
        return picked, unused, *parquet_pieces(path, picked)
    except (pa.ArrowInvalid, OSError):
        raise UnreadableTableError(_parquet_fault(path)) from None


def _as_codes(field: pa.Field) -> pa.Field:
    is_repeating = field.name in _REPEATING and _is_text(field.type)
    return field.with_type(pa.dictionary(pa.int32(), field.type)) if is_repeating else field


def _find(folder: Path, table: str, findings: Findings) -> Path | None:
    there = [path for suffix in _SUFFIXES if (path := folder / f"{table}{suffix}").exists()]
    if len(there) > 1:
        findings.add("D003", table=table, count=len(there), files=" and ".join(path.name for path in there))
    elif not there and table in _NEEDED:
        findings.add("D002", table=table)
    return there[0] if len(there) == 1 else None


def _read_parquet(path: Path, table: str, findings: Findings) -> tuple[pa.Table, tuple[str, ...]] | None:
    try:
        schema = _schema_of(path)
        used, unused = pick_columns(table, schema.names)
        if len(set(schema.names)) < len(schema.names):
            return schema.empty_table(), unused
        texts = [name for name in used if name in _REPEATING and _is_text(schema.field(name).type)]
        if path.is_file():
            return pq.ParquetFile(path, read_dictionary=texts).read(columns=used), unused
        return pq.read_table(path, columns=used, read_dictionary=texts), unused
    except (pa.ArrowInvalid, OSError):
        findings.add_fault(_parquet_fault(path), table=table)
        return None


def _schema_of(path: Path) -> pa.Schema:
    # The reader of folders brings pandas with it: a file is opened without.
    return pq.read_schema(path) if path.is_file() else pq.ParquetDataset(path).schema


def _parquet_fault(path: Path) -> Fault:
    is_empty = path.is_file() and path.stat().st_size == 0
    return parquet_fault(path.name, "the file is empty") if is_empty else parquet_fault(path.name)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
