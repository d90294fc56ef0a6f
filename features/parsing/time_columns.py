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
from features.history.settings import Format
from features.history.text_rule import TextRule
from features.parsing.marks import decide
from features.parsing.text_columns import is_text, without_missing
from features.parsing.written_times import ORDERS, order_of, read_time, time_marks
from features.times import US_PER_DAY, to_us

# Marks an empty cell while a column of times is read; less than every instant that parses.
NO_TIME: Final = -(2**63)
_EARLIEST: Final = to_us(datetime(1, 1, 1, tzinfo=UTC))
_LATEST: Final = to_us(datetime.max.replace(tzinfo=UTC))
# Sentinels of the first and the last year, written in a zone of their own, lie up to a day outside.
_ZONES_US: Final = US_PER_DAY
_US_PER_UNIT: Final = {"s": 1_000_000, "ms": 1_000}
_TIMESTAMP: Final = pa.timestamp("us", tz="UTC")
_CLOCK: Final = pa.timestamp("us")
# Length of a date without a time of day; a time of day adds to it.
_DATE_LENGTH: Final = 10
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
        is_day: (rows,) whether the cell is a day without a time of day, which counts at its end.
    """

    us: Ints
    naive: Bools
    faulty: Bools
    is_day: Bools


def as_times(
    column: pa.ChunkedArray, rule: TextRule, *, format_: Format | None = None, zone: str | None = None
) -> Times | None:
    """Reads a column of times, truncated to microseconds; None where its type cannot hold times.

    Args:
        column: the cells.
        rule: rule by which texts are missing.
        format_: the order of day and month, or `date`, where only the day counts; None: as written.
        zone: IANA name of the zone of times that carry none, and of days; None: such cells are naive.
    """
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    read = _read(column, rule, format_)
    if read is None:
        return None
    if format_ == "date":
        read = read.as_days()
    return read.in_zone(zone)


@dataclass(frozen=True, slots=True)
class _Cells:
    """Cells as they are written: instants where they carry a zone, else times on a local clock.

    Attributes:
        us: (rows,) microseconds since 1970, NO_TIME where missing or faulty.
        is_local: (rows,) whether the cell carries no zone.
        is_day: (rows,) whether it has no time of day.
        faulty: (rows,) whether it is not a time.
    """

    us: Ints
    is_local: Bools
    is_day: Bools
    faulty: Bools

    @classmethod
    def of_one_sort(cls, us: Ints, *, is_local: bool = False, is_day: bool = False) -> _Cells:
        """Takes cells that all carry a zone or all do not; NO_TIME where missing."""
        is_there = us != NO_TIME
        none = np.zeros(len(us), np.bool_)
        return cls(us, is_there if is_local else none, is_there if is_day else none, none)

    def as_days(self) -> _Cells:
        """Leaves out the time of day; the day is that which is written."""
        is_there = self.us != NO_TIME
        days = np.where(is_there, self.us // US_PER_DAY * US_PER_DAY, NO_TIME)
        return _Cells(days, is_there, is_there, self.faulty)

    def in_zone(self, zone: str | None) -> Times:
        """Gives instants: a day counts at its end, and local times need a zone."""
        timed = _in_range(np.where(self.is_local, NO_TIME, self.us))
        faulty = self.faulty | timed.faulty
        if zone is None or not self.is_local.any():
            return Times(timed.us, self.is_local, faulty, self.is_day & ~self.is_local)
        # Imported here: a server, which reads times with a zone only, does not need it.
        from features.parsing.zones import ends_of_days, to_instants

        us = timed.us.copy()
        is_time = self.is_local & ~self.is_day
        us[is_time] = to_instants(self.us[is_time], zone)
        us[self.is_day] = ends_of_days(self.us[self.is_day] // US_PER_DAY, zone)
        bounded = _in_range(us)
        return Times(bounded.us, np.zeros(len(us), np.bool_), faulty | bounded.faulty, self.is_day)


def _read(column: pa.ChunkedArray, rule: TextRule, format_: Format | None) -> _Cells | None:
    type_ = column.type
    if pa.types.is_timestamp(type_):
        return _Cells.of_one_sort(_to_us(column), is_local=type_.tz is None)
    if pa.types.is_date(type_):
        return _Cells.of_one_sort(_to_us(column), is_local=True, is_day=True)
    if pa.types.is_integer(type_) or pa.types.is_floating(type_):
        return _Cells.of_one_sort(_epochs_to_us(column))
    if pa.types.is_null(type_):
        return _Cells.of_one_sort(np.full(len(column), NO_TIME))
    return _cells_of_texts(column.cast(pa.string()), rule, format_) if is_text(type_) else None


def _to_us(moments: pa.ChunkedArray) -> Ints:
    """Gives microseconds, truncated, on the clock of the column: UTC where it has a zone."""
    plain = pa.timestamp("us", tz=moments.type.tz if pa.types.is_timestamp(moments.type) else None)
    try:
        us = pc.cast(moments, options=pc.CastOptions(plain, allow_time_truncate=True))
    except pa.ArrowInvalid:
        return _beyond_us(moments)
    return np.asarray(us.cast(pa.int64()).fill_null(NO_TIME).to_numpy(), np.int64)


def _beyond_us(moments: pa.ChunkedArray) -> Ints:
    """Gives microseconds of moments some of which they cannot hold: those lie far outside the years."""
    of_days = pa.types.is_date32(moments.type)
    scale = US_PER_DAY if of_days else _US_PER_UNIT[getattr(moments.type, "unit", "ms")]
    counts = moments.cast(pa.int32() if of_days else pa.int64()).to_pylist()
    bounded = (NO_TIME if n is None else min(max(n * scale, NO_TIME + 1), -NO_TIME - 1) for n in counts)
    return np.fromiter(bounded, np.int64, len(counts))


def _in_range(us: Ints) -> Times:
    """Reports instants outside the years 1 to 9999 as faulty; bounds those that only a zone puts there."""
    is_faulty = (us != NO_TIME) & ((us < _EARLIEST - _ZONES_US) | (us > _LATEST + _ZONES_US))
    bounded = np.where(is_faulty | (us == NO_TIME), NO_TIME, np.clip(us, _EARLIEST, _LATEST))
    none = np.zeros(len(us), np.bool_)
    return Times(bounded, none, is_faulty, none)


def _cells_of_texts(column: pa.ChunkedArray, rule: TextRule, format_: Format | None) -> _Cells:
    column = without_missing(column, rule.no_numbers)
    try:
        return _Cells.of_one_sort(_to_us(column.cast(_TIMESTAMP)))
    except pa.ArrowInvalid:
        pass
    # Of exports: a zone that is written out, and a small z, which RFC 3339 allows.
    column = pc.replace_substring_regex(column, r"\s*(?:UTC|GMT|[zZ])$", "Z")
    try:
        return _Cells.of_one_sort(_to_us(column.cast(_TIMESTAMP)))
    except pa.ArrowInvalid:
        pass
    try:
        return _with_days(_to_us(column.cast(_CLOCK)), column)
    except pa.ArrowInvalid:
        return _cells_one_by_one(column, format_)


def _with_days(us: Ints, column: pa.ChunkedArray) -> _Cells:
    """Takes local times, of which those that are written as a date alone are days."""
    is_day = np.asarray(pc.equal(pc.utf8_length(column), _DATE_LENGTH).fill_null(False))
    return _Cells(us, us != NO_TIME, is_day, np.zeros(len(us), np.bool_))


def _cells_one_by_one(column: pa.ChunkedArray, format_: Format | None) -> _Cells:
    """Reads texts that Arrow cannot: of several sorts, in other orders, with faults among them."""
    encoded = column.combine_chunks().dictionary_encode()
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy(zero_copy_only=False)
    order = format_ if format_ in ORDERS else decide(time_marks(column), ORDERS).format
    read = [_read_text(text, order) for text in encoded.dictionary.to_pylist()]
    us, is_local, is_day, faulty = zip(*read, (NO_TIME, False, False, False), strict=True)
    cells = (np.array(us, np.int64), *(np.array(each, np.bool_) for each in (is_local, is_day, faulty)))
    return _Cells(*(each[codes] for each in cells))


def _read_text(text: str, order: Format | None) -> tuple[int, bool, bool, bool]:
    """Reads one text as in `_Cells`; spaces around it tell nothing."""
    text = text.strip()
    if _EPOCH.match(text):
        us = _epoch_to_us(float(text) if "." in text else int(text))
        return us, False, False, us == NO_TIME
    try:
        moment, is_day = datetime.fromisoformat(text), len(text) <= _DATE_LENGTH
    except ValueError:
        written = read_time(text, order_of(order))
        if written is None:
            return NO_TIME, False, False, True
        moment, is_day = written
    if moment.tzinfo is None:
        return to_us(moment.replace(tzinfo=UTC)), True, is_day, False
    return to_us(moment), False, False, False


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
