"""Reads the tables of a history from a folder of Parquet or CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.findings.problems import Finding, Findings
from features.history.text_rule import TextRule
from features.sources.csv_files import csv_columns, csv_finding, read_csv
from features.sources.history_settings import read_settings
from features.sources.pieces import (
    CsvPiece,
    OpenSource,
    Piece,
    UnreadableTableError,
    parquet_finding,
    parquet_pieces,
)
from features.tables.schema import NEEDED, REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns

_SUFFIXES: Final = (".parquet", ".csv")
# Text columns with few distinct values: read as codes, in a tenth of the time; for ids that would be slower.
_CODED: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")
# Estimate that only sets the number of partitions.
_CSV_ROW_BYTES: Final = 60

_Opened = tuple[pa.Schema, tuple[str, ...], tuple[Piece, ...], int]


def open_folder(folder: Path, findings: Findings, text_rule: TextRule | None) -> OpenSource:
    """Reads all tables except `interactions`, which is left as pieces; reports missing and broken tables.

    Args:
        folder: holds `leads`, `interactions` and optionally `outcomes` and `attribute_changes`, each as one
            `.parquet` (a file, or a folder of parts) or one `.csv`.
        findings: collects what is wrong.
        text_rule: rule by which cells are read; None: that of `history.toml`.

    Raises:
        HistorySettingsError: `history.toml` cannot be used.
    """
    text_rule = text_rule or read_settings(folder).text_rule
    paths = _paths(folder, findings)
    interactions = paths.pop(INTERACTIONS, None)
    raw = _read_tables(paths, findings, text_rule)
    if interactions is None:
        return OpenSource(raw, None)
    try:
        opened = _open_csv(interactions) if interactions.suffix == ".csv" else _open_parquet(interactions)
    except UnreadableTableError as error:
        findings.append(error.finding, table=INTERACTIONS)
        return OpenSource(raw, None)
    schema, unused, pieces, rows_count = opened
    has_duplicates = len(set(schema.names)) < len(schema.names)
    raw = replace(raw, unused={**raw.unused, INTERACTIONS: unused})
    return OpenSource(raw, schema, () if has_duplicates else pieces, rows_count)


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
    columns = csv_columns(path, INTERACTIONS)
    if columns is None:
        raise UnreadableTableError(csv_finding(path, "the file is empty"))
    schema, unused = columns
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
        raise UnreadableTableError(_parquet_finding(path)) from None


def _as_codes(field: pa.Field) -> pa.Field:
    is_coded = field.name in _CODED and _is_text(field.type)
    return field.with_type(pa.dictionary(pa.int32(), field.type)) if is_coded else field


def _find(folder: Path, table: str, findings: Findings) -> Path | None:
    found = [path for suffix in _SUFFIXES if (path := folder / f"{table}{suffix}").exists()]
    if len(found) > 1:
        findings.add("D003", table=table, count=len(found), files=" and ".join(path.name for path in found))
    elif not found and table in NEEDED:
        findings.add("D002", table=table)
    return found[0] if len(found) == 1 else None


def _read_parquet(path: Path, table: str, findings: Findings) -> tuple[pa.Table, tuple[str, ...]] | None:
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
        findings.append(_parquet_finding(path), table=table)
        return None


def _schema_of(path: Path) -> pa.Schema:
    # The reader of folders imports pandas: a single file is opened without it.
    return pq.read_schema(path) if path.is_file() else pq.ParquetDataset(path).schema


def _parquet_finding(path: Path) -> Finding:
    is_empty = path.is_file() and path.stat().st_size == 0
    return parquet_finding(path.name, "the file is empty") if is_empty else parquet_finding(path.name)


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_))
