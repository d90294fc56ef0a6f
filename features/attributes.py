"""Reads attributes: which type a column has, and its values as numbers or codes."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa

from features.columns import Attribute, AttributeType, Bools, Categories, Floats
from features.number_columns import as_numbers, numbers_of_texts
from features.tables import Rows
from features.text_columns import Texts, as_categories, as_texts
from features.time_columns import as_times

# Texts that stand for a boolean, in any case; 1 and 0 only where the type is given.
_TRUTHS: Final = {"true": 1.0, "false": 0.0}
_DIGITS: Final = {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}

# A category that is different for nearly every lead: at least this many values, and this share of the leads.
_OWN_VALUES: Final = 100
_OWN_SHARE: Final = 0.9


def read_attribute(rows: Rows, name: str, *, type_: AttributeType | None, is_typed: bool) -> Attribute | None:
    """Reads the values of an attribute at creation.

    Args:
        rows: the table `leads`.
        name: of the column.
        type_: the type, if it is given.
        is_typed: whether the column's own type tells it; else the texts do.

    Returns:
        (rows,) in the order of the rows; None where there is no value at all, or none that can be used.
    """
    column = rows.columns[name]
    told = type_ or (type_of_column(column) if is_typed else type_of_texts(as_texts(column)))
    if told is None:
        rows.findings.add("D034", table="leads", column=name, present=_name_of(column, is_typed=is_typed))
        return None
    attribute = _values_of(rows, name, told)
    if np.isnan(attribute.values).all():
        if len(rows):
            rows.findings.add("D032", table="leads", column=name)
        return None
    _report_variety(rows, name, attribute)
    return attribute


def type_of_column(column: pa.ChunkedArray) -> AttributeType | None:
    """Tells the type of an attribute from its column's type; None where it can be none."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "number"
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return "category" if is_text or pa.types.is_null(kind) else None


def type_of_texts(texts: Texts | None) -> AttributeType | None:
    """Tells the type from the texts: all true or false, all numbers, else categories; None for times."""
    if texts is None:
        return None
    distinct = Texts(np.arange(len(texts.values), dtype=np.int32), texts.values)
    if not len(texts.values):
        return "category"
    if len(texts.values) <= 6 and all(text.lower() in _TRUTHS for text in texts.values.to_pylist()):
        return "boolean"
    if not numbers_of_texts(distinct)[1].any():
        return "number"
    times = as_times(pa.chunked_array([texts.values]))
    return None if times is not None and not times.faulty.any() else "category"


def values_of_texts(texts: Texts, type_: AttributeType) -> tuple[Floats, tuple[str, ...], Bools]:
    """Turns texts into values of a type.

    Returns:
        (rows,) numbers or codes, NaN where missing; the categories; (rows,) which texts are no value.
    """
    if type_ == "category":
        return *codes_as_numbers(as_categories(texts)), np.zeros(len(texts.codes), np.bool_)
    if type_ == "number":
        values, is_faulty = numbers_of_texts(texts)
        return values, (), is_faulty
    words = [(_TRUTHS | _DIGITS).get(text.lower(), np.nan) for text in texts.values.to_pylist()]
    values = np.append(np.array(words, np.float64), np.nan)[texts.codes]
    return values, (), np.isnan(values) & (texts.codes >= 0)


def text_of(value: float | str) -> str:
    """Writes one value as the text of a category: a whole number as its digits.

    >>> text_of(5.0), text_of(True)
    ('5', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def number_of(value: float | str, type_: AttributeType) -> float:
    """Reads one value as a number or boolean; NaN where it is neither."""
    if isinstance(value, str):
        texts = Texts(np.zeros(1, np.int32), pa.array([value], pa.string()))
        return float(values_of_texts(texts, type_)[0][0])
    number = float(value) + 0.0
    return number if type_ == "number" or number in (0.0, 1.0) else np.nan


def codes_as_numbers(categories: Categories) -> tuple[Floats, tuple[str, ...]]:
    """Turns codes into numbers, NaN where missing."""
    codes = categories.codes
    return np.where(codes < 0, np.nan, codes.astype(np.float64)), categories.values


def _values_of(rows: Rows, name: str, type_: AttributeType) -> Attribute:
    column = rows.columns[name]
    if type_ != "category":
        plain = None if pa.types.is_dictionary(column.type) else as_numbers(column)
        if plain is not None and type_of_column(column) != "category":
            values, is_faulty = plain
            if type_ == "boolean":
                is_faulty = ~(np.isnan(values) | (values == 0) | (values == 1))
                values = np.where(is_faulty, np.nan, values)
            return Attribute(type_, _sound(rows, name, type_, values, is_faulty))
    texts = as_texts(column)
    if texts is None:
        rows.findings.add("D034", table="leads", column=name, present=str(column.type))
        return Attribute(type_, np.full(len(rows), np.nan))
    values, categories, is_faulty = values_of_texts(texts, type_)
    return Attribute(type_, _sound(rows, name, type_, values, is_faulty), categories)


def _sound(rows: Rows, name: str, type_: AttributeType, values: Floats, is_faulty: Bools) -> Floats:
    if type_ == "number":
        return rows.finite(name, values, is_faulty)
    rows.report("D031", is_faulty, column=name, expected=type_)
    return values


def _report_variety(rows: Rows, name: str, attribute: Attribute) -> None:
    distinct = len(np.unique(attribute.values[~np.isnan(attribute.values)]))
    if distinct == 1 and len(rows) > 1 and not np.isnan(attribute.values).any():
        rows.findings.add("D033", table="leads", column=name)
    filled = int((~np.isnan(attribute.values)).sum())
    if attribute.type == "category" and distinct >= _OWN_VALUES and distinct >= _OWN_SHARE * filled:
        rows.findings.add("D035", table="leads", column=name, count=distinct)


def _name_of(column: pa.ChunkedArray, *, is_typed: bool) -> str:
    return f"of type {column.type}" if is_typed else "a time"
