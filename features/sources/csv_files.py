"""Opens tables in CSV; every cell is read as text: an id of 007 stays 007."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from features.findings.problems import Finding
from features.sources.pieces import FileFormat, OpenTable, UnreadableTableError
from features.tables.table_reader import pick_columns

_CHUNK_BYTES: Final = 1 << 20
_BATCH_BYTES: Final = 1 << 24
# Estimate that only sets the number of partitions.
_ROW_BYTES: Final = 60


def stream_csv(path: Path, used: Sequence[str], broken: list[str]) -> Iterator[pa.Table]:
    """Reads columns batch by batch, as text.

    Args:
        path: the file; UTF-8, a header, commas.
        used: names of the columns.
        broken: receives, at the end, a description of the rows that were skipped.
    """
    skipped: list[pa_csv.InvalidRow] = []
    options = pa_csv.ReadOptions(block_size=_BATCH_BYTES)
    with pa_csv.open_csv(path, read_options=options, **_options(used, skipped)) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])
    if skipped:
        broken.append(_describe(skipped))


@dataclass(frozen=True, slots=True)
class CsvPiece:
    """A whole CSV file: the start of a row is only known from the rows before it."""

    path: Path
    columns: tuple[str, ...]

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        broken: list[str] = []
        try:
            yield from stream_csv(self.path, self.columns, broken)
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            broken.append("it is no whole CSV file")
        if broken:
            raise UnreadableTableError(csv_finding(self.path, broken[0]))


def _open_csv(path: Path, table: str) -> OpenTable:
    names = tuple(_read_header(path))
    if not names:
        raise UnreadableTableError(csv_finding(path, "the file is empty"))
    has_duplicates = len(set(names)) < len(names)
    used = names if has_duplicates else pick_columns(table, names)
    schema = pa.schema([(name, pa.string()) for name in used])
    if has_duplicates:
        return OpenTable(schema, names)
    rows_count = path.stat().st_size // _ROW_BYTES
    return OpenTable(schema, names, (CsvPiece(path, tuple(used)),), rows_count)


CSV: Final = FileFormat(suffix=".csv", is_typed=False, open=_open_csv)


def csv_finding(path: Path, fault: str) -> Finding:
    """Reports a file that could not be read: bytes that are not UTF-8 come before any other fault."""
    if (line := _first_line_not_utf8(path)) is not None:
        return Finding.of("D005", file=path.name, line=str(line))
    return Finding.of("D004", file=path.name, fault=fault)


def _read_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(csv.reader(lines), [])


def _options(used: Sequence[str], skipped: list[pa_csv.InvalidRow]) -> dict[str, Any]:
    def skip(row: pa_csv.InvalidRow) -> str:
        skipped.append(row)
        return "skip"

    return {
        "parse_options": pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
        "convert_options": pa_csv.ConvertOptions(
            include_columns=used,
            column_types={name: pa.string() for name in used},
            null_values=[""],
            strings_can_be_null=True,
        ),
    }


def _describe(skipped: Sequence[pa_csv.InvalidRow]) -> str:
    first = skipped[0]
    counts = f"the first has {first.actual_columns} cells instead of {first.expected_columns}"
    return f"{len(skipped):,} of its rows have too many or too few cells, {counts}"


def _first_line_not_utf8(path: Path) -> int | None:
    """Finds the line, from 1, with the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    with path.open("rb") as content:
        while True:
            chunk = content.read(_CHUNK_BYTES)
            try:
                lines += decoder.decode(chunk, final=not chunk).count("\n")
            except UnicodeDecodeError as error:
                return lines + error.object[: error.start].count(b"\n")
            if not chunk:
                return None
