"""Reads the tables of a history from a folder of Parquet or CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from features.csv_files import read_csv
from features.problems import Findings
from features.tables import REQUIRED, RawTables, pick_columns

_SUFFIXES: Final = (".parquet", ".csv")
_NEEDED: Final = ("leads", "interactions")
# Columns with few distinct texts are read as codes, in a tenth of the time; for ids that would be slower.
_REPEATING: Final = ("source", "kind", "direction", "channel", "campaign", "outcome", "attribute")


def read_folder(folder: Path, findings: Findings) -> RawTables:
    """Reads the tables that are there, and reports those that are missing or cannot be read.

    Args:
        folder: holds `leads`, `interactions` and, if there are any, `outcomes` and `attribute_changes`, each
            as one `.parquet` (a file, or a folder of parts) or one `.csv`.
        findings: takes what is wrong.
    """
    tables: dict[str, pa.Table] = {}
    unused: dict[str, tuple[str, ...]] = {}
    paths = {table: path for table in REQUIRED if (path := _find(folder, table, findings))}
    for table, path in paths.items():
        read = read_csv if path.suffix == ".csv" else _read_parquet
        columns = read(path, table, findings)
        if columns is not None:
            tables[table], unused[table] = columns
    is_typed = "leads" not in paths or paths["leads"].suffix != ".csv"
    return RawTables(tables, is_typed=is_typed, unused=unused)


def _find(folder: Path, table: str, findings: Findings) -> Path | None:
    there = [path for suffix in _SUFFIXES if (path := folder / f"{table}{suffix}").exists()]
    if len(there) > 1:
        findings.add("D003", table=table, count=len(there), files=" and ".join(path.name for path in there))
    elif not there and table in _NEEDED:
        findings.add("D002", table=table)
    return there[0] if len(there) == 1 else None


def _read_parquet(path: Path, table: str, findings: Findings) -> tuple[pa.Table, tuple[str, ...]] | None:
    try:
        schema = pq.ParquetDataset(path).schema
        used, unused = pick_columns(table, schema.names)
        if len(set(schema.names)) < len(schema.names):
            return schema.empty_table(), unused
        texts = [name for name in used if name in _REPEATING and _is_text(schema.field(name).type)]
        return pq.read_table(path, columns=used, read_dictionary=texts), unused
    except (pa.ArrowInvalid, OSError):
        is_empty = path.is_file() and path.stat().st_size == 0
        fault = "the file is empty" if is_empty else "it is no whole Parquet file"
        findings.add("D004", table=table, file=path.name, fault=fault)
        return None


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
