"""The rows of a partition as PostgreSQL copies them: CSV, written by Arrow instead of row by row."""

from __future__ import annotations

import binascii
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import sqlalchemy as sa

# By table: from the first byte, inclusive, to the second, exclusive.
Ranges = Mapping[str, tuple[int, int]]

_WRITTEN: Final = pa_csv.WriteOptions(include_header=False)
_BLOCK: Final = 1 << 20


def write_csv(tables: Mapping[str, pa.Table], ranges: Sequence[Ranges], path: Path) -> list[Ranges]:
    """Writes the rows of each batch, numbered by their place; returns the bytes that each takes.

    Args:
        tables: by name; the first column is `place`. A null is an empty cell, a text stands in quotes.
        ranges: by batch, the places of its rows in each table.
        path: of the file.
    """
    texts = {name: _with_hexadecimals(table) for name, table in tables.items()}
    found: list[Ranges] = []
    with path.open("wb") as file:
        for places in ranges:
            spans = {}
            for name, (start, end) in places.items():
                block, at = io.BytesIO(), file.tell()
                pa_csv.write_csv(texts[name].slice(start, end - start), block, _WRITTEN)
                spans[name] = (at, at + file.write(block.getbuffer()))
            found.append(spans)
    return found


def _with_hexadecimals(table: pa.Table) -> pa.Table:
    r"""Writes binary cells, all of one length in a column, as PostgreSQL reads them: `\x` and digits."""
    for i, column in enumerate(table.columns):
        if pa.types.is_binary(column.type):
            table = table.set_column(i, table.column_names[i], _hexadecimals(column))
    return table


def _hexadecimals(column: pa.ChunkedArray) -> pa.Array:
    digits = binascii.hexlify(b"".join(column.to_pylist()))
    if not digits:
        return pa.nulls(len(column), pa.string())
    texts = np.frombuffer(digits, f"S{len(digits) // len(column)}").astype(str)
    return pc.binary_join_element_wise(pa.scalar("\\x"), pa.array(texts, pa.string()), "")


def copy_csv(connection: sa.Connection, file: Any, spans: Ranges, tables: Mapping[str, sa.Table]) -> None:
    """Copies rows of a file into tables of this session of PostgreSQL.

    Args:
        connection: in a transaction, with whose end the rows are gone again.
        file: that `write_csv` wrote, open.
        spans: bytes of the rows, by name.
        tables: that receive the rows, by the same names.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not take the rows.
    """
    driver: Any = connection.connection.dbapi_connection
    for name, table in tables.items():
        columns = ", ".join(
            f'"{column.name}" {column.type.compile(connection.dialect)}' for column in table.c
        )
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE IF NOT EXISTS {table.name} ({columns}) ON COMMIT DELETE ROWS"
        )
        start, end = spans[name]
        file.seek(start)
        command = f"COPY {table.name} FROM STDIN (FORMAT csv)"
        try:
            with driver.cursor() as cursor, cursor.copy(command) as copy:
                for at in range(start, end, _BLOCK):
                    copy.write(file.read(min(_BLOCK, end - at)))
        except connection.dialect.loaded_dbapi.Error as error:
            raise sa.exc.OperationalError(command, None, error) from None
