"""Reads one CSV table, every cell as text: an id of 007 stays 007."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv

from features.problems import Findings
from features.tables import pick_columns

_CHUNK_BYTES: Final = 1 << 20


def read_csv(path: Path, table: str, findings: Findings) -> tuple[pa.Table, tuple[str, ...]] | None:
    """Reads the columns that are used, as text, and names the others.

    Args:
        path: the file; UTF-8, a header, commas.
        table: which table it is.
        findings: takes what is wrong.

    Returns:
        None where the file cannot be read.
    """
    fault, header = None, _read_header(path)
    if header:
        used, unused = pick_columns(table, header)
        if len(set(header)) < len(header):
            return pa.schema([(name, pa.string()) for name in header]).empty_table(), unused
        columns, fault = _read_columns(path, used)
        if columns is not None:
            return columns, unused
    if (line := _first_line_not_utf8(path)) is not None:
        findings.add("D005", table=table, file=path.name, line=str(line))
    else:
        findings.add("D004", table=table, file=path.name, fault=fault or "the file is empty")
    return None


def _read_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        return next(csv.reader(lines), [])


def _read_columns(path: Path, used: list[str]) -> tuple[pa.Table | None, str | None]:
    """Reads columns; None and the reason where a row is broken."""
    broken: list[pa_csv.InvalidRow] = []

    def skip(row: pa_csv.InvalidRow) -> str:
        broken.append(row)
        return "skip"

    try:
        columns = pa_csv.read_csv(
            path,
            parse_options=pa_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=pa_csv.ConvertOptions(
                include_columns=used,
                column_types={name: pa.string() for name in used},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None, "it is no whole CSV file"
    if not broken:
        return columns, None
    first = broken[0]
    counts = f"the first has {first.actual_columns} cells instead of {first.expected_columns}"
    return None, f"{len(broken):,} of its rows have too many or too few cells, {counts}"


def _first_line_not_utf8(path: Path) -> int | None:
    """Finds the line, from 1, with the first byte that is no UTF-8."""
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
