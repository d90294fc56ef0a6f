"""Arrow columns from the Python values of databases and DataFrames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from features.history.text_rule import category_text


def array_of_cells(cells: Sequence[Any]) -> pa.Array:
    """Builds a column from cells, None where missing.

    All cells become text where they have several types, as SQLite and pandas allow, or a type without a plain
    Arrow column. So do times of which only some have a zone: Arrow would read the others as UTC.

    Args:
        cells: values of one column.

    >>> array_of_cells([7, None, "A-8", 9.0]).to_pylist()
    ['7', None, 'A-8', '9']
    """
    if any(isinstance(cell, Decimal) for cell in cells):
        cells = [None if cell is None else float(cell) for cell in cells]
    try:
        column = pa.array(cells)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError):
        return _texts(cells)
    is_zoned_in_part = pa.types.is_timestamp(column.type) and len({*map(_has_zone, cells)} - {None}) > 1
    return _texts(cells) if is_zoned_in_part or isinstance(column.type, pa.BaseExtensionType) else column


def _has_zone(cell: datetime | None) -> bool | None:
    return None if cell is None else cell.tzinfo is not None


def _texts(cells: Sequence[Any]) -> pa.Array:
    return pa.array([None if cell is None else _text(cell) for cell in cells], pa.string())


def _text(cell: Any) -> str:
    return category_text(cell.item() if isinstance(cell, np.generic) else cell)
