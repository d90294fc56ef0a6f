"""Frames of the files of one table: read by Spark where it reads what one machine reads, else by workers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from features.history.text_rule import TextRule
from features.sources.cells import NESTED
from features.sources.column_types import converted
from features.sources.parquet_files import PARQUET, ParquetPiece
from features.sources.parts import list_files
from features.sources.pieces import OpenTable, Piece, TableFile, UnreadableTableError
from features.spark.session import UNREADABLE

# Frames and sessions of Spark: their types cannot be imported where pyspark is not installed.
Frame = Any
Session = Any

# What Hadoop takes for a pattern in a path.
_PATTERN: Final = re.compile(r"([\\{}\[\]*?])")
# Most digits of a decimal of Spark.
_MOST_DIGITS: Final = 38


def files_of(file: TableFile) -> list[Path]:
    """Gives the file of a table, or all its parts."""
    return [part.path for part, _ in list_files(file, PARQUET)] if file.path.is_dir() else [file.path]


def is_of_one_schema(opened: OpenTable) -> bool:
    """Tells whether the files have one schema, of types that Spark reads as one machine does."""
    are_alike = all(isinstance(piece, ParquetPiece) for piece in opened.pieces)
    return are_alike and all(_is_plain(field.type) for field in opened.schema)


def _is_plain(type_: pa.DataType) -> bool:
    # Spark refuses nanoseconds, and reads old timestamps, which have no zone, as instants.
    is_ns = pa.types.is_timestamp(type_) and type_.unit == "ns"
    return not (is_ns or pa.types.is_float16(type_) or pa.types.is_time(type_) or pa.types.is_duration(type_))


def read_files(session: Session, files: Sequence[str]) -> Frame:
    """Lets Spark read files of one schema, as paths or URIs; keys in their paths are no columns."""
    session.conf.set("spark.sql.legacy.parquet.nanosAsLong", "true")
    return session.read.parquet(*(_PATTERN.sub(r"\\\1", file) for file in files))


def frame_of_pieces(session: Session, pieces: Sequence[Piece], schema: pa.Schema, rule: TextRule) -> Frame:
    """Lets the workers read pieces of files whose columns differ."""
    from pyspark.sql.pandas.types import to_arrow_schema

    of_spark = spark_schema(schema)
    work = _reader(pieces, to_arrow_schema(of_spark, timezone="UTC"), rule)
    return session.range(0, len(pieces), numPartitions=max(len(pieces), 1)).mapInArrow(work, of_spark)


def spark_schema(schema: pa.Schema) -> Any:
    """Gives the schema of a frame with the columns of a table."""
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(pa.schema([(field.name, _spark_type(field.type)) for field in schema]))


def _spark_type(type_: pa.DataType) -> pa.DataType:
    """Gives a type that Spark has, with the cells of another."""
    plain = type_.value_type if pa.types.is_dictionary(type_) else type_
    if plain == NESTED or pa.types.is_nested(plain):
        # Neither an attribute nor a cell of any other column.
        return pa.list_(pa.string())
    if pa.types.is_decimal(plain) and plain.precision > _MOST_DIGITS:
        return pa.float64()
    others = (
        (pa.types.is_null, pa.string()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_uint64, pa.decimal128(20, 0)),
        (pa.types.is_unsigned_integer, pa.int64()),
        (pa.types.is_float16, pa.float32()),
    )
    return next((other for belongs, other in others if belongs(plain)), plain)


def _reader(
    pieces: Sequence[Piece], schema: pa.Schema, rule: TextRule
) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Builds the function that Spark calls with the numbers of pieces: it gives their rows."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        numbers = [number for batch in batches for number in batch.column("id").to_pylist()]
        try:
            for number in numbers:
                for rows in pieces[number].read():
                    yield from batches_for_spark(rows, schema, rule)
        except UnreadableTableError as error:
            raise UnreadablePieceError(error) from None

    return read


def batches_for_spark(rows: pa.Table, schema: pa.Schema, rule: TextRule) -> Iterator[pa.RecordBatch]:
    """Gives rows the types of Spark."""
    columns = [_as_spark(rows[field.name], field.type, rule) for field in schema]
    yield from pa.table(columns, schema=schema).combine_chunks().to_batches()


def _as_spark(column: pa.ChunkedArray, type_: pa.DataType, rule: TextRule) -> pa.ChunkedArray:
    if pa.types.is_nested(type_):
        mask = pa.compute.is_null(column)
        cells = pa.array([[] for _ in range(len(column))], type_)
        return pa.chunked_array([pa.compute.if_else(mask.combine_chunks(), pa.scalar(None, type_), cells)])
    return converted(column, type_, rule)


class UnreadablePieceError(Exception):
    """A file that a worker cannot read; the text reaches the driver in an error of Spark."""

    def __init__(self, error: UnreadableTableError) -> None:
        super().__init__(f"{UNREADABLE}{error.finding.problem().sentence}")


def quoted(column: str) -> str:
    """Writes the name of a column for Spark, whatever its letters."""
    return f"`{column.replace('`', '``')}`"
