"""How a CSV file is written: its encoding, the lines before its header, and what separates its cells."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from features.findings.problems import Finding
from features.sources.csv_quotes import has_bare_quotes
from features.sources.pieces import TableFile, UnreadableTableError
from features.sources.text_files import encoding_of, open_lines, read_head, undecodable
from features.tables.near_names import nearest_names
from features.tables.schema import OPTIONAL, REQUIRED

if TYPE_CHECKING:
    from _csv import Reader as Rows

# What may separate cells, the usual one first; and its name.
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
# By these the way of writing is told.
_HEAD_BYTES: Final = 1 << 18
_ROWS_LOOKED_AT: Final = 100
# Of characters: a text of UTF-16 has far more, one with a broken cell has fewer.
_ZEROS_SHARE: Final = 0.05
# A title is not longer.
_ROWS_OF_TITLE: Final = 50
# A name of a column that is longer is none: a quote was not closed.
_LONGEST_NAME: Final = 1_000
_BLANK: Final = " \r\n\ufeff\"'" + "".join(SEPARATORS)
# The line by which Excel is told the separator.
_EXCEL: Final = "sep="


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a CSV file is written.

    Attributes:
        encoding: encoding of its text.
        separator: character between cells.
        lines_before: number of lines before the header: blank ones, the one that tells Excel of the
            separator, and those of a title.
        header: names of the columns, in their order.
        has_rows: whether anything follows the header.
        has_header: whether the names stand in the file; otherwise its first line is a row.
        has_quotes: whether cells may stand in quotes; otherwise a quote is a sign of the text.
    """

    encoding: str
    separator: str
    lines_before: int
    header: tuple[str, ...]
    has_rows: bool
    has_header: bool = True
    has_quotes: bool = True

    def rows(self, lines: Iterable[str]) -> Rows:
        """Divides lines into the cells of rows."""
        return _rows(lines, self.separator, has_quotes=self.has_quotes)


def read_dialect(file: TableFile) -> CsvDialect:
    """Tells how a file is written.

    The separator is the one by which the header holds most names of the table, then the one by which the rows
    after it have as many cells as the header; a comma where none does better.

    Raises:
        UnreadableTableError: the file is empty, no text, or its header has no end.
    """
    head, is_whole = read_head(file, _HEAD_BYTES)
    encoding = file.encoding or encoding_of(head)
    text = _decoded(file, head, encoding, is_whole=is_whole)
    lines = list(io.StringIO(text, newline=""))
    rest = enumerate(lines[file.lines_before :], file.lines_before)
    before = next((place for place, line in rest if line.strip(_BLANK)), None)
    if before is None:
        raise _fault(file, "the file is empty" if is_whole else "it begins with blank lines only")
    separators = [*SEPARATORS]
    if lines[before].lower().startswith(_EXCEL):
        separators = [lines[before][len(_EXCEL)]]
        before += 1
    if not lines[before:]:
        raise _fault(file, "the file is empty")
    if not is_whole and len(lines) == before + 1:
        raise _fault(file, f"line {before + 1} is longer than {_HEAD_BYTES:,} bytes")
    before += _title_lines(lines[before:], separators, REQUIRED[file.table])
    known = {*REQUIRED[file.table], *OPTIONAL[file.table]}
    tried = [_Try(lines[before:], separator, file.names, is_whole=is_whole) for separator in separators]
    best = max(tried, key=lambda one: one.merits(known))
    if best.has_open_quote:
        raise _fault(file, f"line {before + 1} opens a quote that is not closed")
    return CsvDialect(
        encoding,
        best.separator,
        before,
        best.header,
        has_rows=best.has_rows or not is_whole,
        has_header=best.has_header,
        has_quotes=best.has_quotes and not _has_bare_quotes(file.path, encoding, best.separator),
    )


def header_place(rows: Sequence[Sequence[object]]) -> int:
    """Finds the header among rows: the first with at least half as many cells as any has; a title has fewer.

    >>> header_place([["Report: Leads", "", ""], ["id", "size", "city"], ["1", "20", "Ulm"]])
    1
    """
    counts = [*map(filled_count, rows)]
    most = max(counts, default=0)
    return next((place for place, count in enumerate(counts) if 2 * count >= most), 0)


def filled_count(row: Sequence[object]) -> int:
    """Counts the cells of a row that hold more than spaces."""
    return sum(1 for cell in row if cell is not None and str(cell).strip())


