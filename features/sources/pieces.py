"""A table as pieces that are read batch by batch.

Pieces of files can be sent to other processes and read there in parallel.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

import pyarrow as pa

from features.findings.problems import Finding, Findings
from features.history.text_rule import TEXT_RULE, TextRule
from features.parsing.tagged_cells import TAGGED, as_tagged
from features.parsing.text_columns import is_text, plain_texts, without_missing
from features.sources.cells import NESTED, NO_COLUMN, nested_array
from features.tables.table_reader import INTERACTIONS, RawTables, pick_columns

# Interactions above which a history is read by partitions instead of at once.
LARGE_ROWS: Final = 2_000_000
# Interactions per partition: each takes about a hundred bytes while the partition is in memory.
PARTITION_ROWS: Final = 500_000
# Rows per batch: enough that the overhead per batch does not count.
BATCH_ROWS: Final = 500_000


class UnreadableTableError(Exception):
    """A table that cannot be read to its end; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding)
        self.finding = finding


class Piece(Protocol):
    """Some rows of a table."""

    def read(self) -> Iterator[pa.Table]:
        """Reads the rows, batch by batch.

        Raises:
            UnreadableTableError: the table is broken.
        """


@contextmanager
def faults_of_file(file: str, fault: str) -> Iterator[None]:
    """Turns what libraries raise while a file is read into a finding with its name.

    Args:
        file: name of the file, for people.
        fault: what is wrong where it can be opened but its content cannot be read.

    Raises:
        UnreadableTableError: instead of their errors.
    """
    try:
        yield
    except pa.ArrowMemoryError:
        raise
    except OSError as error:
        told = f"the system says {os.strerror(error.errno)}" if error.errno else fault
        raise UnreadableTableError(Finding.of("D004", file=file, fault=told)) from None
    except (pa.ArrowException, UnicodeError, EOFError, zlib.error):
        raise UnreadableTableError(Finding.of("D004", file=file, fault=fault)) from None


def repeated_names(names: Sequence[str]) -> tuple[str, ...]:
    """Finds the names that are there more than once.

    >>> repeated_names(["id", "mail", "size", "mail"])
    ('mail',)
    """
    return tuple(name for name, count in Counter(names).items() if count > 1)


@dataclass(frozen=True, slots=True)
class OpenTable:
    """A table whose rows are not yet read.

    Attributes:
        schema: schema of the columns that are used, as far as it is known before the rows are read.
        names: names of all columns, in their order.
        pieces: the rows; none where column names are duplicate.
        rows_count: number of rows, exact or estimated.
        found: what is to be reported about its files.
        attributes: columns whose cells keep their own types where batches have several.
    """

    schema: pa.Schema
    names: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    rows_count: int = 0
    found: tuple[Finding, ...] = ()
    attributes: frozenset[str] = frozenset()

    @property
    def has_duplicates(self) -> bool:
        """Whether two columns that are used have one name."""
        return len({*self.schema.names}) < len(self.schema.names)

    def read(self, rule: TextRule) -> pa.Table:
        """Reads all rows at once.

        Args:
            rule: rule by which a column of several types becomes text.

        Raises:
            UnreadableTableError: the table is broken.
        """
        batches = [batch for piece in self.pieces for batch in piece.read()]
        return concatenate(batches, rule, self.attributes) if batches else self.schema.empty_table()


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source of which all tables except `interactions` are read.

    Attributes:
        raw: the other tables.
        interactions: the table `interactions`; None where there is none.
        are_movable: whether other processes can read its pieces.
    """

    raw: RawTables
    interactions: OpenTable | None
    are_movable: bool = True


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file with rows of a table.

    Attributes:
        path: path of the file.
        table: name of the table.
        rule: rule by which its cells are read.
        root: folder of the history, which names for people leave out; None: the folder of the file.
        are_repeated_left: whether columns whose name is there more than once are not read; otherwise such a
            table has no rows.
        encoding: encoding of a file of text; None: as its first bytes say, else UTF-8.
        lines_before: number of lines before the header of a CSV file, where they are not blank.
        names: names of the columns of a CSV file whose first line is a row; where it holds names, these hold.
    """

    path: Path
    table: str
    rule: TextRule = TEXT_RULE
    root: Path | None = None
    are_repeated_left: bool = False
    encoding: str | None = None
    lines_before: int = 0
    names: tuple[str, ...] = ()

    def pick_columns(self, names: Sequence[str]) -> list[str]:
        """Picks the columns that are read, in their order."""
        left = repeated_names(names) if self.are_repeated_left else ()
        return [name for name in pick_columns(self.table, names) if name not in left]

    @property
    def name(self) -> str:
        """Name of the file, for people."""
        return self.path.name if self.root is None else self.path.relative_to(self.root).as_posix()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """A format of files.

    Attributes:
        suffixes: suffixes of the files, with their dots, in small letters.
        is_typed: whether columns have types; otherwise every cell is a text, and types are inferred.
        types_are_of_cells: whether a column has the type of its cells.
        open: opens a file; raises `UnreadableTableError` for a broken one.
    """

    suffixes: tuple[str, ...]
    is_typed: bool
    types_are_of_cells: bool = False
    open: Callable[[TableFile], OpenTable]


