"""Reads the attributes of the table `leads`, and reports the columns that are of little use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa

from features.history.lead_history import Attribute, AttributeType, Bools, Floats
from features.parsing.attribute_values import type_of_column, type_of_texts, values_of_texts
from features.parsing.number_columns import as_numbers
from features.parsing.text_columns import as_texts
from features.tables.schema import OPTIONAL, REQUIRED
from features.tables.table_reader import Rows

# A category that is different for nearly every lead: at least so many values, and this share of the filled.
_OWN_VALUES: Final = 100
_OWN_SHARE: Final = 0.9


def read_attributes(
    rows: Rows, *, attribute_types: Mapping[str, AttributeType], is_typed: bool
) -> tuple[dict[str, Attribute], tuple[str, ...]]:
    """Reads the values at creation.

    Args:
        rows: the table `leads`.
        attribute_types: types by attribute name that are not to be told from the values.
        is_typed: whether the columns have types of their own; else they are told from the texts.

    Returns:
        Attributes by name, in the order of the rows; and the names of the columns that have neither values
        nor a type, so that changes may give them both.
    """
    attributes: dict[str, Attribute] = {}
    untold = []
    for name in sorted({*rows.columns.column_names} - {*REQUIRED["leads"], *OPTIONAL["leads"]}):
        column = rows.columns[name]
        is_told = name in attribute_types or (is_typed and not pa.types.is_null(column.type))
        if not is_told and column.null_count == len(column):
            untold.append(name)
            continue
        attribute = _read_attribute(
            rows, name, attribute_types.get(name) or _type_of(column, is_typed=is_typed)
        )
        if attribute is None:
            present = f"of type {column.type}" if is_typed else "a time"
            rows.findings.add("D034", table="leads", column=name, present=present)
        else:
            attributes[name] = attribute
            _report_variety(rows, name, attribute)
    return attributes, tuple(untold)


def _type_of(column: pa.ChunkedArray, *, is_typed: bool) -> AttributeType | None:
    if is_typed:
        return type_of_column(column)
    texts = as_texts(column)
    return None if texts is None else type_of_texts(texts)


def _read_attribute(rows: Rows, name: str, type_: AttributeType | None) -> Attribute | None:
    """Reads one column; None where it is of no use."""
    column = rows.columns[name]
    if type_ is None:
        return None
    if type_ != "category" and type_of_column(column) in ("number", "boolean"):
        numbers = as_numbers(column)
        return None if numbers is None else Attribute(type_, _sound(rows, name, type_, *numbers))
    texts = as_texts(column)
    if texts is None:
        return None
    values, categories, is_faulty = values_of_texts(texts, type_)
    return Attribute(type_, _sound(rows, name, type_, values, is_faulty), categories)


def _sound(rows: Rows, name: str, type_: AttributeType, values: Floats, is_faulty: Bools) -> Floats:
    """Reports cells that are no value of the type, and makes them missing."""
    if type_ == "number":
        return rows.finite(name, values, is_faulty)
    if type_ == "boolean":
        is_other = ~(np.isnan(values) | (values == 0) | (values == 1))
        rows.report("D031", is_faulty | is_other, column=name, expected=type_)
        return np.where(is_other, np.nan, values)
    return values


def _report_variety(rows: Rows, name: str, attribute: Attribute) -> None:
    is_filled = ~np.isnan(attribute.values)
    filled, distinct = int(is_filled.sum()), len(np.unique(attribute.values[is_filled]))
    if distinct == 1 and filled == len(rows) > 1:
        rows.findings.add("D033", table="leads", column=name)
    if attribute.type == "category" and distinct >= _OWN_VALUES and distinct >= _OWN_SHARE * filled:
        rows.findings.add("D035", table="leads", column=name, count=distinct)
