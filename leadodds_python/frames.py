"""DataFrames to the tables of a history, and files that the rooms wrote to DataFrames."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.errors import LeadOddsError
from features.history.text_rule import TEXT_RULE
from features.parsing.tagged_cells import as_tagged
from features.sources.cells import array_of_cells
from features.sources.column_types import TEXTS, is_attribute
from features.sources.history_settings import SETTINGS_TABLE
from features.sources.memory_tables import MemoryTables
from features.tables.schema import REQUIRED


class FramesError(LeadOddsError):
    """Something among the tables of a history that is none of them."""

    def __init__(self, name: object, *, fault: str, remedy: str) -> None:
        super().__init__(f"The history holds {name!r}, which {fault}. {remedy}")


def tables_of_frames(frames: Mapping[str, Any]) -> MemoryTables:
    """Turns DataFrames into the tables of a history; the index is not looked at.

    NaN, None, NaT and NA are missing. Types are those of the columns, and what counts as a number, an id or
    a time is decided by the same readers as for files.

    Args:
        frames: by name of the table; DataFrames of pandas, or whatever Arrow reads as a table.

    Raises:
        FramesError: a name that is no table, or a value that cannot be one.
    """
    for name in frames:
        if name not in (*REQUIRED, SETTINGS_TABLE):
            raise FramesError(
                name, fault="is no table of it", remedy=f"Its tables are {', '.join(REQUIRED)}."
            )
    has_changes = "attribute_changes" in frames
    return MemoryTables(
        {name: _table(name, frame, has_changes=has_changes) for name, frame in frames.items()}
    )


def read_rows(path: Path) -> pd.DataFrame:
    """Reads a Parquet file that the rooms wrote; lists become lists, whole numbers and booleans may be NA."""
    table = pq.read_table(path)
    nested = [field.name for field in table.schema if pa.types.is_list(field.type)]
    types = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
    rows: pd.DataFrame = table.drop_columns(nested).to_pandas(types_mapper=types.get)
    for name in nested:
        rows.insert(table.column_names.index(name), name, pd.Series(table[name].to_pylist(), dtype=object))
    return rows


def _table(name: str, frame: Any, *, has_changes: bool) -> pa.Table:
    if isinstance(frame, pd.DataFrame):
        names = [str(column) for column in frame.columns]
        columns = [
            _column(
                frame.iloc[:, place],
                is_text=column in TEXTS[name],
                is_attribute=is_attribute(name, column),
                has_changes=has_changes,
            )
            for place, column in enumerate(names)
        ]
        return pa.table(columns, names=names)
    if hasattr(frame, "__arrow_c_stream__"):
        return pa.table(frame)
    raise FramesError(
        name, fault=f"is a {type(frame).__name__} and no table", remedy="Give a DataFrame for each table."
    )


def _column(
    column: pd.Series[Any], *, is_text: bool, is_attribute: bool, has_changes: bool
) -> pa.Array | pa.ChunkedArray:
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.astype(column.dtype.subtype)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        # As Arrow would do it, but without a way that pandas 3.1 deprecates.
        instants = pa.array(column.dt.tz_convert(None), from_pandas=True)
        return instants.cast(pa.timestamp(instants.type.unit, "UTC"))
    if column.dtype == object:
        missing = column.isna()
        cells = [None if empty else cell for cell, empty in zip(column, missing, strict=True)]
        array = array_of_cells(cells, is_text=is_text, is_attribute=is_attribute)
        if not (is_attribute and has_changes):
            return array
        # Where changes are known before any of the cells, they alone tell the type of the attribute.
        tagged = as_tagged(pa.chunked_array([array]), TEXT_RULE)
        return array if tagged is None else tagged
    return _without_nan(pa.array(column, from_pandas=True))


def _without_nan(cells: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Makes NaN missing where a column of Arrow's own types holds it as a number."""
    return pc.if_else(pc.is_nan(cells), None, cells) if pa.types.is_floating(cells.type) else cells
