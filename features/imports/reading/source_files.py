"""Finds the tables that a map uses in a folder, or in one file."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.imports.errors import ImportSourceError
from features.imports.format.map_format import TableFile as Place
from features.imports.reading.joined_columns import as_joined, joined_type
from features.imports.reading.json_documents import open_document
from features.imports.reading.source_table import SourceTable
from features.imports.reading.workbooks import find_sheet, sheet_names
from features.sources.csv_files import CSV
from features.sources.json_files import JSON_LINES
from features.sources.parquet_files import PARQUET
from features.sources.parts import open_table
from features.sources.pieces import FileFormat, OpenTable, Piece, TableFile, repeated_names
from features.sources.text_files import open_bytes

# Every column of it is used, as of a table of a source.
_EVERY_COLUMN: Final = "leads"
JSON: Final = replace(JSON_LINES, suffixes=(*JSON_LINES.suffixes, ".ndjson", ".json", ".json.gz"))
_CSV: Final = replace(CSV, suffixes=(*CSV.suffixes, ".tsv", ".txt"))
_NAMED: Final = (PARQUET, _CSV, JSON)
WORKBOOKS: Final = (".xlsx", ".xlsm")
_HIDDEN: Final = (".", "~")
# Folders that jobs leave beside the tables; a file such as `_airbyte_raw_leads.csv` is a table.
_OF_JOBS: Final = "_"


def find_files(
    source: Path, wanted: Sequence[str], places: Mapping[str, Place], rule: TextRule, *, spill: Path
) -> dict[str, SourceTable]:
    """Finds the tables that a map uses in a folder, or in one file.

    A table is the file or folder with its name, whatever the capitals; one file is the only table of a map,
    whatever its name; each sheet of a workbook is a table.

    Args:
        source: folder or file.
        wanted: names of tables.
        places: where tables are that do not have their name.
        rule: how cells are read.
        spill: folder for rows on their way.

    Raises:
        ImportSourceError: the source is not there, or two files have the name of one table.
    """
    entries = _entries(source)
    found: dict[str, SourceTable] = {}
    for name in wanted:
        place = places.get(name, Place())
        is_only = source.is_file() and len(wanted) == 1
        table = _table_of(name, place, entries, rule, is_only=is_only, spill=spill)
        if table is not None:
            found[name] = table
    return found


def every_file(source: Path, rule: TextRule, *, spill: Path) -> dict[str, SourceTable]:
    """Finds every table of a folder or file; of several files with one name the first.

    Raises:
        ImportSourceError: there is none.
    """
    names: dict[str, None] = {}
    for path in _entries(source):
        names.update(dict.fromkeys(sheet_names(path) if _is_workbook(path) else [stem(path)]))
    found = find_files(source, list(names), {}, rule, spill=spill)
    if not found:
        raise ImportSourceError(f"{source} has no file of a format that is read", "Name a folder of tables.")
    return found


def present_names(source: Path) -> list[str]:
    """Lists the tables of a folder or file, for messages."""
    return [stem(path) for path in _entries(source)]


def _entries(source: Path) -> list[Path]:
    """Lists the files and folders that may be tables.

    Raises:
        ImportSourceError: there is nothing.
    """
    if source.is_file():
        return [source]
    try:
        entries = sorted(path for path in source.iterdir() if not _is_hidden(path))
    except OSError as error:
        raise ImportSourceError(
            f"{source} cannot be opened: {error.strerror}", "Name a folder, a file, or a database URL."
        ) from None
    return [path for path in entries if format_of(path) is not None or path.suffix.lower() in WORKBOOKS]


def _is_hidden(path: Path) -> bool:
    is_of_job = path.name.startswith(_OF_JOBS) and not path.is_file()
    return path.name.startswith(_HIDDEN) or is_of_job


def _table_of(
    name: str, place: Place, entries: Sequence[Path], rule: TextRule, *, is_only: bool, spill: Path
) -> SourceTable | None:
    if is_only and place.file is None and place.sheet is None and not _is_workbook(entries[0]):
        own = list(entries)
    elif place.file is not None:
        own = [path for path in entries if path.match(place.file) or stem(path) == place.file]
    else:
        own = [path for path in entries if stem(path).lower() == name.lower()]
    books = [path for path in (own if place.file else entries) if _is_workbook(path)]
    if books and (place.sheet or not own or all(map(_is_workbook, own))):
        is_only = is_only and place.sheet is None
        return find_sheet(name, place.sheet or name, books, rule, is_only=is_only, spill=spill)
    if not own:
        return None
    if len(own) > 1 and place.file is None:
        files = " and ".join(path.name for path in own)
        raise ImportSourceError(f"The table {name} is there more than once: {files}", "Keep one of them.")
    return SourceTable(name, own[0].name, lambda: _open(own, place, rule, spill))


def _open(paths: Sequence[Path], place: Place, rule: TextRule, spill: Path) -> OpenTable:
    opened = [_open_file(path, place, rule, spill) for path in paths]
    if len(opened) == 1:
        return opened[0]
    # What is repeated in one file is so in the table.
    repeated = [name for each in opened for name in repeated_names(each.names)]
    names = (*dict.fromkeys(name for each in opened for name in each.names), *dict.fromkeys(repeated))
    schema = pa.schema(
        [(name, joined_type(_types(name, opened))) for name in dict.fromkeys(names) if name not in repeated]
    )
    pieces = tuple(_Wide(piece, schema, rule) for each in opened for piece in each.pieces)
    return OpenTable(schema, names, pieces, sum(each.rows_count for each in opened))


def _open_file(path: Path, place: Place, rule: TextRule, spill: Path) -> OpenTable:
    if place.footer_lines:
        path = _without_footer(path, place.footer_lines, spill)
    file = TableFile(
        path,
        _EVERY_COLUMN,
        rule,
        path.parent,
        are_repeated_left=True,
        encoding=place.encoding,
        lines_before=place.header_line - 1,
        names=place.columns,
    )
    format_ = format_of(path)
    if format_ is None:
        raise ImportSourceError(f"{path.name} is of no format that is read", "Export CSV or JSON lines.")
    if format_ is JSON and path.is_file() and (document := open_document(file, spill)) is not None:
        return document
    return open_table(file, format_)


def _without_footer(path: Path, lines_count: int, spill: Path) -> Path:
    """Copies a file but for its last lines; blank ones at its end do not count."""
    with open_bytes(path) as content:
        lines = content.read().rstrip().split(b"\n")
    copy = Path(tempfile.mkdtemp(dir=spill)) / f"{stem(path)}.csv"
    copy.write_bytes(b"\n".join(lines[:-lines_count]) + b"\n")
    return copy


def _types(name: str, opened: Sequence[OpenTable]) -> Iterator[pa.DataType]:
    for each in opened:
        if name in each.schema.names:
            yield each.schema.field(name).type


@dataclass(frozen=True, slots=True)
class _Wide:
    """Some rows of one of several files, with the columns of all."""

    piece: Piece
    schema: pa.Schema
    rule: TextRule

    def read(self) -> Iterator[pa.Table]:
        """See `features.sources.pieces.Piece`."""
        for rows in self.piece.read():
            columns = [
                as_joined(rows[field.name], field.type, self.rule)
                if field.name in rows.column_names
                else pa.chunked_array([pa.nulls(len(rows), field.type)])
                for field in self.schema
            ]
            yield pa.table(columns, schema=self.schema)


def format_of(path: Path) -> FileFormat | None:
    """Finds the format of a file, or that of the files of a folder; None where it is none that is read."""
    if path.is_dir():
        inner = (format_of(each) for each in sorted(path.rglob("*")) if each.is_file())
        return next((format_ for format_ in inner if format_ is not None), None)
    name = path.name.lower()
    return next((format_ for format_ in _NAMED if name.endswith(format_.suffixes)), None)


def is_csv(path: Path) -> bool:
    """Tells whether a file is read as CSV."""
    return format_of(path) is _CSV


def stem(path: Path) -> str:
    """Gives the name of a file without its suffixes.

    >>> stem(Path("Leads.csv.gz"))
    'Leads'
    """
    format_ = None if path.is_dir() else format_of(path)
    suffixes = () if format_ is None else format_.suffixes
    own = max((each for each in suffixes if path.name.lower().endswith(each)), key=len, default="")
    return path.name.removesuffix(path.name[-len(own) :]) if own else path.stem


def _is_workbook(path: Path) -> bool:
    return path.suffix.lower() in WORKBOOKS
