"""Turns the columns of a table as they came into arrays: texts into codes, times into microseconds, numbers.

Nothing here knows what a column is for. An empty text is missing, everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.columns import Categories, Codes, Floats, Ints
from features.times import to_us

Bools = npt.NDArray[np.bool_]

# Stands for an empty cell in a column of times while it is read; earlier than any instant that parses.
NO_TIME: Final = -(2**63)
_EARLIEST: Final = to_us(datetime(1, 1, 1, tzinfo=UTC))
_LATEST: Final = to_us(datetime(9999, 12, 31, tzinfo=UTC))
_MOMENTS: Final = pa.timestamp("us", tz="UTC")


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts, each distinct one once.

    Attributes:
        codes: (rows,) index into `values`, -1 where missing.
        values: distinct, in no particular order, none empty.
    """

    codes: Codes
    values: pa.Array


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Attributes:
        us: (rows,) microseconds UTC, NO_TIME where missing or faulty.
        naive: (rows,) whether it is a time without a zone.
        faulty: (rows,) whether it is no time at all.
    """

    us: Ints
    naive: Bools
    faulty: Bools


def as_texts(column: pa.ChunkedArray) -> Texts | None:
    """Reads a column of texts, ids or categories; None where its type has no texts.

    Whole numbers become their digits, those that a missing value once turned into floats too.
    """
    if pa.types.is_dictionary(column.type):
        if not _is_text(column.type.value_type):
            return as_texts(column.cast(column.type.value_type))
    elif not _is_text(column.type):
        digits = _as_digits(column)
        return None if digits is None else as_texts(digits)
    else:
        column = pc.dictionary_encode(column)
    if not column.num_chunks:
        return Texts(np.empty(0, np.int32), pa.array([], pa.string()))
    encoded = column.unify_dictionaries().combine_chunks()
    encoded = encoded.chunk(0) if isinstance(encoded, pa.ChunkedArray) else encoded
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int32, copy=False)
    return _without_empty(Texts(codes, encoded.dictionary.cast(pa.string())))


def as_categories(texts: Texts) -> Categories:
    """Sorts the distinct texts and keeps those that occur."""
    order = pc.sort_indices(texts.values).to_numpy()
    ranks = np.empty(len(order) + 1, np.int32)
    ranks[order] = np.arange(len(order), dtype=np.int32)
    ranks[-1] = -1
    return compact(ranks[texts.codes], tuple(texts.values.take(pa.array(order)).to_pylist()))


def compact(codes: Codes, values: tuple[str, ...]) -> Categories:
    """Keeps the values that occur, so that codes are those of a column that never held the others.

    >>> compact(np.array([2, -1, 0], np.int32), ("a", "b", "c"))
    Categories(codes=array([ 1, -1,  0], dtype=int32), values=('a', 'c'))
    """
    is_used = np.zeros(len(values) + 1, np.bool_)
    is_used[codes] = True
    if is_used[:-1].all():
        return Categories(codes, values)
    ranks = (np.cumsum(is_used, dtype=np.int32) - 1).astype(np.int32)
    ranks[-1] = -1
    kept = tuple(value for value, used in zip(values, is_used[:-1], strict=True) if used)
    return Categories(ranks[codes], kept)


def as_times(column: pa.ChunkedArray) -> Times | None:
    """Reads a column of times; None where its type cannot hold them. Nanoseconds are cut off."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return _in_range(_to_us(column.cast(_MOMENTS, safe=False)))
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        is_there = np.asarray(column.is_valid())
        return Times(np.full(len(column), NO_TIME), is_there, np.zeros(len(column), np.bool_))
    if pa.types.is_null(column.type):
        return _in_range(np.full(len(column), NO_TIME))
    return _times_of_texts(column.cast(pa.string())) if _is_text(column.type) else None


def as_numbers(column: pa.ChunkedArray) -> tuple[Floats, Bools] | None:
    """Reads a column of numbers: values with NaN where missing, and which cells are no number.

    Returns:
        (rows,) values and (rows,) whether the cell holds something else; None where the type has no numbers.
    """
    if pa.types.is_dictionary(column.type) or _is_text(column.type):
        texts = as_texts(column)
        return None if texts is None else numbers_of_texts(texts)
    if pa.types.is_null(column.type) or _is_number(column.type):
        numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
        # Adding zero makes one zero of two: minus zero sorts like zero but has other bits.
        return np.add(numbers, 0.0, dtype=np.float64), np.zeros(len(column), np.bool_)
    return None


def numbers_of_texts(texts: Texts) -> tuple[Floats, Bools]:
    """Reads numbers written as text; see `as_numbers`."""
    try:
        values = texts.values.cast(pa.float64()).to_numpy(zero_copy_only=False)
        is_faulty = np.zeros(len(values) + 1, np.bool_)
    except pa.ArrowInvalid:
        values, is_faulty = _numbers_one_by_one(texts.values)
    return np.append(values + 0.0, np.nan)[texts.codes], is_faulty[texts.codes]


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _is_number(kind: pa.DataType) -> bool:
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(is_plain or pa.types.is_decimal(kind) or pa.types.is_boolean(kind))


def _as_digits(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    if pa.types.is_floating(column.type):
        try:
            return column.cast(pa.int64()).cast(pa.string())
        except pa.ArrowInvalid:
            return column.cast(pa.string())
    is_plain = pa.types.is_null(column.type) or _is_number(column.type)
    return column.cast(pa.string()) if is_plain else None


def _without_empty(texts: Texts) -> Texts:
    empty = pc.index(texts.values, "").as_py()
    if empty < 0:
        return texts
    codes = np.where(texts.codes == empty, -1, texts.codes - (texts.codes > empty)).astype(np.int32)
    return Texts(codes, texts.values.filter(pc.not_equal(texts.values, "")))


def _to_us(moments: pa.ChunkedArray) -> Ints:
    return np.asarray(moments.cast(pa.int64()).fill_null(NO_TIME).to_numpy(), np.int64)


def _in_range(us: Ints) -> Times:
    """Instants that no calendar of ours can write are no times."""
    is_faulty = (us != NO_TIME) & ((us < _EARLIEST) | (us > _LATEST))
    return Times(np.where(is_faulty, NO_TIME, us), np.zeros(len(us), np.bool_), is_faulty)


def _times_of_texts(column: pa.ChunkedArray) -> Times:
    column = pc.if_else(pc.equal(column, ""), None, column)
    try:
        return _in_range(_to_us(column.cast(_MOMENTS)))
    except pa.ArrowInvalid:
        return _times_one_by_one(column.to_pylist())


def _times_one_by_one(texts: list[str | None]) -> Times:
    """Reads what Arrow does not: more digits than microseconds, and columns with faults."""
    us = np.full(len(texts), NO_TIME)
    naive, faulty = np.zeros((2, len(texts)), np.bool_)
    for row, text in enumerate(texts):
        if text is None:
            continue
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            faulty[row] = True
            continue
        if moment.tzinfo is None:
            naive[row] = True
        else:
            us[row] = to_us(moment)
    return Times(us, naive, faulty)


def _numbers_one_by_one(values: pa.Array) -> tuple[Floats, Bools]:
    numbers = np.full(len(values), np.nan)
    is_faulty = np.zeros(len(values) + 1, np.bool_)
    for place, text in enumerate(values.to_pylist()):
        try:
            numbers[place] = values[place : place + 1].cast(pa.float64())[0].as_py()
        except pa.ArrowInvalid:
            is_faulty[place] = bool(text)
    return numbers, is_faulty
