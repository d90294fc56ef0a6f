"""Cells of a value without SQL, read from one record: what a server does with the body of a hook.

`features.imports.rows.cells` reads whole columns by the same rules in SQL; a test holds the two together.
This module loads neither DuckDB nor Arrow.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from features.history.text_rule import TextRule, category_text
from features.imports.format.values import DATE_FORMAT, EPOCH_FORMATS, EXCEL_FORMAT, PlainValue
from features.times import parse_time, to_us

TRUE: Final = ("true", "t", "yes", "y", "1", "1.0")
FALSE: Final = ("false", "f", "no", "n", "0", "0.0")
# Instants of which a number of seconds, milliseconds or microseconds can be told: 1973 to 2286.
FIRST_EPOCH, LAST_EPOCH = 10**14, 10**16
LAST_EXCEL_DAY: Final = 2958465  # of the year 9999
# Between these every instant can be written in every zone.
EARLIEST, LATEST = "0001-01-02T00:00:00Z", "9999-12-30T00:00:00Z"
_EARLIEST_US, _LATEST_US = parse_time(EARLIEST), parse_time(LATEST)

_CLOCK: Final = r"(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?"
_ZONE: Final = r"(Z|z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)"
_ZONE_NAME: Final = r"(?: ?(?:\[[A-Za-z_/+-]+\]|UTC))?"
_ISO: Final = re.compile(
    rf"(\d{{4}})[-/](\d{{1,2}})[-/](\d{{1,2}})(?:[ Tt]{_CLOCK}(?: ?{_ZONE}{_ZONE_NAME})?)?"
)
_EPOCH_TEXT: Final = re.compile(r"\d{9,17}(\.\d+)?")
_HALVES: Final = ((re.compile("[\u00a0\u202f]"), " "), (re.compile(r"([AaPp])\.[ ]?([Mm])\.?"), r"\1\2"))
_TIMES_OF_DAY: Final = ("%H", "%I", "%X", "%c", "%s")
_EXCEL_START: Final = datetime.fromisoformat("1899-12-30")
_SECONDS_OF_DAY: Final = 86_400
_DIGITS_OF_US: Final = 6


class _Absent:
    """The type of `ABSENT`."""


# The cell of a column that a record does not have, which is another thing than an empty one.
ABSENT: Final = _Absent()


class CellTimeError(Exception):
    """A cell that is no time; `code` is the reason, as in `features.imports.rows.reasons`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def plain_cell(value: PlainValue, record: Mapping[str, Any]) -> Any:
    """Finds the cell of a value in a record; `ABSENT` where the column or the way into it is not there.

    >>> plain_cell(PlainValue(column="data", path="tags.1"), {"data": {"tags": ["a", "b"]}})
    'b'
    """
    if value.constant is not None:
        return value.constant
    found: Any = record.get(value.column or "", ABSENT)
    if value.steps and isinstance(found, str):
        found = _parsed(found)
    for step in value.steps:
        if isinstance(found, Mapping):
            found = found.get(str(step), ABSENT)
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            return ABSENT
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ABSENT


def plain_text(value: PlainValue, cell: Any, rule: TextRule) -> str | None:
    """Writes a cell as the text of an id or category, looked up where the value says so; None: missing.

    >>> plain_text(PlainValue(column="a", values={"1": "won"}), 1.0, TextRule(2))
    'won'
    """
    if isinstance(cell, dict | list):
        text: str | None = json.dumps(cell, separators=(",", ":"), ensure_ascii=False)
    else:
        text = None if cell is ABSENT else category_text(cell, rule)
    if value.values is None or text is None:
        return text
    return value.values.get(text, value.default)


def plain_truth(value: PlainValue, cell: Any, rule: TextRule) -> bool:
    """Tells whether a cell is true; what is neither true nor false, or missing, is not."""
    text = plain_text(value, cell, rule)
    return text is not None and text.lower() in TRUE


