"""Says which lines of a CSV file are wrong, and guesses how they came about; no cell is shown."""

from __future__ import annotations

import csv
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from features.sources.csv_dialect import SEPARATORS, CsvDialect
from features.sources.text_files import open_lines

_LINES_SHOWN: Final = 3


def find_uneven_rows(path: Path, dialect: CsvDialect) -> str | None:
    """Says which rows have too many or too few cells; None where none has."""
    found = _Uneven()
    with open_lines(path, dialect.encoding) as lines, _cells_of_any_length():
        for _ in range(dialect.lines_before):
            next(lines)
        rows = dialect.rows(lines)
        start = dialect.lines_before + 1
        for row in rows:
            if row:
                found.look_at(row, start, expected=len(dialect.header))
            start = dialect.lines_before + rows.line_num + 1
    return found.told(dialect) if found.count else None


def find_swallowed_rows(path: Path, dialect: CsvDialect) -> str | None:
    """Says which line opens a quote that takes in the rows after it; None where none does.

    Only records of several lines are looked at: the end of such a cell has to be that of its quote, and no
    line within it may have the cells of a row.
    """
    if not dialect.has_quotes:
        return None
    number = 0
    with open_lines(path, dialect.encoding) as lines, _cells_of_any_length():
        for line in lines:
            number += 1
            if number <= dialect.lines_before or line.count('"') % 2 == 0:
                continue
            own = _Kept(itertools.chain([line], lines))
            strict = csv.reader(own, delimiter=dialect.separator, strict=True)
            try:
                next(strict)
                is_whole = True
            except csv.Error:
                is_whole = False
            inner = own.kept[1:-1]
            is_like_rows = any(_is_row(part, dialect) for part in inner)
            if len(own.kept) > 1 and (not is_whole or (is_like_rows and len(dialect.header) > 2)):
                return f"line {number} opens a quote that takes in the lines after it"
            number += len(own.kept) - 1
    return None


class _Kept(Iterator[str]):
    """Lines that are kept as they are read."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.kept: list[str] = []

    def __next__(self) -> str:
        line = next(self._lines)
        self.kept.append(line)
        return line


@dataclass(slots=True)
class _Uneven:
    """Rows that have not the cells of the header."""

    count: int = 0
    shown: list[tuple[int, list[str]]] = field(default_factory=list)
    last_even: int = 0
    last: int = 0

    def look_at(self, row: list[str], line: int, *, expected: int) -> None:
        """Counts a row."""
        self.last = line
        if len(row) == expected:
            self.last_even = line
            return
        self.count += 1
        if len(self.shown) < _LINES_SHOWN:
            self.shown.append((line, row))

    def told(self, dialect: CsvDialect) -> str:
        """Writes the count, and the first rows."""
        expected = len(dialect.header)
        rows = []
        for line, row in self.shown:
            guess = _guess(row, dialect) or self._guess_of_end(row, line, expected)
            told = f"line {line:,} has {_cells(len(row))} instead of {expected}"
            rows.append(f"{told} ({guess})" if guess else told)
        more = " and so on" if self.count > len(rows) else ""
        has = "has" if self.count == 1 else "have"
        return f"{self.count:,} of its rows {has} too many or too few cells: {', '.join(rows)}{more}"

    def _guess_of_end(self, row: list[str], line: int, expected: int) -> str | None:
        """Guesses why a row at the end of the file has too few cells."""
        if not 0 < self.last_even < line or len(row) > expected:
            return None
        if sum(bool(cell.strip()) for cell in row) < 2:
            return "it looks like the footer of a report"
        return "the file may be cut short" if line == self.last else None


def _cells(count: int) -> str:
    return f"{count} cell{'' if count == 1 else 's'}"


def _guess(row: Sequence[str], dialect: CsvDialect) -> str | None:
    """Guesses why a row has not the cells of the header."""
    expected, own = len(dialect.header), SEPARATORS.get(dialect.separator, "separator")
    if len(row) == 1 and _count(row[0], dialect.separator) == expected:
        return "the whole line stands in quotes"
    if len(row) > expected:
        return f"a cell with a {own} in it needs quotes"
    others = (name for other, name in SEPARATORS.items() if _count(row[0], other) == expected > 1)
    name = next(others, None) if len(row) == 1 else None
    return f"its cells are separated by {name}s, those of the header by {own}s" if name else None


def _is_row(line: str, dialect: CsvDialect) -> bool:
    """Tells whether a line is a row; between two cells of several lines it has quotes within its cells."""
    if line.count(dialect.separator) < len(dialect.header) - 1:
        return False
    cells = next(csv.reader([line], delimiter=dialect.separator), [])
    return len(cells) == len(dialect.header) and not any('"' in cell for cell in cells)


def _count(line: str, separator: str) -> int:
    """Counts the cells of a line."""
    return len(next(csv.reader([line], delimiter=separator), []))


@contextmanager
def _cells_of_any_length() -> Iterator[None]:
    """Lets Python's reader take cells of any length, as the reader of the rows does."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)
