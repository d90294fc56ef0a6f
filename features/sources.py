"""Opens the source of a history: a folder or a database."""

from __future__ import annotations

from pathlib import Path

from features.folders import read_folder
from features.problems import Findings
from features.tables import RawTables


def read_tables(source: str | Path, findings: Findings) -> RawTables:
    """Reads the tables of a history as they are.

    Args:
        source: a folder of Parquet or CSV tables, or a database URL.
        findings: takes what is wrong; a source that is not there gives no tables.
    """
    if isinstance(source, str) and "://" in source:
        # Imported where it is needed: a server that answers requests reads no database.
        from features.databases import read_database

        return read_database(source, findings)
    folder = Path(source)
    if folder.is_dir():
        return read_folder(folder, findings)
    fault = "is a file, not a folder" if folder.exists() else "is not there"
    findings.add("D001", place=f"The folder {folder}", fault=fault)
    return RawTables({})


def shown(source: str | Path) -> str:
    """Writes a source for people, without a password."""
    if isinstance(source, Path) or "://" not in source:
        return str(source)
    from features.databases import shown_url

    return shown_url(source)
