"""Reads the tables of a history from a folder of Parquet or CSV files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
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

# Formats of files by suffix; another one is a line here and a module of its own.
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
    text_rule = text_rule or read_settings(folder).text_rule
    paths = _paths(folder, findings)
    interactions = paths.pop(INTERACTIONS, None)
    raw = _read_tables(paths, findings, text_rule)
    if interactions is None:
        return OpenSource(raw, None)
    try:
        opened = FORMATS[interactions.suffix].open(interactions, INTERACTIONS)
    except UnreadableTableError as error:
        findings.append(error.finding, table=INTERACTIONS)
        return OpenSource(raw, None)
    raw = replace(raw, unused={**raw.unused, INTERACTIONS: opened.unused})
    has_duplicates = len(set(opened.schema.names)) < len(opened.schema.names)
    return OpenSource(raw, opened.schema, () if has_duplicates else opened.pieces, opened.rows_count)


def _paths(folder: Path, findings: Findings) -> dict[str, Path]:
    return {table: path for table in REQUIRED if (path := _find(folder, table, findings))}


def _read_tables(paths: Mapping[str, Path], findings: Findings, text_rule: TextRule) -> RawTables:
    tables: dict[str, pa.Table] = {}
    unused: dict[str, tuple[str, ...]] = {}
    for table, path in paths.items():
        columns = FORMATS[path.suffix].read(path, table, findings)
        if columns is not None:
            tables[table], unused[table] = columns
    is_typed = "leads" not in paths or FORMATS[paths["leads"].suffix].is_typed
    return RawTables(tables, is_typed=is_typed, unused=unused, text_rule=text_rule)


def _find(folder: Path, table: str, findings: Findings) -> Path | None:
    found = [path for suffix in FORMATS if (path := folder / f"{table}{suffix}").exists()]
    if len(found) > 1:
        findings.add("D003", table=table, count=len(found), files=" and ".join(path.name for path in found))
    elif not found and table in NEEDED:
        findings.add("D002", table=table)
    return found[0] if len(found) == 1 else None
