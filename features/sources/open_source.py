"""Opens the source of a history: a folder, a database, or tables in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from features.findings.problems import Findings, HistoryError
from features.history.settings import HistorySettings
from features.sources.folders import open_folder
from features.sources.memory_tables import MemoryTables, open_memory
from features.sources.pieces import OpenSource
from features.tables.table_reader import RawTables

# A folder of Parquet or CSV tables, a database URL, or tables in memory.
Source = str | Path | MemoryTables

# The first bytes of an SQLite database.
_SQLITE: Final = b"SQLite format 3\0"


@contextmanager
def open_source(
    source: Source, findings: Findings, *, settings: HistorySettings | None = None
) -> Iterator[OpenSource]:
    """Reads all tables of a history except `interactions`, whose pieces can be read until the context ends.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        findings: collects what is wrong; a source that does not exist gives no tables.
        settings: of the model that reads; None: those of the history.
    """
    if isinstance(source, MemoryTables):
        yield open_memory(source, findings, settings)
        return
    if isinstance(source, str) and "://" in source:
        from features.sources.databases import open_database

        with open_database(source, findings, settings) as opened:
            yield opened
        return
    yield (
        open_folder(Path(source), findings, settings)
        if _is_folder(source, findings)
        else OpenSource(RawTables({}), None)
    )


def places_of(source: Source) -> list[Path]:
    """Finds the folder or the database file that a history lies in; none for tables in memory or a server."""
    if isinstance(source, MemoryTables):
        return []
    if isinstance(source, Path) or "://" not in source:
        return [Path(source)]
    if source.startswith("file://"):
        return [Path(unquote(urlsplit(source).path))]
    from features.sources.connections import sqlite_file

    file = sqlite_file(source)
    return [] if file is None else [file]


def _is_folder(source: str | Path, findings: Findings) -> bool:
    folder = Path(source)
    if folder.is_file():
        findings.add("D001", place=str(folder), fault=_fault_of_file(folder))
    elif not folder.is_dir():
        findings.add("D001", place=f"The folder {folder}", fault="is not there")
    return folder.is_dir()


def _fault_of_file(path: Path) -> str:
    try:
        with path.open("rb") as content:
            is_sqlite = content.read(len(_SQLITE)) == _SQLITE
    except OSError:
        is_sqlite = False
    if is_sqlite:
        from features.sources.connections import sqlite_url

        return f"is one file, an SQLite database; its URL is {sqlite_url(path.absolute())}"
    return "is one file; a history is a folder with a file for each table"


def check_is_there(source: Source) -> None:
    """Refuses a folder or a file that is not there, before anything is made for what is in it.

    Raises:
        HistoryError: with the finding.
    """
    findings = Findings()
    if isinstance(source, Path) or (isinstance(source, str) and "://" not in source):
        _is_folder(source, findings)
    else:
        for place in places_of(source):
            if not place.exists():
                findings.add("D001", place=f"The file {place}", fault="is not there")
    raise_if_stopped(source, findings)


def raise_if_stopped(source: Source, findings: Findings) -> None:
    """Raises the findings that stop everything, if there are any.

    Raises:
        HistoryError: with all of them.
    """
    if stopping := findings.stopping():
        raise HistoryError(display_name(source), stopping)


def lasting_name(source: Source) -> str | None:
    """Gives the name by which a source is opened again from any folder, without a password.

    The driver of a database finds the password where it looks without one: for PostgreSQL, `PGPASSWORD` or
    its password file.

    Returns:
        An absolute path or a URL; None for tables in memory.
    """
    if isinstance(source, MemoryTables):
        return None
    if isinstance(source, Path) or "://" not in source:
        return str(Path(source).absolute())
    if source.startswith("file:"):
        return source
    from features.sources.connections import lasting_url

    return lasting_url(source)


def display_name(source: Source) -> str:
    """Gives the name of a source for people, without a password."""
    if isinstance(source, Path | MemoryTables) or "://" not in source:
        return str(source)
    from features.sources.connections import redacted_url

    return redacted_url(source)
