"""Writes one export in every format that is read.

What a format cannot hold, and how its users then write it, stands here and nowhere else:

- A column of one type is written with that type. Parquet and PostgreSQL have one type a column: where cells
  are of several types, all are texts, those of the text rule; integers among floats are floats.
- CSV has texts alone, and nothing beside the empty text for null: times in ISO 8601, columns of numbers
  with all of their bits, cells of ids and categories by the text rule.
- SQLite has neither times nor booleans: times are texts, booleans 0 and 1 in a column declared BOOLEAN,
  texts where the cells are of several types.
- JSON lines have neither times, NaN nor infinity: times are texts, NaN is null, infinity a text. Without
  rows they have no columns either: such a table is CSV.
"""

from __future__ import annotations

import gzip
import json
import math
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.history.text_rule import EXACT_FLOATS
from features.sources.connections import open_engine, sqlite_url
from features.sources.open_source import Source
from leadodds_python.frames import tables_of_frames
from tests.support.doors import write_csv, written
from tests.support.exports.random_exports import Cells, Tables

# Columns of numbers; in all others but times, numbers are ids or categories.
_NUMBERS: Final = frozenset({"value", "amount", "size", "budget"})
_NULLABLE: Final[Mapping[type, str]] = {int: "Int64", float: "Float64", bool: "boolean", str: "string"}
_Columns = Mapping[str, Cells]


def as_parquet(folder: Path, tables: Tables) -> Source:
    """A file a table."""
    for name, columns in tables.items():
        pq.write_table(_arrow(columns), folder / f"{name}.parquet")
    return folder


def as_parts(folder: Path, tables: Tables) -> Source:
    """A folder a table, with a file for every two rows."""
    for name, columns in tables.items():
        rows = _arrow(columns)
        (folder / f"{name}.parquet").mkdir()
        for place in range(0, max(rows.num_rows, 1), 2):
            pq.write_table(rows.slice(place, 2), folder / f"{name}.parquet" / f"part-{place}.parquet")
    return folder


def as_own_parts(folder: Path, tables: Tables) -> Source:
    """A folder a table, with a file for every two rows, whose columns have the types of its own cells."""
    for name, columns in tables.items():
        whole = _arrow(columns)
        (folder / f"{name}.parquet").mkdir()
        for place in range(0, max(whole.num_rows, 1), 2):
            rows = slice(place, place + 2)
            part = {
                column: _array(cells[rows])
                if cells[rows] and (len(_kinds(cells)) == 1 or _kinds(cells) == {int, float})
                else whole[column][rows]
                for column, cells in columns.items()
            }
            pq.write_table(pa.table(part), folder / f"{name}.parquet" / f"part-{place}.parquet")
    return folder


def as_csv(folder: Path, tables: Tables) -> Source:
    """A file a table."""
    for name, columns in tables.items():
        texts = [_csv_texts(column, cells) for column, cells in columns.items()]
        write_csv(folder / f"{name}.csv", [*columns], zip(*texts, strict=True))
    return folder


def as_packed_csv(folder: Path, tables: Tables) -> Source:
    """The same files, packed."""
    as_csv(folder, tables)
    for path in [*folder.iterdir()]:
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
        path.unlink()
    return folder


def as_json_lines(folder: Path, tables: Tables) -> Source:
    """A file a table, with an object a row; a table without rows, whose names it cannot tell, is CSV."""
    for name, columns in tables.items():
        rows = [*zip(*columns.values(), strict=True)]
        lines = [json.dumps(dict(zip(columns, map(_json_cell, row), strict=True))) for row in rows]
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if not rows:
            (folder / f"{name}.jsonl").unlink()
            as_csv(folder, {name: columns})
    return folder


def as_sqlite(folder: Path, tables: Tables) -> Source:
    """A table a table, without types but for booleans."""
    path = folder / "crm.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = off")
        for name, columns in tables.items():
            names = ", ".join(
                f"{column} BOOLEAN" if _kinds(cells) == {bool} else column
                for column, cells in columns.items()
            )
            database.execute(f"CREATE TABLE {name} ({names})")
            cells = [[_sqlite_cell(cell, _kinds(own)) for cell in own] for own in columns.values()]
            holes = ", ".join("?" * len(columns))
            database.executemany(f"INSERT INTO {name} VALUES ({holes})", [*zip(*cells, strict=True)])
        database.commit()
    return sqlite_url(path)


