"""Opens files of JSON lines: one object a line; names that an object lacks are empty cells.

A file is read twice: first for the names and types of all lines, so that the type of a column depends neither
on where a batch ends nor on who reads it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa

from features.findings.problems import Finding
from features.history.text_rule import DASH, TextRule, object_text
from features.parsing.tagged_cells import TAGGED, is_large, tagged_array
from features.sources.cells import NESTED, nested_array
from features.sources.column_types import TEXTS, is_attribute
from features.sources.pieces import (
    FileFormat,
    OpenTable,
    TableFile,
    UnreadableTableError,
    faults_of_file,
)
from features.sources.text_files import encoding_of, open_lines, read_head, undecodable

_BATCH_ROWS: Final = 50_000
_HEAD_BYTES: Final = 1 << 10
_FAULT: Final = "it is no whole file of JSON lines"

_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JsonPiece:
    """A whole file of JSON lines.

    Attributes:
        file: the file.
        encoding: encoding of its text.
        schema: schema of the columns that are used.
    """

    file: TableFile
    encoding: str
    schema: pa.Schema

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        with faults_of_file(self.file.name, _FAULT):
            rows = (row for _, row in _rows(self.file, self.encoding))
            while batch := list(itertools.islice(rows, _BATCH_ROWS)):
                columns = [
                    _array([row.get(field.name) for row in batch], field.type, self.file.rule)
                    for field in self.schema
                ]
                yield pa.table(columns, schema=self.schema)


def _open(file: TableFile) -> OpenTable:
    with faults_of_file(file.name, _FAULT):
        head, _ = read_head(file, _HEAD_BYTES)
        encoding = file.encoding or encoding_of(head)
        cells: dict[str, _Cells] = {}
        missing, no_numbers = file.rule.spellings, file.rule.no_numbers
        texts = TEXTS[file.table]
        rows_count = 0
        for number, row in _rows(file, encoding):
            rows_count += 1
            try:
                for name, cell in row.items():
                    if name not in cells:
                        cells[name] = _Cells()
                    cells[name].add(cell, missing if name in texts else no_numbers)
            except UnicodeEncodeError:
                raise _fault(file, f"line {number:,} has half a character") from None
    if not rows_count:
        raise _fault(file, "the file is empty")
    names = tuple(cells)
    used = file.pick_columns(names)
    keeps_types = file.rule.number > 1
    schema = pa.schema(
        [
            (
                name,
                cells[name].type(
                    is_text=name in texts, is_attribute=keeps_types and is_attribute(file.table, name)
                ),
            )
            for name in used
        ]
    )
    return OpenTable(schema, names, (JsonPiece(file, encoding, schema),), rows_count)


JSON_LINES: Final = FileFormat(
    suffixes=(".jsonl", ".jsonl.gz"), is_typed=True, types_are_of_cells=True, open=_open
)


def _rows(file: TableFile, encoding: str) -> Iterator[tuple[int, _Row]]:
    """Reads the objects, each with the number of its line; blank lines are skipped."""
    decode = json.JSONDecoder(object_pairs_hook=_object).decode
    try:
        with open_lines(file.path, encoding, errors="strict") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    row = decode(line)
                except (ValueError, RecursionError) as error:
                    raise _fault(file, _fault_of_line(number, line, error)) from None
                if not isinstance(row, dict):
                    raise _fault(file, _fault_of_line(number, line))
                yield number, row
    except UnicodeDecodeError:
        finding = undecodable(file, encoding)
        raise (UnreadableTableError(finding) if finding else _fault(file, _FAULT)) from None


def _object(pairs: Sequence[tuple[str, Any]]) -> _Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        raise _TwiceError
    return row


class _TwiceError(ValueError):
    """A name that stands twice in one object."""


def _fault(file: TableFile, fault: str) -> UnreadableTableError:
    return UnreadableTableError(Finding.of("D004", file=file.name, fault=fault))


def _fault_of_line(number: int, line: str, error: Exception | None = None) -> str:
    """Says why a line is no object."""
    if isinstance(error, _TwiceError):
        return f"line {number:,} has a name twice"
    if number == 1 and line.lstrip().startswith("["):
        return "it is one JSON array; write one object a line"
    is_cut = error is not None and not line.endswith("\n")
    return f"line {number:,} is no JSON object{'; the file may be cut short' if is_cut else ''}"


@dataclass(slots=True)
class _Cells:
    """What the cells of a column are: types of Python, without those of texts that spell a missing cell."""

    kinds: set[type] = field(default_factory=set)
    is_large: bool = False
    is_spelled: bool = False
    is_dashed: bool = False

    @property
    def is_of_several_types(self) -> bool:
        """Whether texts, a lone dash among them, numbers and booleans stand beside each other."""
        has_text = str in self.kinds or self.is_dashed
        has_number = not self.kinds.isdisjoint({int, float})
        return has_text + has_number + (bool in self.kinds) > 1

    def add(self, cell: Any, missing: frozenset[str]) -> None:
        """Notes a cell."""
        kind = type(cell)
        if kind is str and cell in missing:
            self.is_spelled = True
            self.is_dashed |= cell == DASH
        elif cell is not None:
            self.kinds.add(kind)
            if kind is str and not cell.isascii():
                # Raises where the text has half of a pair of surrogates, which no other format can hold.
                cell.encode()
            self.is_large |= kind is int and is_large(cell)

    def type(self, *, is_text: bool, is_attribute: bool) -> pa.DataType:
        """Gives the type of the column."""
        if self.kinds & {dict, list}:
            return NESTED
        if is_attribute and (self.is_of_several_types or self.is_large):
            return TAGGED
        if not self.kinds:
            return pa.string() if self.is_spelled else pa.null()
        if self.kinds == {bool}:
            # A dash is missing among numbers and times only.
            return pa.string() if self.is_dashed else pa.bool_()
        if self.kinds == {int} and not self.is_large:
            return pa.int64()
        if self.kinds <= {int, float} and not (is_text and self.kinds != {float}):
            return pa.float64()
        return pa.string()


def _array(cells: Sequence[Any], type_: pa.DataType, rule: TextRule) -> pa.Array:
    """Makes a column of cells."""
    if type_ == NESTED:
        return nested_array(cells)
    if type_ == TAGGED:
        return tagged_array(cells, rule)
    if pa.types.is_string(type_):
        return pa.array([cell if isinstance(cell, str) else object_text(cell, rule) for cell in cells], type_)
    numbers = [None if isinstance(cell, str) else cell for cell in cells]
    if pa.types.is_floating(type_):
        numbers = [None if number is None else _float(number) for number in numbers]
    return pa.array(numbers, type_)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
