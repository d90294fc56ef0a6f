"""Reads columns of times as microseconds UTC."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools, Ints
from features.history.text_rule import TextRule
from features.parsing.text_columns import is_text, without_missing
from features.times import US_PER_DAY, to_us

# Marks an empty cell while a column of times is read; less than every instant that parses.
NO_TIME: Final = -(2**63)
_EARLIEST: Final = to_us(datetime(1, 1, 1, tzinfo=UTC))
_LATEST: Final = to_us(datetime.max.replace(tzinfo=UTC))
# Sentinels of the first and the last year, written in a zone of their own, lie up to a day outside.
_ZONES_US: Final = US_PER_DAY
_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
_EPOCH: Final = re.compile(r"^[0-9]{9,16}(?:\.[0-9]*)?$")
# From 1973 to 2286 in microseconds: the ranges of the three units do not overlap.
_FIRST_EPOCH, _LAST_EPOCH = 10**14, 10**16


@dataclass(frozen=True, slots=True)
class Times:
    """A column of times.

    Attributes:
        us: (rows,) microseconds UTC, NO_TIME where missing or faulty.
        naive: (rows,) whether the cell is a time without a zone.
        faulty: (rows,) whether the cell is not a time.
    """

    us: Ints
    naive: Bools
    faulty: Bools


def as_times(column: pa.ChunkedArray, rule: TextRule) -> Times | None:
    """Reads a column of times, truncated to microseconds; None where its type cannot hold times."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        return _in_range(_to_us(column.cast(_TIMESTAMP, safe=False)))
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        is_naive = np.asarray(column.is_valid())
        return Times(np.full(len(column), NO_TIME), is_naive, np.zeros(len(column), np.bool_))
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _in_range(_epochs_to_us(column))
    if pa.types.is_null(column.type):
        return _in_range(np.full(len(column), NO_TIME))
    return _times_of_texts(column.cast(pa.string()), rule) if is_text(column.type) else None


def _to_us(moments: pa.ChunkedArray) -> Ints:
    return np.asarray(moments.cast(pa.int64()).fill_null(NO_TIME).to_numpy(), np.int64)


def _in_range(us: Ints) -> Times:
    """Reports instants outside the years 1 to 9999 as faulty; bounds those that only a zone puts there."""
    is_faulty = (us != NO_TIME) & ((us < _EARLIEST - _ZONES_US) | (us > _LATEST + _ZONES_US))
    bounded = np.where(is_faulty | (us == NO_TIME), NO_TIME, np.clip(us, _EARLIEST, _LATEST))
    return Times(bounded, np.zeros(len(us), np.bool_), is_faulty)


def _times_of_texts(column: pa.ChunkedArray, rule: TextRule) -> Times:
    column = without_missing(column, rule.no_numbers)
    try:
        return _in_range(_to_us(column.cast(_TIMESTAMP)))
    except pa.ArrowInvalid:
        pass
    # Of exports: a zone that is written out, and a small z, which RFC 3339 allows.
    column = pc.replace_substring_regex(column, r"\s*(?:UTC|GMT|[zZ])$", "Z")
    try:
        return _in_range(_to_us(column.cast(_TIMESTAMP)))
    except pa.ArrowInvalid:
        return _times_one_by_one(column.to_pylist())


def _times_one_by_one(texts: list[str | None]) -> Times:
    """Reads texts that Arrow cannot: with more digits than microseconds, or with faults among them."""
    us = np.full(len(texts), NO_TIME)
    naive, faulty = np.zeros((2, len(texts)), np.bool_)
    for row, text in enumerate(texts):
        if text is None:
            continue
        if _EPOCH.match(text):
            us[row] = _epoch_to_us(float(text) if "." in text else int(text))
            faulty[row] = us[row] == NO_TIME
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
    bounded = _in_range(us)
    return Times(bounded.us, naive, faulty | bounded.faulty)


def _epoch_to_us(number: float) -> int:
    """Reads seconds, milliseconds or microseconds since 1970, which their size tells apart.

    Returns:
        Microseconds UTC; NO_TIME for a number that is none of them: all lie between 1973 and 2286.

    >>> _epoch_to_us(1_682_935_200) == _epoch_to_us(1_682_935_200_000) == 1_682_935_200_000_000
    True
    """
    for scale in (1_000_000, 1_000, 1):
        if _FIRST_EPOCH <= number * scale < _LAST_EPOCH:
            return round(number * scale)
    return NO_TIME


def _epochs_to_us(column: pa.ChunkedArray) -> Ints:
    numbers = column.to_numpy()
    us = np.full(len(column), NO_TIME)
    is_valid = np.asarray(column.is_valid()) & np.isfinite(numbers)
    us[is_valid] = [_epoch_to_us(number) for number in numbers[is_valid].tolist()]
    return np.where(is_valid & (us == NO_TIME), NO_TIME + 1, us)
