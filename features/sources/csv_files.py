"""Opens tables in CSV; every cell is read as text: an id of 007 stays 007."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from features.findings.problems import Finding
from features.sources.csv_dialect import CsvDialect, read_dialect
from features.sources.csv_faults import find_swallowed_rows, find_uneven_rows
from features.sources.pieces import (
    FileFormat,
    OpenTable,
    TableFile,
    UnreadableTableError,
    faults_of_file,
)
from features.sources.text_files import UTF8, open_bytes, undecodable

# A row has to fit into a block.
_BLOCK_BYTES: Final = 1 << 24
# Estimate that only sets the number of partitions.
_ROW_BYTES: Final = 60
_FAULT: Final = "it is no whole CSV file"


@dataclass(frozen=True, slots=True)
class CsvPiece:
    """A whole CSV file: the start of a row is only known from the rows before it.

    Attributes:
        file: the file.
        dialect: how it is written.
        columns: names of the columns that are used.
    """

    file: TableFile
    dialect: CsvDialect
    columns: tuple[str, ...]

    def read(self) -> Iterator[pa.Table]:
        """See `Piece`."""
        rows_count, fault = 0, ""
        with faults_of_file(self.file.name, _FAULT), open_bytes(self.file.path) as content:
            counted = _CountedLines(content)
            try:
                with pa_csv.open_csv(counted, **self._options()) as reader:
                    for batch in reader:
                        rows_count += len(batch)
                        yield pa.Table.from_batches([batch])
            except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
                fault = f"a row is longer than {_BLOCK_BYTES:,} bytes" if "straddl" in str(error) else _FAULT
            # More lines than rows: cells with line breaks, or a quote that takes in rows.
            if fault or counted.count > self.dialect.lines_before + self.dialect.has_header + rows_count:
                self._raise_fault(fault)

    def _options(self) -> dict[str, Any]:
        encoding = "utf8" if self.dialect.encoding in UTF8 else self.dialect.encoding
        return {
            "read_options": pa_csv.ReadOptions(
                block_size=_BLOCK_BYTES,
                skip_rows=self.dialect.lines_before,
                column_names=None if self.dialect.has_header else list(self.dialect.header),
                encoding=encoding,
            ),
            "parse_options": pa_csv.ParseOptions(
                delimiter=self.dialect.separator,
                quote_char='"' if self.dialect.has_quotes else False,
                newlines_in_values=self.dialect.has_quotes,
            ),
            "convert_options": pa_csv.ConvertOptions(
                include_columns=self.columns,
                column_types={name: pa.string() for name in self.columns},
                null_values=[""],
                strings_can_be_null=True,
            ),
        }

    def _raise_fault(self, fault: str) -> None:
        """Raises what is wrong with the file, if anything is; bytes that are no text come first.

        Args:
            fault: why reading ended early; empty: it did not.
        """
        if fault and (finding := undecodable(self.file, self.dialect.encoding)) is not None:
            raise UnreadableTableError(finding)
        told = find_swallowed_rows(self.file.path, self.dialect)
        if fault and told is None:
            told = find_uneven_rows(self.file.path, self.dialect) or fault
        if told is not None:
            raise UnreadableTableError(Finding.of("D004", file=self.file.name, fault=told))


def _open(file: TableFile) -> OpenTable:
    with faults_of_file(file.name, _FAULT):
        dialect = read_dialect(file)
        rows_count = file.path.stat().st_size // _ROW_BYTES
    names = dialect.header
    used = tuple(file.pick_columns(names))
    schema = pa.schema([(name, pa.string()) for name in used])
    is_read = dialect.has_rows and len({*used}) == len(used)
    return OpenTable(schema, names, (CsvPiece(file, dialect, used),) if is_read else (), rows_count)


CSV: Final = FileFormat(suffixes=(".csv", ".csv.gz"), is_typed=False, open=_open)


class _CountedLines:
    """The bytes of a file, whose lines are counted while they are read.

    Attributes:
        count: number of lines read.
    """

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.count = 0
        self.closed = False

    def read(self, most_bytes: int = -1) -> bytes:
        """Reads up to so many bytes."""
        chunk = self._content.read(most_bytes)
        self.count += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))
        return chunk

    def close(self) -> None:
        """The file is closed by whoever opened it."""
        self.closed = True

    def readable(self) -> bool:
        """The bytes can be read."""
        return True
