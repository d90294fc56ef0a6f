"""Infers the type of an attribute, and reads texts as values of a type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.categories import few_texts
from features.history.lead_history import AttributeType, Bools, Floats
from features.history.settings import Format
from features.history.text_rule import TextRule
from features.parsing.number_columns import BOOLEANS, are_booleans, numbers_of_texts
from features.parsing.text_columns import Texts, as_categories, is_text
from features.parsing.time_columns import as_times
from features.parsing.written_numbers import NEARLY_ALL, may_be_written, read_written
from features.parsing.written_times import ORDERS, may_be_times, read_time

# Digits are booleans only where the type is given.
_DIGITS: Final = {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
_CODE: Final = r"^[+-]?0[0-9]"
# Number of ways to write both names in lower, upper and title case.
_SPELLINGS: Final = 6


def type_of_column(column: pa.ChunkedArray) -> AttributeType | None:
    """Infers the type of an attribute from the type of its column; None where it cannot be an attribute."""
    type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_boolean(type_):
        return "boolean"
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_):
        return "number"
    return "category" if is_text(type_) else None


@dataclass(frozen=True, slots=True)
class InferredType:
    """The type that texts imply.

    Attributes:
        type: boolean, number, else category; None where all texts are times.
        is_settled: whether any part of the texts implies the same type.
    """

    type: AttributeType | None
    is_settled: bool = True


def infer_type(texts: Texts, rule: TextRule, format_: Format | None = None) -> InferredType:
    """Infers the type from texts.

    Args:
        texts: the cells.
        rule: rule by which texts are missing.
        format_: how the column is written; None: as the cells tell.
    """
    distinct = Texts(np.arange(len(texts.values), dtype=np.int32), texts.values)
    has_few = len(texts.values) <= _SPELLINGS
    if has_few and all(text.lower() in BOOLEANS for text in texts.values.to_pylist()):
        return InferredType("boolean")
    # Booleans among numbers are other texts, though a column of numbers takes them for 1 and 0.
    is_boolean = are_booleans(texts.values)
    # A number that begins with zeros is a code, such as a postal one: as a number it would lose them.
    is_code = np.asarray(pc.match_substring_regex(texts.values, _CODE)).astype(np.bool_)
    is_unread = numbers_of_texts(distinct, rule, format_)[1]
    is_other = is_unread | is_boolean | is_code
    if not is_other.any():
        return InferredType("number")
    # A date such as 03/04/2016 begins with a zero too, but is no number.
    is_time = _which_are_times(texts.values, rule) & (is_unread | ~is_code)
    if is_time.all():
        return InferredType(None)
    is_number = ~is_other | _look_like_numbers(texts.values, is_other & ~is_code)
    count = np.bincount(texts.codes[texts.codes >= 0], minlength=len(is_other))
    are_nearly_all = count[is_number].sum() >= NEARLY_ALL * count.sum()
    type_: AttributeType = "number" if rule.number > 1 and are_nearly_all else "category"
    return InferredType(type_, is_settled=not (is_number | is_boolean | is_time).any())


def _which_are_times(values: pa.Array, rule: TextRule) -> Bools:
    """Finds (n,) texts that are times, in whatever order of day and month."""
    times = as_times(pa.chunked_array([values]), rule)
    if times is None:
        return np.zeros(len(values), np.bool_)
    is_time = ~times.faulty
    others = np.flatnonzero(times.faulty)
    others = others[may_be_times(values.take(pa.array(others)))]
    texts = values.take(pa.array(others)).to_pylist()
    is_time[others] = [any(read_time(text, order) for order in ORDERS) for text in texts]
    return is_time


def _look_like_numbers(values: pa.Array, is_other: Bools) -> Bools:
    """Finds (n,) texts that are no numbers, but look like one whose decimal mark is not sure."""
    others = np.flatnonzero(is_other)
    others = others[may_be_written(values.take(pa.array(others)))]
    _, looks_like = read_written(values.take(pa.array(others)).to_pylist(), None)
    is_like = np.zeros(len(is_other), np.bool_)
    is_like[others[looks_like]] = True
    return is_like


def values_of_texts(
    texts: Texts, type_: AttributeType, rule: TextRule, format_: Format | None = None
) -> tuple[Floats, tuple[str, ...], Bools]:
    """Reads texts as values of a type.

    Args:
        texts: the cells.
        type_: number, boolean or category.
        rule: rule by which texts are missing.
        format_: how numbers are written; None: as the cells tell.

    Returns:
        (rows,) numbers or codes, NaN where missing; the categories; (rows,) which texts are not of the type.
    """
    if type_ == "category":
        categories = as_categories(texts)
        codes = np.where(categories.codes < 0, np.nan, categories.codes.astype(np.float64))
        return codes, categories.values, np.zeros(len(codes), np.bool_)
    if type_ == "number":
        values, is_faulty = numbers_of_texts(texts, rule, format_)
        return values, (), is_faulty
    booleans = [(BOOLEANS | _DIGITS).get(text.lower(), np.nan) for text in texts.values.to_pylist()]
    values = np.append(np.array(booleans, np.float64), np.nan)[texts.codes]
    return values, (), np.isnan(values) & (texts.codes >= 0)


def values_of_text(text: str, type_: AttributeType, rule: TextRule) -> float:
    """Reads a single text as a number or boolean; NaN where it is neither."""
    texts = Texts(np.zeros(1, np.int32), few_texts([text]))
    return float(values_of_texts(texts, type_, rule)[0][0])
