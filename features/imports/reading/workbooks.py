"""Reads sheets of workbooks (`.xlsx`), which need the extra `excel`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.imports.errors import ImportSourceError
from features.imports.reading.source_table import SourceTable
from features.imports.reading.spooled_rows import spool_rows
from features.sources.csv_dialect import header_place
from features.sources.pieces import OpenTable, repeated_names

# Rows among which the header is looked for.
_ROWS_LOOKED_AT: Final = 50


def find_sheet(
    name: str, sheet: str, books: Sequence[Path], rule: TextRule, *, is_only: bool, spill: Path
) -> SourceTable | None:
    """Finds a table among the sheets of workbooks.

    Args:
        name: name of the table in the map.
        sheet: name of the sheet, whatever its capitals.
        books: the workbooks.
        rule: how cells of several types become texts.
        is_only: whether the only sheet of the only workbook is taken, whatever its name.
        spill: folder for rows on their way.

    Raises:
        ImportSourceError: a workbook cannot be read, or several have the sheet.
    """
    found = [(book, own) for book in books for own in sheet_names(book) if own.lower() == sheet.lower()]
    if not found and is_only and len(books) == 1 and len(names := sheet_names(books[0])) == 1:
        found = [(books[0], names[0])]
    if len(found) > 1:
        files = " and ".join(book.name for book, _ in found)
        raise ImportSourceError(f"The sheet {sheet} is in {files}", "Name the file of the table.")
    if not found:
        return None
    book, own = found[0]
    return SourceTable(name, f"{book.name}, sheet {own}", lambda: _open(book, own, rule, spill))


def sheet_names(book: Path) -> list[str]:
    """Lists the sheets of a workbook.

    Raises:
        ImportSourceError: it cannot be read.
    """
    workbook = _load(book)
    try:
        return list(workbook.sheetnames)
    finally:
        workbook.close()


def _open(book: Path, sheet: str, rule: TextRule, spill: Path) -> OpenTable:
    with _rows_of(book, sheet) as rows:
        first = list(itertools.islice(rows, _ROWS_LOOKED_AT))
        header = header_place(first)
        names = [str(cell).strip() for cell in _filled(first[header] if first else ())]
        repeated = repeated_names(names)
        kept = [place for place, name in enumerate(names) if name not in repeated]
        cells = (
            tuple(row[place] if place < len(row) else None for place in kept)
            for row in itertools.chain(first[header + 1 :], rows)
        )
        opened = spool_rows(cells, [names[place] for place in kept], rule, spill)
    _check_formulas(book, sheet, opened)
    return replace(opened, names=tuple(names))


@contextmanager
def _rows_of(book: Path, sheet: str, *, are_computed: bool = True) -> Iterator[Iterator[Sequence[Any]]]:
    """Opens the rows of a sheet that have any cell: the results of formulas, or else their texts."""
    workbook = _load(book, are_computed=are_computed)
    try:
        rows = workbook[sheet].iter_rows(values_only=True)
        yield (row for row in rows if _count(row))
    finally:
        workbook.close()


def _count(row: Sequence[Any]) -> int:
    return sum(cell is not None for cell in row)


def _filled(header: Sequence[Any]) -> Sequence[Any]:
    """Names what has no name, and leaves out what stands behind the last name."""
    last = max((i for i, cell in enumerate(header) if cell is not None), default=-1)
    return [f"column {i + 1}" if cell is None else cell for i, cell in enumerate(header[: last + 1])]


def _check_formulas(book: Path, sheet: str, opened: OpenTable) -> None:
    """Refuses columns of formulas whose results no program has written into the file: they look empty.

    Raises:
        ImportSourceError: there is one.
    """
    empty = {field.name for field in opened.schema if pa.types.is_null(field.type)}
    if not empty:
        return
    with _rows_of(book, sheet, are_computed=False) as rows:
        first = list(itertools.islice(rows, _ROWS_LOOKED_AT))
    names = _filled(first[header_place(first)] if first else ())
    for row in first:
        for name, cell in zip(map(str, names), row, strict=False):
            if name.strip() in empty and isinstance(cell, str) and cell.startswith("="):
                raise ImportSourceError(
                    f"{book.name}, sheet {sheet}: {name} holds formulas without results",
                    "Open the workbook in a spreadsheet program, and save it.",
                )


def _load(book: Path, *, are_computed: bool = True) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ImportSourceError(
            f"{book.name} is a workbook", 'Install what reads it: pip install "leadodds[excel]".'
        ) from None
    try:
        return load_workbook(book, read_only=True, data_only=are_computed)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever a broken file makes it meet
        raise ImportSourceError(
            f"{book.name} cannot be read: it is no whole workbook", "Save it again as .xlsx."
        ) from None
