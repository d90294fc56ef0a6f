"""A table in parts: a folder of files, each with columns of its own, read as one table.

The columns of the table are those of all files. A column that some files lack is empty in their rows, and
types that differ become the narrowest type that holds them all: a file never decides for the others. A part
of a path such as `country=nl` is a column too; its cells are texts, so that an id of 007 stays 007.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import pyarrow as pa

from features.findings.problems import Finding
from features.history.text_rule import TextRule
from features.parsing.text_columns import plain_texts
from features.sources.column_types import converted, joined_type
from features.sources.parquet_files import ParquetPiece
from features.sources.pieces import (
    FileFormat,
    OpenTable,
    Piece,
    TableFile,
    UnreadableTableError,
    faults_of_file,
    repeated_names,
)
from features.tables.schema import OPTIONAL, REQUIRED

# Cells of the columns in the path of a file, None where missing.
Keys = Mapping[str, str | None]

# How Hive writes a missing cell.
_NO_KEY: Final = "__HIVE_DEFAULT_PARTITION__"
_WHOLE: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
# The log of a folder that also holds files which no longer count.
_DELTA: Final = "_delta_log"


def open_table(file: TableFile, format_: FileFormat) -> OpenTable:
    """Opens a file, or a folder of files, as one table.

    Raises:
        UnreadableTableError: a file is broken, or does not fit the others.
    """
    if not file.path.is_dir():
        return _open_file(file, format_)
    parts = [_Part(part, keys, _open_file(part, format_)) for part, keys in list_files(file, format_)]
    if not parts:
        raise UnreadableTableError(Finding.of("D004", file=file.name, fault="the folder holds no file"))
    twice = next((part for part in parts if part.opened.has_duplicates), None)
    return twice.opened if twice else _joined(parts, is_typed=format_.is_typed)


def _open_file(file: TableFile, format_: FileFormat) -> OpenTable:
    if file.path.exists() and not file.path.is_file():
        # A pipe, for instance, that nobody writes to.
        raise UnreadableTableError(Finding.of("D004", file=file.name, fault="it is no plain file"))
    return format_.open(file)


def list_files(file: TableFile, format_: FileFormat) -> list[tuple[TableFile, Keys]]:
    """Lists the files of a folder with the columns in their paths, in the order of their names.

    Names that begin with a dot or an underscore are left out: what jobs leave beside the rows.

    Raises:
        UnreadableTableError: a file is of another format, or the folder cannot be listed.
    """
    with faults_of_file(file.name, "the folder cannot be listed"):
        if (file.path / _DELTA).exists():
            fault = "it is a Delta table, of which some files no longer count"
            raise UnreadableTableError(Finding.of("D004", file=file.name, fault=fault))
        parts = [
            replace(file, path=path, root=file.root or file.path.parent) for path in walk_parts(file.path)
        ]
    for part in parts:
        if part.path.suffix and not part.path.name.lower().endswith(format_.suffixes):
            fault = f"it is no {' or '.join(format_.suffixes)} file, as the others in {file.name}"
            raise UnreadableTableError(Finding.of("D004", file=part.name, fault=fault))
    return [(part, _keys_of(part.path.parent.relative_to(file.path))) for part in parts]


def walk_parts(folder: Path) -> Iterator[Path]:
    """Goes through the files of a folder, without those that jobs leave beside the rows.

    Raises:
        OSError: it cannot be listed.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        is_left = entry.name.startswith("_") and "=" not in entry.name
        if is_left or entry.name.startswith(".") or entry.name.endswith("._COPYING_"):
            continue
        if entry.is_dir():
            yield from walk_parts(Path(entry))
        else:
            yield Path(entry)


