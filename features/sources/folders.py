"""Reads the tables of a history from a folder of files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from features.findings.problems import Findings
from features.history.settings import HistorySettings
from features.sources.csv_files import CSV
from features.sources.history_settings import read_settings
from features.sources.json_files import JSON_LINES
from features.sources.parquet_files import PARQUET
from features.sources.parts import open_table, walk_parts
from features.sources.pieces import FileFormat, OpenSource, TableFile, UnreadableTableError
from features.tables.near_names import as_candidates
from features.tables.schema import REQUIRED
from features.tables.table_reader import INTERACTIONS, RawTables, report_missing_table

# Formats of files; another one is a name here and a module of its own.
FORMATS: Final[tuple[FileFormat, ...]] = (PARQUET, CSV, JSON_LINES)
# Kinds of files that are not read, by suffix.
_OTHERS: Final[Mapping[str, str]] = {
    **dict.fromkeys((".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"), "a workbook"),
    **dict.fromkeys((".tsv", ".tab", ".txt"), "a text under a suffix"),
    **dict.fromkeys((".json", ".xml", ".html"), "a document"),
    **dict.fromkeys((".zip", ".7z", ".csv.bz2", ".csv.xz", ".csv.zst", ".parquet.gz"), "a packed file"),
    **dict.fromkeys((".feather", ".arrow", ".orc", ".avro"), "a table of a format"),
}
# Beginnings of names that jobs, editors and Excel give to files beside the tables.
_HIDDEN: Final = (".", "_", "~")


def open_folder(folder: Path, findings: Findings, settings: HistorySettings | None) -> OpenSource:
    """Reads all tables except `interactions`, which is left as pieces; reports missing and broken tables.

    Args:
        folder: holds `leads`, `interactions` and optionally `outcomes`, `attribute_changes` and
            `lead_aliases`, each as one `.parquet`, `.csv`, `.csv.gz`, `.jsonl` or `.jsonl.gz`: a file, or a
            folder of parts.
        findings: collects what is wrong.
        settings: of the model that reads; None: those of `history.toml`.

    Raises:
        HistorySettingsError: `history.toml` cannot be used.
    """
    own = read_settings(folder)
    settings = own if settings is None else own.for_model(settings)
    rule = settings.text_rule
    paths = find_tables(folder, findings)
    tables: dict[str, pa.Table] = {}
    names: dict[str, tuple[str, ...]] = {}
    interactions = None
    for table, (path, format_) in paths.items():
        try:
            opened = open_table(TableFile(path, table, rule, folder), format_)
            if table == INTERACTIONS:
                interactions = opened
            else:
                tables[table] = opened.read(rule)
            names[table] = opened.names
            findings.absorb(opened.found)
        except UnreadableTableError as error:
            findings.append(error.finding, table=table)
    leads = paths["leads"][1] if "leads" in paths else None
    raw = RawTables(
        tables,
        is_typed=leads is None or leads.is_typed,
        types_are_of_cells=leads is not None and leads.types_are_of_cells,
        names=names,
        settings=settings,
    )
    return OpenSource(raw, interactions)


def find_tables(folder: Path, findings: Findings) -> dict[str, tuple[Path, FileFormat]]:
    """Finds the file, or the folder of parts, of each table; capitals in names do not count.

    Reports tables that are missing, there more than once or in a format that is not read, and files that
    belong to no table.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if not path.name.startswith(_HIDDEN))
    except OSError as error:
        findings.add("D001", place=f"The folder {folder}", fault=f"cannot be opened: {error.strerror}")
        return {}
    left = {path.name: path for path in paths if _suffix_of(path) or path.name.lower() in REQUIRED}
    found: dict[str, tuple[Path, FileFormat]] = {}
    for table in REQUIRED:
        suffixes = {path: suffix for path in paths if (suffix := _suffix_as(table, path))}
        own = [left.pop(path.name) for path in suffixes]
        readable = [
            (path, format_) for format_ in FORMATS for path in own if suffixes[path] in format_.suffixes
        ]
        if len(readable) > 1:
            files = " and ".join(path.name for path, _ in readable)
            findings.add("D003", table=table, count=len(readable), files=files)
        elif readable:
            found[table] = readable[0]
        elif own:
            kind = _OTHERS[suffixes[own[0]]]
            findings.add("D015", table=table, file=own[0].name, kind=kind)
        else:
            report_missing_table(findings, table, _stems(left))
    if left and not findings.stop():
        near = as_candidates([*REQUIRED], _stems(left))
        findings.add("D029", count=len(left), files=", ".join(left), near=near)
    return found


def _suffix_as(table: str, path: Path) -> str:
    """Gives the suffix of a file or folder of parts of a table; of a folder without one, its files'."""
    if path.name.lower() == table and path.is_dir():
        try:
            return next((suffix for part in walk_parts(path) if (suffix := _suffix_of(part))), "")
        except OSError:
            # It is reported where the table is opened.
            return PARQUET.suffixes[0]
    suffix = _suffix_of(path)
    return suffix if path.name.lower() == f"{table}{suffix}" else ""


def _suffix_of(path: Path) -> str:
    """Gives the suffix of a file that may hold a table, in small letters; else nothing."""
    known = (*(suffix for format_ in FORMATS for suffix in format_.suffixes), *_OTHERS)
    return max((suffix for suffix in known if path.name.lower().endswith(suffix)), key=len, default="")


def _stems(paths: Mapping[str, Path]) -> dict[str, str]:
    """Gives the names of files by their names without suffix."""
    return {name[: len(name) - len(_suffix_of(path))]: name for name, path in paths.items()}