def as_frames(_: Path, tables: Tables) -> Source:
    """A DataFrame a table, with the types that pandas gives."""
    return tables_of_frames(
        {
            name: pd.DataFrame({column: _series(cells) for column, cells in columns.items()})
            for name, columns in tables.items()
        }
    )


def as_nullable_frames(_: Path, tables: Tables) -> Source:
    """A DataFrame a table, with the types of pandas that know NA."""
    return tables_of_frames(
        {
            name: pd.DataFrame({column: _nullable_series(cells) for column, cells in columns.items()})
            for name, columns in tables.items()
        }
    )


def as_postgresql(url: str, tables: Tables) -> Source:
    """Typed columns in an emptied database; whole numbers are NUMERIC."""
    types: dict[pa.DataType, Any] = {
        pa.int64(): sa.Numeric(),
        pa.float64(): sa.Double(),
        pa.bool_(): sa.Boolean(),
    }
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        for name, columns in tables.items():
            rows = _arrow(columns)
            made = sa.Table(
                name,
                sa.MetaData(),
                *(
                    sa.Column(
                        field.name,
                        sa.DateTime(timezone=field.type.tz is not None)
                        if pa.types.is_timestamp(field.type)
                        else types.get(field.type, sa.Text()),
                    )
                    for field in rows.schema
                ),
            )
            made.create(connection)
            if rows.num_rows:
                connection.execute(made.insert(), rows.to_pylist())
    engine.dispose()
    return url


FORMATS: Final[Mapping[str, Callable[[Path, Tables], Source]]] = {
    "Parquet": as_parquet,
    "Parquet in parts": as_parts,
    "Parquet in parts of own types": as_own_parts,
    "CSV": as_csv,
    "CSV packed": as_packed_csv,
    "JSON lines": as_json_lines,
    "SQLite": as_sqlite,
    "DataFrames": as_frames,
    "DataFrames with NA": as_nullable_frames,
}


def _kinds(cells: Cells) -> set[type]:
    return {type(cell) for cell in cells if cell is not None}


def _arrow(columns: _Columns) -> pa.Table:
    return pa.table({name: _array(cells) for name, cells in columns.items()})


def _array(cells: Cells) -> pa.Array:
    kinds = _kinds(cells)
    if datetime in kinds:
        return pa.array(cells, pa.timestamp("us", _zone(cells)))
    if len(kinds) > 1 and kinds != {int, float}:
        return pa.array([written(cell) for cell in cells], pa.string())
    return pa.array(cells)


def _csv_texts(column: str, cells: Cells) -> list[str | None]:
    are_numbers = column in _NUMBERS and _kinds(cells) <= {int, float}
    return [_csv_text(cell, is_number=are_numbers) for cell in cells]


def _csv_text(cell: Any, *, is_number: bool) -> str | None:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return repr(cell) if is_number and cell is not None else written(cell)


def _json_cell(cell: Any) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    if isinstance(cell, float) and not math.isfinite(cell):
        return None if math.isnan(cell) else str(cell)
    return cell


def _sqlite_cell(cell: Any, kinds: set[type]) -> Any:
    if isinstance(cell, datetime):
        return cell.isoformat()
    return written(cell) if isinstance(cell, bool) and kinds != {bool} else cell


def _series(cells: Cells) -> pd.Series[Any]:
    kinds = _kinds(cells)
    if datetime in kinds:
        zone = _zone(cells)
        return pd.Series(cells, dtype="datetime64[us]" if zone is None else f"datetime64[us, {zone}]")
    is_exact = all(not isinstance(cell, int) or abs(cell) < EXACT_FLOATS for cell in cells)
    # Of integers beside a missing cell pandas makes floats.
    return pd.Series(cells, dtype=None if kinds and len(kinds) == 1 and is_exact else object)


def _nullable_series(cells: Cells) -> pd.Series[Any]:
    kinds = _kinds(cells)
    dtype = _NULLABLE.get(kinds.pop()) if len(kinds) == 1 else None
    return _series(cells) if dtype is None else pd.Series(cells, dtype=dtype)


def _zone(cells: Cells) -> str | None:
    zone = next(cell.tzinfo for cell in cells if cell is not None)
    return None if zone is None else str(zone)
