"""Where the tables of files are: those that are several files, not in Unicode, or begin with a title."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from features.history.text_rule import TextRule
from features.imports.format.map_format import TableFile as Place
from features.imports.guessing.file_encodings import found_encoding
from features.imports.guessing.shipped import shipped_columns
from features.imports.guessing.toml_lines import key_text, text_value
from features.imports.reading.source_files import every_file, find_files, is_csv, stem
from features.imports.reading.source_table import SourceTable
from features.sources.csv_dialect import SEPARATORS, filled_count, header_place, numbered_rows
from features.sources.parts import walk_parts
from features.sources.pieces import UnreadableTableError
from features.sources.text_files import encoding_of, open_bytes

_DIGITS: Final = re.compile(r"[0-9]+")
_ENDS: Final = " -_.([{"
# What is looked at of a file: its encoding is told by more of it than its header.
_LOOKED_AT_BYTES: Final = 1 << 22
_TAIL_BYTES: Final = 1 << 14
# A footer is no longer, and its lines have fewer cells.
_MOST_FOOTER_LINES: Final = 20
_FEWEST_CELLS: Final = 3
# A cell that is no name of a column: an address, a UUID, a day with a time of day.
_NO_NAME: Final = re.compile(
    r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|"
    r"[0-9]{1,4}[-./][0-9]{1,2}[-./][0-9]{1,4}[ T,]+[0-9]{1,2}:[0-9]{2}.*"
)


def place_lines(places: Mapping[str, Place]) -> Iterator[str]:
    """Writes where tables are, by name, as TOML."""
    for name, place in places.items():
        yield f"[tables.{key_text(name)}]"
        if place.file is not None:
            yield f"file = {text_value(place.file)}  # sure: these files have the same columns"
        if place.encoding is not None:
            told = "NOT SURE: it is not in Unicode; look at its letters with accents"
            yield f"encoding = {text_value(place.encoding)}  # {told}"
        if place.columns:
            names = ", ".join(map(text_value, place.columns))
            yield f"columns = [{names}]  # NOT SURE: the first line is a row, and these are the columns"
        if place.header_line > 1:
            yield f"header_line = {place.header_line}  # NOT SURE: the lines before it are no rows"
        if place.footer_lines:
            yield f"footer_lines = {place.footer_lines}  # NOT SURE: so many lines at the end are no rows"
        yield ""


def find_places(
    source: Path, rule: TextRule, *, spill: Path
) -> tuple[dict[str, SourceTable], dict[str, Place]]:
    """Finds every table of a folder or file, where files that differ by numbers in their names are one.

    Returns:
        The tables, and what a map has to say of where they are, by name.

    Raises:
        ImportSourceError: there is none.
    """
    tables = every_file(source, rule, spill=spill)
    places = {name: place for name, table in tables.items() if (place := _written(source, table)) is not None}
    tables |= find_files(source, list(places), places, rule, spill=spill)
    for names in _alike(tables):
        written = {_without_file(places.get(name, Place())) for name in names}
        if len(written) > 1 or not _have_the_same_columns([tables[name] for name in names]):
            continue
        pattern = _pattern([tables[name].place for name in names])
        before, _, after = pattern.partition("*")
        name = before.rstrip(_ENDS) or stem(Path(after)).strip(_ENDS)
        others = [each.place for each in tables.values() if Path(each.place).match(pattern)]
        if name and name not in tables and len(others) == len(names):
            place = written.pop().model_copy(update={"file": pattern})
            found = find_files(source, [name], {name: place}, rule, spill=spill)
            tables = {each: table for each, table in tables.items() if each not in names} | found
            places = {each: own for each, own in places.items() if each not in names} | {name: place}
    return tables, places


def _have_the_same_columns(tables: Sequence[SourceTable]) -> bool:
    try:
        return len({tuple(sorted(each.open().names)) for each in tables}) == 1
    except UnreadableTableError:
        return False


def _without_file(place: Place) -> Place:
    return place.model_copy(update={"file": None})


def _written(source: Path, table: SourceTable) -> Place | None:
    """Finds what has to be said of how a CSV file is written; None where it tells itself."""
    path = source if source.is_file() else source / table.place
    if path.is_dir():
        # A table in parts, which are all written alike.
        path = next(walk_parts(path), path)
    if not path.is_file() or not is_csv(path):
        return None
    with open_bytes(path) as content:
        head = content.read(_LOOKED_AT_BYTES)
        tail = content.read()[-_TAIL_BYTES:]
    encoding = found_encoding(head, is_whole=len(head) < _LOOKED_AT_BYTES)
    own = encoding or encoding_of(head)
    header, separator, most, names = _header(head.decode(own, errors="replace"))
    columns = _columns(names)
    footer = _footer_lines((tail or head[-_TAIL_BYTES:]).decode(own, errors="replace"), separator, most)
    if encoding is None and header == 1 and not footer and not columns:
        return None
    return Place(encoding=encoding, header_line=header, footer_lines=footer, columns=columns)


def _columns(names: Sequence[str]) -> tuple[str, ...]:
    """Names the columns of a file without a header: as a shipped map with so many, or by their places."""
    if not any(_NO_NAME.fullmatch(name.strip()) for name in names):
        return ()
    return shipped_columns(len(names)) or tuple(f"column {place}" for place in range(1, len(names) + 1))


def _header(text: str) -> tuple[int, str, int, list[str]]:
    """Finds the header: the first line with about as many cells as the rows that follow have.

    Returns:
        Its number, what separates cells, the largest number of filled cells, and its cells.
    """
    best: tuple[int, str, int, list[str]] = (1, ",", 1, [])
    for separator in SEPARATORS:
        rows = numbered_rows(io.StringIO(text, newline=""), separator)
        most = max((filled_count(row) for _, row in rows), default=0)
        if most > best[2]:
            before, names = rows[header_place([row for _, row in rows])]
            best = (before + 1, separator, most, names)
    return best


def _footer_lines(text: str, separator: str, most: int) -> int:
    """Counts the lines at the end that have few cells, which a table of several columns has not."""
    lines = text.rstrip().split("\n")[-_MOST_FOOTER_LINES:]
    if any(line.count('"') % 2 for line in lines):
        # Cells have several lines.
        return 0
    few = [
        len(row) < _FEWEST_CELLS or filled_count(row) == 0
        for row in (next(csv.reader([line], delimiter=separator), []) for line in lines)
    ]
    last = next((place for place, is_few in enumerate(reversed(few)) if not is_few), 0)
    return last if most >= _FEWEST_CELLS else 0


def _alike(tables: Mapping[str, SourceTable]) -> list[list[str]]:
    """Groups tables whose files differ by numbers only; sheets of a workbook are tables of their own."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, table in tables.items():
        if _DIGITS.search(name) and ", sheet " not in table.place:
            groups[_DIGITS.sub("#", table.place)].append(name)
    return [names for names in groups.values() if len(names) > 1]


def _pattern(files: list[str]) -> str:
    """Writes the pattern of files: what all begin and end with.

    >>> _pattern(["leads-2026-01.csv", "leads-2026-02.csv"]), _pattern(["7_01.json", "7_02.json"])
    ('leads-*.csv', '7_*.json')
    """
    # They differ by their digits only, and a year that all have in common counts them, too.
    texts, numbers = _DIGITS.split(files[0]), {_DIGITS.findall(each)[0] for each in files}
    first = texts[0] if texts[0] or len(numbers) > 1 else numbers.pop() + texts[1]
    return f"{first}*{texts[-1]}"
