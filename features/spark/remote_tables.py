"""Tables in files at a URI whose columns differ: Spark reads the rows, and its workers convert them.

The types of each file, and those of the table, are what the reader of one machine found in its footers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa

from features.history.text_rule import TextRule
from features.sources.parquet_files import ParquetPiece
from features.sources.parts import PartPiece
from features.sources.pieces import OpenTable, TableFile, UnreadableTableError
from features.spark.file_frames import (
    Frame,
    Session,
    UnreadablePieceError,
    batches_for_spark,
    files_of,
    frame_of_pieces,
    is_of_one_schema,
    quoted,
    read_files,
    spark_schema,
)

# The column with the file of each row.
_FILE: Final = "file of the row"


def read_remote(session: Session, source: str, file: TableFile, opened: OpenTable) -> Frame:
    """Reads a table of a history at a URI.

    Args:
        session: Spark session.
        source: the URI of the history.
        file: the table in its mirror on this machine.
        opened: the table, of which the mirror has no rows.
    """
    from pyspark.sql import functions as of
    from pyspark.sql.pandas.types import to_arrow_schema

    uris = {path: f"{source}/{path.relative_to(file.root or path)}" for path in files_of(file)}
    if is_of_one_schema(opened):
        return read_files(session, [*uris.values()]).select(*map(quoted, opened.schema.names))
    of_spark = spark_schema(opened.schema)
    groups: dict[pa.Schema, dict[str, PartPiece]] = {}
    for path, (schema, part) in _parts_of(opened, file.rule).items():
        groups.setdefault(schema, {})[uris[path]] = part
    # The first has no row, for a table of which no file has any.
    frames = [frame_of_pieces(session, (), opened.schema, file.rule)]
    for schema, group in groups.items():
        names = [*map(quoted, schema.names), of.input_file_name().alias(_FILE)]
        parts = {_path_of(uri): part for uri, part in group.items()}
        work = _converter(parts, schema, to_arrow_schema(of_spark, timezone="UTC"), file.rule)
        frames.append(read_files(session, [*group]).select(*names).mapInArrow(work, of_spark))
    return reduce(lambda left, right: left.unionByName(right), frames)


def _parts_of(opened: OpenTable, rule: TextRule) -> dict[Path, tuple[pa.Schema, PartPiece]]:
    """Gives for each file with rows its own schema, and how its rows become those of the table."""
    parts: dict[Path, tuple[pa.Schema, PartPiece]] = {}
    for piece in opened.pieces:
        if isinstance(piece, PartPiece) and isinstance(piece.piece, ParquetPiece):
            parts[piece.piece.path] = piece.piece.schema, piece
        elif isinstance(piece, ParquetPiece):
            part = PartPiece(piece, opened.schema, {}, piece.name, rule)
            parts[piece.path] = piece.schema, part
    return parts


def _path_of(uri: str) -> str:
    """Gives the path in a URI, which tells the files of a table apart."""
    return uri.partition("://")[2].partition("/")[2]


def _converter(
    parts: Mapping[str, PartPiece], own: pa.Schema, schema: pa.Schema, rule: TextRule
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Builds the function by which workers convert rows of files that Spark read."""

    def convert(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            for batch in batches:
                rows = pa.Table.from_batches([batch])
                for uri in rows[_FILE].unique().to_pylist():
                    of_file = rows.filter(pa.compute.equal(rows[_FILE], uri)).drop_columns([_FILE])
                    part = replace(parts[unquote(_path_of(uri))], piece=_ReadRows(of_file, own))
                    for converted in part.read():
                        yield from batches_for_spark(converted, schema, rule)
        except UnreadableTableError as error:
            raise UnreadablePieceError(error) from None

    return convert


@dataclass(frozen=True, slots=True)
class _ReadRows:
    """Rows of a file as Spark read them, given the times that one machine reads."""

    rows: pa.Table
    schema: pa.Schema

    def read(self) -> Iterator[pa.Table]:
        """See `features.sources.pieces.Piece`."""
        columns = [_with_own_times(self.rows[field.name], field.type) for field in self.schema]
        yield pa.table(columns, names=self.schema.names)


def _with_own_times(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    # Nanoseconds came as integers, and old timestamps, which have no zone, as instants.
    return column.cast(type_, safe=False) if pa.types.is_timestamp(type_) else column