def numbered_rows(lines: Iterable[str], separator: str) -> list[tuple[int, list[str]]]:
    """Divides the first rows into cells; each with the number of lines before it."""
    rows, before = [], 0
    reader = csv.reader(lines, delimiter=separator)
    for row in itertools.islice(_until_fault(reader), _ROWS_OF_TITLE):
        rows.append((before, row))
        before = reader.line_num
    return rows


def _title_lines(lines: Sequence[str], separators: Sequence[str], required: Sequence[str]) -> int:
    """Counts the lines of a title; only where the names of all required columns stand below it."""
    for separator in separators:
        rows = numbered_rows(lines, separator)
        named = (
            place for place, (_, row) in enumerate(rows) if len(nearest_names(required, row)) == len(required)
        )
        place = next(named, 0)
        count = filled_count(rows[place][1]) if place else 0
        # A line that has one of the names is a header, or a part of one.
        titles = [row for _, row in rows[:place] if not {*required} & {*row}]
        if place and sum(filled_count(row) < max(2, count / 2) for row in titles) == place:
            return rows[place][0]
    return 0


def _decoded(file: TableFile, head: bytes, encoding: str, *, is_whole: bool) -> str:
    """Decodes the first bytes; many zeros among them are those of UTF-16 without its mark."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=is_whole)
    except UnicodeDecodeError:
        raise UnreadableTableError(undecodable(file, encoding) or _not_text(file)) from None
    if text.count("\0") > _ZEROS_SHARE * len(text):
        raise UnreadableTableError(_not_text(file))
    return text


def _not_text(file: TableFile) -> Finding:
    return Finding.of("D005", file=file.name, line="1")


def _fault(file: TableFile, fault: str) -> UnreadableTableError:
    return UnreadableTableError(Finding.of("D004", file=file.name, fault=fault))


class _Try:
    """The first rows as one separator divides them."""

    def __init__(
        self, lines: Sequence[str], separator: str, names: tuple[str, ...], *, is_whole: bool
    ) -> None:
        self.separator = separator
        self.has_quotes = not has_bare_quotes(lines if is_whole else lines[:-1], separator)
        rows = _rows(lines, separator, has_quotes=self.has_quotes)
        first = tuple(_first(rows))
        self.has_header = not names or _are_names(first, names)
        self.header = first if self.has_header else names
        header_lines = rows.line_num
        self.has_rows = len(lines) > header_lines or not self.has_header
        counts = [len(row) for row in itertools.islice(_until_fault(rows), _ROWS_LOOKED_AT) if row]
        if not self.has_header:
            counts.insert(0, len(first))
        if not is_whole and rows.line_num >= len(lines):
            # The last one may be cut.
            counts = counts[:-1]
        alike = sum(count == len(self.header) for count in counts)
        self._share = alike / len(counts) if counts else 1.0
        is_open = sum(line.count('"') for line in lines[:header_lines]) % 2 == 1
        is_long = any(len(name) > _LONGEST_NAME for name in self.header)
        # A name may hold a line break, but then rows follow that have as many cells.
        is_unlike = header_lines > 1 and self._share < 1 / 2
        self.has_open_quote = not self.header or (header_lines > 1 and is_open) or is_long or is_unlike

    def merits(self, known: Iterable[str]) -> tuple[int, bool, float, int]:
        """What speaks for the separator, the weightiest first."""
        count = len(self.header)
        return len({*known} & {*self.header}), count > 1, self._share, count


def _rows(lines: Iterable[str], separator: str, *, has_quotes: bool) -> Rows:
    if has_quotes:
        return csv.reader(lines, delimiter=separator)
    return csv.reader(lines, delimiter=separator, quoting=csv.QUOTE_NONE)


def _has_bare_quotes(path: Path, encoding: str, separator: str) -> bool:
    """Looks for such quotes in a whole file: one beyond its first lines would take in rows."""
    if separator != "\t":
        return False
    with open_lines(path, encoding) as lines:
        return has_bare_quotes(lines, separator)


def _are_names(row: Sequence[str], names: Sequence[str]) -> bool:
    """Tells whether most cells of a row are names of columns."""
    filled = [cell.strip().lower() for cell in row if cell.strip()]
    known = {name.strip().lower() for name in names}
    return 2 * sum(cell in known for cell in filled) > len(filled)


def _first(rows: Iterable[list[str]]) -> list[str]:
    return next(iter(_until_fault(rows)), [])


def _until_fault(rows: Iterable[list[str]]) -> Iterable[list[str]]:
    """Reads rows up to one that has no end."""
    try:
        yield from rows
    except csv.Error:
        return
