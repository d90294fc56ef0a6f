"""Columns of Python values, as databases and DataFrames hand them over."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from features.history.text_rule import EXACT_FLOATS, TEXT_RULE, TextRule, object_text
from features.parsing.tagged_cells import has_large, needs_tags, tagged_array

# Objects and lists are neither attributes nor ids; whatever their shape, they have one type in every chunk.
NESTED: Final = pa.json_()

_WORDS: Final = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_BOOLEANS: Final = frozenset({bool, np.bool_})
_INT64: Final = 2**63
# What Arrow raises for cells that are no column, and for columns that are none together.
NO_COLUMN: Final = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def array_of_cells(
    cells: Sequence[Any],
    rule: TextRule = TEXT_RULE,
    *,
    is_boolean: bool = False,
    is_text: bool = False,
    is_attribute: bool = False,
) -> pa.Array:
    """Makes a column of cells, None where missing.

    Where cells are of several types, as SQLite and pandas allow, or of a type that Arrow has no plain column
    for, all become text. So do times of which only some have a zone: Arrow would take the others for UTC.
    Numbers among which a missing cell is spelled out stay numbers, and decimals keep all of their digits.

    Args:
        cells: values of one column.
        rule: by which cells become texts.
        is_boolean: whether the column is declared to hold booleans; SQLite hands them over as 0, 1 or text.
        is_text: whether it is read as texts whatever its type: then a lone dash beside numbers is a text.
        is_attribute: whether it is an attribute: then cells of several types keep their own.

    >>> array_of_cells([7, None, "A-8", 9.0]).to_pylist()
    ['7', None, 'A-8', '9']
    """
    if is_boolean:
        cells = _booleans(cells, rule)
    kinds = {type(cell) for cell in cells} - {type(None)}
    if kinds & {dict, list}:
        return nested_array(cells)
    if is_attribute and len(kinds) > 1 and needs_tags(cells, rule):
        return tagged_array(cells, rule)
    if kinds == {Decimal}:
        return _decimals(cells)
    if kinds & _BOOLEANS and kinds - _BOOLEANS:
        # Arrow takes a boolean after a number for 1 or 0.
        return _several_types(cells, rule, rule.spellings)
    try:
        column = pa.array(cells)
    except NO_COLUMN:
        if is_attribute and has_large(cells, rule):
            return tagged_array(cells, rule)
        return _several_types(cells, rule, rule.spellings if is_text else rule.no_numbers)
    is_zoned_in_part = pa.types.is_timestamp(column.type) and len({*map(_has_zone, cells)} - {None}) > 1
    return (
        _texts(cells, rule) if is_zoned_in_part or isinstance(column.type, pa.BaseExtensionType) else column
    )


def nested_array(cells: Sequence[Any]) -> pa.Array:
    """Makes a column of objects and lists, each as JSON."""
    texts = [None if cell is None else json.dumps(cell, default=str) for cell in cells]
    return pa.ExtensionArray.from_storage(NESTED, pa.array(texts, pa.string()))


def _booleans(cells: Sequence[Any], rule: TextRule) -> Sequence[Any]:
    """Reads booleans; gives all cells as they are where a text is none."""
    spellings = rule.spellings
    try:
        return [
            None
            if cell is None or cell in spellings
            else _WORDS[cell.lower()]
            if isinstance(cell, str)
            else bool(cell)
            for cell in cells
        ]
    except KeyError:
        return cells


def _decimals(cells: Sequence[Decimal | None]) -> pa.Array:
    """Keeps decimals as integers or floats where these hold all digits, else as they are."""
    numbers = [None if cell is None or cell.is_nan() else cell for cell in cells]
    there = [number for number in numbers if number is not None]
    if all(number.is_finite() for number in there):
        if all(number == number.to_integral_value() and abs(number) < _INT64 for number in there):
            return pa.array([None if number is None else int(number) for number in numbers], pa.int64())
        if not all(map(_is_float, there)):
            try:
                return pa.array(numbers)
            except pa.ArrowInvalid:
                # More than 76 digits: no id is as long.
                pass
    return pa.array([None if number is None else float(number) for number in numbers], pa.float64())


def _is_float(number: Decimal) -> bool:
    return abs(number) < EXACT_FLOATS and Decimal(repr(float(number))) == number


def _several_types(cells: Sequence[Any], rule: TextRule, missing: frozenset[str]) -> pa.Array:
    """Makes a column of what Arrow takes for several types: of texts, unless all texts are missing cells."""
    texts = {cell for cell in cells if isinstance(cell, str)}
    if rule.number > 1 and texts and texts <= missing:
        return array_of_cells([None if isinstance(cell, str) else cell for cell in cells], rule)
    return _texts(cells, rule)


def _has_zone(cell: datetime | None) -> bool | None:
    return None if cell is None else cell.tzinfo is not None


def _texts(cells: Sequence[Any], rule: TextRule) -> pa.Array:
    return pa.array([object_text(cell, rule) for cell in cells], pa.string())