def _keys_of(folders: Path) -> Keys:
    pairs = (part.partition("=") for part in folders.parts)
    return {
        unquote(name): None if value == _NO_KEY else unquote(value)
        for name, equals, value in pairs
        if name and equals
    }


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a table, and the columns in its path."""

    file: TableFile
    keys: Keys
    opened: OpenTable

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.opened.names, *self.keys]))

    def type_of(self, name: str, key_type: pa.DataType) -> pa.DataType | None:
        """Gives the type of a column; None where the file has no such column."""
        if name in self.opened.names:
            return self.opened.schema.field(name).type
        return None if name not in self.keys else key_type if self.keys[name] is not None else pa.null()

    def is_empty(self, name: str) -> bool:
        """Tells whether a column has no value: its type then says nothing."""
        if name not in self.opened.names:
            return self.keys.get(name) is None
        return all(_is_empty(piece, name) for piece in self.opened.pieces)


def _is_empty(piece: Piece, name: str) -> bool:
    told = piece.is_empty(name) if isinstance(piece, ParquetPiece) else None
    return all(batch[name].null_count == len(batch) for batch in piece.read()) if told is None else told


@dataclass(frozen=True, slots=True)
class PartPiece:
    """Some rows of a file, with the columns of the whole table.

    Attributes:
        piece: the rows.
        schema: schema of the whole table.
        keys: the columns in the path of the file.
        name: name of the file, for people.
        rule: rule by which cells become texts.
    """

    piece: Piece
    schema: pa.Schema
    keys: Keys
    name: str
    rule: TextRule

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        for batch in self.piece.read():
            with faults_of_file(self.name, "a cell does not fit the type of its column in the other files"):
                columns = [self._column(batch, field) for field in self.schema]
            yield pa.table(columns, schema=self.schema)

    def _column(self, batch: pa.Table, field: pa.Field) -> pa.ChunkedArray:
        is_key = field.name in self.keys
        if field.name in batch.column_names:
            if is_key:
                self._check_key(field.name, batch[field.name])
            return converted(batch[field.name], field.type, self.rule)
        cell = self.keys[field.name] if is_key else None
        return converted(
            pa.chunked_array([pa.repeat(pa.scalar(cell, pa.string()), len(batch))]), field.type, self.rule
        )

    def _check_key(self, name: str, column: pa.ChunkedArray) -> None:
        """Compares a column with the cell in the path of its file: neither may override the other."""
        texts, key = plain_texts(column, self.rule), self.keys[name]
        own = {*(texts.unique().to_pylist() if texts is not None else [str(column.type)])}
        if other := own - {key}:
            fault = f"{name} is {key or 'empty'} in its path and {min(map(str, other))} in its rows"
            raise UnreadableTableError(Finding.of("D014", file=self.name, fault=fault))


def _joined(parts: Sequence[_Part], *, is_typed: bool) -> OpenTable:
    """Opens all parts as one table."""
    table, rule = parts[0].file.table, parts[0].file.rule
    repeated = dict.fromkeys(name for part in parts for name in repeated_names(part.opened.names))
    # What is repeated in one file is so in the table.
    names = (*dict.fromkeys(name for part in parts for name in part.names), *repeated)
    used = parts[0].file.pick_columns(names)
    schema = pa.schema([(name, _type_of(name, parts, is_typed=is_typed)) for name in used])
    partial = [name for name in used if not all(name in part.names for part in parts)]
    for name in (name for name in partial if name in REQUIRED[table]):
        without, having = (
            next(part for part in parts if (name in part.names) == has_column) for has_column in (False, True)
        )
        fault = f"it lacks {name}, which {having.file.name} has"
        raise UnreadableTableError(Finding.of("D014", file=without.file.name, fault=fault))
    found = (Finding.of("D028", table=table, count=len(partial), columns=", ".join(partial)),)
    pieces = tuple(piece for part in parts for piece in _pieces(part, schema, rule))
    rows_count = sum(part.opened.rows_count for part in parts)
    return OpenTable(schema, names, pieces, rows_count, found if partial else ())


def _type_of(name: str, parts: Sequence[_Part], *, is_typed: bool) -> pa.DataType:
    """Finds the type of a column in all parts.

    Raises:
        UnreadableTableError: there is none.
    """
    table = parts[0].file.table
    key_type = _key_type(name, parts) if is_typed and table == "leads" else pa.string()
    types = [(part, type_) for part in parts if (type_ := part.type_of(name, key_type)) is not None]
    joined = joined_type(table, name, [type_ for _, type_ in types])
    if joined is None:
        types = [(part, type_) for part, type_ in types if not part.is_empty(name)]
        joined = joined_type(table, name, [type_ for _, type_ in types])
    if joined is not None:
        return joined
    (first, one), (part, other) = next(
        (types[0], later) for later in types if joined_type(table, name, [types[0][1], later[1]]) is None
    )
    fault = f"{name} is {other} there and {one} in {first.file.name}"
    raise UnreadableTableError(Finding.of("D014", file=part.file.name, fault=fault))


def _key_type(name: str, parts: Sequence[_Part]) -> pa.DataType:
    """An attribute that stands in paths is a number where each of its cells is a whole one."""
    cells = [cell for part in parts if (cell := part.keys.get(name)) is not None]
    is_attribute = name not in {*REQUIRED["leads"], *OPTIONAL["leads"]}
    return pa.int64() if is_attribute and all(map(_WHOLE.fullmatch, cells)) else pa.string()


def _pieces(part: _Part, schema: pa.Schema, rule: TextRule) -> Iterator[Piece]:
    """Gives the pieces of a part with the columns of the whole table; those that have them stay."""
    is_alike = part.opened.schema.equals(schema) and not {*part.keys} & {*schema.names}
    for piece in part.opened.pieces:
        yield piece if is_alike else PartPiece(piece, schema, part.keys, part.file.name, rule)
