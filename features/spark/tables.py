"""Reads the tables of a history as Spark frames: the rows and types that one machine reads.

Spark itself takes the columns of a folder of files from one of them, and numbers for ids in their paths. So
which files there are, and which columns and types the table has, is found by the reader of one machine.
Where all files are alike, Spark reads them; else its workers read them as one machine does, or, at a URI,
convert what Spark reads of each as one machine does.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from features.errors import LeadOddsError
from features.findings.problems import Findings
from features.history.text_rule import TextRule
from features.sources.folders import find_tables
from features.sources.parquet_files import PARQUET
from features.sources.parts import open_table
from features.sources.pieces import OpenTable, TableFile, UnreadableTableError
from features.spark.file_frames import (
    Frame,
    Session,
    files_of,
    frame_of_pieces,
    is_of_one_schema,
    quoted,
    read_files,
)
from features.spark.remote_tables import read_remote


class NotForSparkError(LeadOddsError):
    """A history that Spark cannot read."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"Spark reads histories of Parquet tables, and {source} is not one. "
            "Write its tables as leads.parquet, interactions.parquet and so on, or leave out --engine spark."
        )


def local_folder(source: str) -> Path | None:
    """Gives the folder of a source on this machine; None for a URI of another place."""
    if source.startswith("file:"):
        return Path(unquote(urlsplit(source).path))
    return None if "://" in source else Path(source)


def read_frames(
    session: Session, source: str, folder: Path, rule: TextRule, findings: Findings
) -> dict[str, Frame]:
    """Opens the columns of each table that are used.

    Args:
        session: Spark session.
        source: a folder of Parquet tables, or its URI.
        folder: the folder; of a URI its mirror on this machine, see `features.spark.remote_files`.
        rule: rule by which cells become texts.
        findings: collects what is wrong with files.

    Raises:
        NotForSparkError: a table is not Parquet.
    """
    paths = find_tables(folder, findings)
    if any(format_ is not PARQUET for _, format_ in paths.values()):
        raise NotForSparkError(source)
    is_local = local_folder(source) is not None
    frames: dict[str, Frame] = {}
    for table, (path, _) in paths.items():
        file = TableFile(path.absolute(), table, rule, folder.absolute())
        try:
            opened = open_table(file, PARQUET)
            findings.absorb(opened.found)
            if opened.has_duplicates:
                # Reported as on one machine; nothing of it is read.
                frames[table] = frame_of_pieces(session, (), opened.schema, rule)
            elif is_local:
                frames[table] = _read_local(session, file, opened)
            else:
                frames[table] = read_remote(session, source, file, opened)
        except UnreadableTableError as error:
            findings.append(error.finding, table=table)
    return frames


def _read_local(session: Session, file: TableFile, opened: OpenTable) -> Frame:
    if not is_of_one_schema(opened):
        return frame_of_pieces(session, opened.pieces, opened.schema, file.rule)
    return read_files(session, [str(path) for path in files_of(file)]).select(
        *map(quoted, opened.schema.names)
    )
