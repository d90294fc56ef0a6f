"""Reads the tables of a history from a folder of Parquet or CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.text_rule import TextRule
from features.sources.csv_files import CSV
from features.sources.history_settings import read_settings
from features.sources.parquet_files import PARQUET
from features.sources.pieces import FileFormat, OpenSource, UnreadableTableError
from features.tables.schema import NEEDED, REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables

# Formats of files by suffix; another format is a line here and a module of its own.
FORMATS: Final[Mapping[str, FileFormat]] = {known.suffix: known for known in (PARQUET, CSV)}


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
    rule = text_rule or read_settings(folder).text_rule
    paths = {table: path for table in REQUIRED if (path := _find(folder, table, findings))}
    tables: dict[str, pa.Table] = {}
    names: dict[str, tuple[str, ...]] = {}
    interactions = None
    for table, path in paths.items():
        try:
            opened = FORMATS[path.suffix].open(path, table)
            if table == INTERACTIONS:
                interactions = opened
            else:
                tables[table] = opened.read(rule)
            names[table] = opened.names
        except UnreadableTableError as error:
            findings.append(error.finding, table=table)
    is_typed = "leads" not in paths or FORMATS[paths["leads"].suffix].is_typed
    raw = RawTables(tables, is_typed=is_typed, names=names, text_rule=rule)
    return OpenSource(raw, interactions)


def _find(folder: Path, table: str, findings: Findings) -> Path | None:
    found = [path for suffix in FORMATS if (path := folder / f"{table}{suffix}").exists()]
    if len(found) > 1:
        findings.add("D003", table=table, count=len(found), files=" and ".join(path.name for path in found))
    elif not found and table in NEEDED:
        findings.add("D002", table=table)
    return found[0] if len(found) == 1 else None