def plain_number(value: PlainValue, cell: Any, rule: TextRule) -> float | None:
    """Reads a cell as a finite number; None where it is missing.

    Raises:
        ValueError: it is none.
    """
    text = plain_text(value, cell, rule)
    if text is None or text in rule.no_numbers:
        return None
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def plain_time(value: PlainValue, cell: Any, rule: TextRule, *, zone: str | None) -> int | None:
    """Reads a cell as an instant.

    Args:
        value: names the formats; without, ISO 8601, or seconds, milliseconds or microseconds since 1970.
        cell: of the record.
        rule: names the spellings of missing cells.
        zone: of times that carry none, unless the value names one.

    Returns:
        Microseconds UTC, the end of the day for a date; None where the cell is missing.

    Raises:
        CellTimeError: it is no time, or has no zone and none is given.
    """
    text = plain_text(value, cell, rule)
    if text is None or text in rule.no_numbers:
        return None
    moment = moment_of(text.strip(), value.format, is_number=not isinstance(cell, str | bool))
    if moment is None:
        raise CellTimeError("no_time")
    if moment.tzinfo is None:
        zone = value.zone or zone
        if zone is None:
            raise CellTimeError("no_zone")
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    us = to_us(moment)
    if not _EARLIEST_US <= us <= _LATEST_US:
        raise CellTimeError("no_time")
    return us


def moment_of(text: str, formats: tuple[str, ...], *, is_number: bool = False) -> datetime | None:
    """Reads a text as date and time; without a zone where it carries none; None where it is no time.

    Args:
        text: the cell.
        formats: of the value; empty: ISO 8601, or a number since 1970.
        is_number: whether the cell is no text: a number of any length is then one since 1970.
    """
    try:
        if any("%" in pattern for pattern in formats):
            return _by_patterns(text, formats)
        if formats == (DATE_FORMAT,):
            return _end_of_day(datetime.fromisoformat(text[:10]))
        if formats == (EXCEL_FORMAT,):
            return _excel(float(text))
        if formats:
            return _at_epoch(float(text) * EPOCH_FORMATS[formats[0]])
        if is_number or _EPOCH_TEXT.fullmatch(text):
            number = float(text)
            scaled = (number * scale for scale in (1_000_000, 1_000, 1))
            return next((_at_epoch(us) for us in scaled if FIRST_EPOCH <= us < LAST_EPOCH), None)
        return _iso(text)
    except (ValueError, OverflowError):
        return None


def _by_patterns(text: str, patterns: tuple[str, ...]) -> datetime | None:
    for found, plain in _HALVES if any("%p" in pattern for pattern in patterns) else ():
        text = found.sub(plain, text)
    for pattern in patterns:
        try:
            moment = datetime.strptime(text, pattern)  # noqa: DTZ007 - the zone is that of the map
        except ValueError:
            continue
        # Of names of zones Python reads UTC alone.
        moment = moment.replace(tzinfo=UTC) if "%Z" in pattern else moment
        return moment if any(part in pattern for part in _TIMES_OF_DAY) else _end_of_day(moment)
    return None


def _iso(text: str) -> datetime | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    date = f"{year}-{int(month):02}-{int(day):02}"
    if hour is None:
        return _end_of_day(datetime.fromisoformat(date))
    us = (fraction or "0")[:_DIGITS_OF_US].ljust(_DIGITS_OF_US, "0")
    offset = "" if zone is None else zone if zone[0] in "+-" else "Z"
    return datetime.fromisoformat(f"{date}T{int(hour):02}:{minute}:{second or '00'}.{us}{offset}")


def _end_of_day(day: datetime) -> datetime:
    return datetime.combine(day.date(), time.max)


def _excel(number: float) -> datetime | None:
    """Reads days since the end of 1899: whole ones are dates, others go to the second."""
    if not 1 <= number <= LAST_EXCEL_DAY:
        return None
    moment = _EXCEL_START + timedelta(seconds=round(number * _SECONDS_OF_DAY))
    return _end_of_day(moment) if number == int(number) else moment


def _at_epoch(us: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=round(us))