def read_all(opened: OpenSource, findings: Findings) -> RawTables:
    """Reads the interactions at once, and gives all tables."""
    if opened.interactions is None:
        return opened.raw
    try:
        rows = opened.interactions.read(opened.raw.text_rule)
    except UnreadableTableError as error:
        findings.append(error.finding, table=INTERACTIONS if opened.are_movable else "")
        return opened.raw
    return replace(opened.raw, tables={**opened.raw.tables, INTERACTIONS: rows})


def concatenate(
    chunks: Sequence[pa.Table], rule: TextRule, attributes: frozenset[str] = frozenset()
) -> pa.Table:
    """Concatenates tables; where the types of a column cannot be unified, it becomes text by the rule.

    Cells of attributes keep their own types instead.
    """
    try:
        return pa.concat_tables(chunks, promote_options="permissive")
    except NO_COLUMN:
        names = dict.fromkeys(name for chunk in chunks for name in chunk.column_names)
        return pa.table(
            {
                name: _joined([_column(chunk, name) for chunk in chunks], rule, name in attributes)
                for name in names
            }
        )


def _column(chunk: pa.Table, name: str) -> pa.ChunkedArray:
    has_column = name in chunk.column_names
    return chunk[name] if has_column else pa.chunked_array([pa.nulls(len(chunk))])


def _joined(columns: Sequence[pa.ChunkedArray], rule: TextRule, is_attribute: bool) -> pa.ChunkedArray:
    """Joins columns of several types; one that only spells missing cells has any type."""
    if (is_attribute and rule.number > 1) or any(column.type == TAGGED for column in columns):
        if len({column.type for column in columns}) == 1:
            return _unified(columns)
        tagged = [as_tagged(column, rule) for column in columns]
        if all(column is not None for column in tagged):
            return _unified(tagged)
    if any(column.type == NESTED for column in columns):
        columns = [
            column if column.type == NESTED else pa.chunked_array([nested_array(column.to_pylist())])
            for column in columns
        ]
    filled = [_null_if_missing(column, rule) for column in columns]
    try:
        return _unified(filled)
    except NO_COLUMN:
        return _unified([_as_text(column, rule) for column in filled])


def _unified(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    tables = [pa.table([column], names=["column"]) for column in columns]
    return pa.concat_tables(tables, promote_options="permissive")["column"]


def _null_if_missing(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    if not len(column) or not is_text(column.type):
        return column
    is_empty = without_missing(column, rule.no_numbers).null_count == len(column)
    return pa.chunked_array([pa.nulls(len(column))]) if is_empty else column


def _as_text(column: pa.ChunkedArray, rule: TextRule) -> pa.ChunkedArray:
    texts = plain_texts(column, rule) if rule.number > 1 else None
    return column.cast(pa.string()) if texts is None else texts
