"""Reads sheets of workbooks (`.xlsx`), which need the extra `excel`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from features.imports.errors import ImportSourceError
from features.imports.reading.source_table import SourceTable
from features.sources.cells import array_of_cells
from features.sources.pieces import OpenTable


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a sheet as one table; see `features.sources.pieces.Piece`."""

    rows: pa.Table

    def read(self) -> Iterator[pa.Table]:
        """Gives all rows."""
        yield self.rows


def find_sheet(name: str, sheet: str, books: Sequence[Path], *, is_only: bool) -> SourceTable | None:
    """Finds a table among the sheets of workbooks.

    Args:
        name: name of the table in the map.
        sheet: name of the sheet, whatever its capitals.
        books: the workbooks.
        is_only: whether the only sheet of the only workbook is taken, whatever its name.

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
    return SourceTable(name, f"{book.name}, sheet {own}", lambda: _open(book, own))


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


def _open(book: Path, sheet: str) -> OpenTable:
    workbook = _load(book)
    try:
        rows = workbook[sheet].iter_rows(values_only=True)
        header = next((row for row in rows if any(cell is not None for cell in row)), ())
        names = [str(cell).strip() for cell in _filled(header)]
        table = _table(names, [row for row in rows if any(cell is not None for cell in row)])
    finally:
        workbook.close()
    return OpenTable(table.schema, tuple(names), (_Rows(table),), len(table))


def _filled(header: Sequence[Any]) -> Sequence[Any]:
    """Leaves out what stands behind the last name."""
    last = max((i for i, cell in enumerate(header) if cell is not None), default=-1)
    return [f"column {i + 1}" if cell is None else cell for i, cell in enumerate(header[: last + 1])]


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    columns = [array_of_cells([row[i] if i < len(row) else None for row in rows]) for i in range(len(names))]
    return pa.table(columns, names=list(names))


def _load(book: Path) -> Any:
    try:
        from openpyxl import load_workbook
    except ImportError:
        raise ImportSourceError(
            f"{book.name} is a workbook", 'Install what reads it: pip install "leadodds[excel]".'
        ) from None
    try:
        return load_workbook(book, read_only=True, data_only=True)
    except Exception:  # noqa: BLE001 - openpyxl raises whatever a broken file makes it meet
        raise ImportSourceError(
            f"{book.name} cannot be read: it is no whole workbook", "Save it again as .xlsx."
        ) from None
