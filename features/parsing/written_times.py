"""Times as people write them: dates in several orders, months by name, clocks of twelve hours.

`2016/10/20`, `20-Oct-2016` and `Thu, 20 Oct 2016 14:05:00 +0200` have one meaning. `10/20/2016` has one too,
and decides the order of day and month in its column; `03/04/2016` is read by that order. A year of two digits
decides nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Bools
from features.parsing.marks import NO_MARKS, Marks, least

Order = Literal["day/month/year", "month/day/year"]
ORDERS: Final[tuple[Order, Order]] = ("day/month/year", "month/day/year")

_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october"),
    *("november", "december"),
)
_MONTH: Final = r"(?P<name>[A-Za-z]{3,9})\.?"
_CLOCK: Final = (
    r"(?:[T,\s]+(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,6})\d*)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>(?:UTC|GMT)?[+-]\d{2}:?\d{2}|UTC|GMT|[Zz])?"
    # What mail, browsers, Go and Java add to the offset tells nothing more.
    r"(?:\s*(?:\([\w\s-]+\)|\[[\w/+-]+\]|(?<=\d{4})\s(?:UTC|GMT)))?)?\s*$"
)
_DAY_NAME: Final = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_SHAPES: Final = tuple(
    re.compile(rf"^\s*(?i:{_DAY_NAME}){date}{_CLOCK}")
    for date in (
        r"(?P<one>\d{1,2})(?P<mark>[/.-])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4}|\d{2})",
        r"(?P<year>\d{4})(?P<mark>[/.-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})",
        rf"(?P<day>\d{{1,2}})[\s-]{_MONTH},?[\s-](?P<year>\d{{4}}|\d{{2}}(?!\d))",
        rf"{_MONTH}\s(?P<day>\d{{1,2}}),?\s(?P<year>\d{{4}})",
    )
)
# What a date in an order looks like to Arrow, and any of these dates: most texts are none.
_ORDERED: Final = r"^\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2}"
_ANY: Final = (
    rf"^\s*(?i:{_DAY_NAME})(?:\d{{1,2}}[/.-]\d{{1,2}}[/.-]\d{{2}}|\d{{4}}[/.-]\d{{1,2}}[/.-]\d"
    r"|\d{1,2}[\s-][A-Za-z]{3,9}\.?,?[\s-]\d{2}|[A-Za-z]{3,9}\.?\s\d{1,2},?\s\d{4})"
)
_SHORT_YEAR: Final = re.compile(_ORDERED + r"(?!\d)")
# Years of two digits are those from 1969 to 2068, as in POSIX.
_CENTURY_TURNS: Final = 69


# Words that a cell may have which looks like a time, where messages show it.
_WORDS: Final = (
    rf"{'|'.join(f'{name[:3]}(?:{name[3:]})?' for name in _MONTHS)}|am|pm|of|at|[tz]|[a-z]{{2,5}}t"
)
_PIECE: Final = rf"(?:{_WORDS}|utc|cest?|zone|[a-z]+/[a-z_]+)\b|\d+(?:st|nd|rd|th)?|[^\w]"
_LIKE_TIME: Final = rf"^\W*(?i:{_DAY_NAME})(?i:(?:{_PIECE})*)$"
_NAMES: Final = "|".join(name[:3] for name in _MONTHS)
_HAS_DATE: Final = (
    rf"(?i:(?:19|20)\d{{2}}[/.-]\d{{1,2}}[/.-]\d|\d[/.-]\d{{1,2}}[/.-](?:19|20)?\d{{2}}\b|\b(?:{_NAMES})"
    r"|^\W*(?:19|20)\d{6,12}\b)"
)
_LONGEST: Final = 64


def look_like_times(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Keeps the texts that are made of what times are made of, and of nothing that tells of a person."""
    short = texts.filter(pc.less_equal(pc.utf8_length(texts), _LONGEST))
    dated = short.filter(pc.match_substring_regex(short, _HAS_DATE))
    return dated.filter(pc.match_substring_regex(dated, _LIKE_TIME))


def order_of(format_: object) -> Order | None:
    """Gives a format of times as an order of day and month; None for any other."""
    return next((order for order in ORDERS if order == format_), None)


def may_be_times(texts: pa.Array | pa.ChunkedArray) -> Bools:
    """Finds the texts that may be such times, (n,); few others are among them."""
    return np.asarray(pc.match_substring_regex(texts, _ANY).fill_null(False), np.bool_)


def time_marks(texts: pa.ChunkedArray) -> Marks:
    """Finds what the cells of a column tell about the order of day and month."""
    found = texts.filter(pc.match_substring_regex(texts, _ORDERED))
    if not len(found):
        return NO_MARKS
    cells = [text for text in found.unique().to_pylist() if text is not None]
    told = {text: _told(text) for text in cells}
    by_way = {
        way: least([text for text in cells if told[text] == way]) for way in ("first", "second", "both")
    }
    return Marks(**by_way, is_written=any(told.values()))


def _told(text: str) -> str:
    """Tells what a cell says of the order: that day or month comes `first`, `second`, `both`, or nothing."""
    day_first, month_first = (read_time(text, order) for order in ORDERS)
    if day_first == month_first:
        return "" if day_first is None else "neither"
    if (day_first and month_first) or _SHORT_YEAR.match(text):
        return "both"
    return "first" if day_first else "second"


def read_time(text: str, order: Order | None) -> tuple[datetime, bool] | None:
    """Reads one text.

    Args:
        text: not missing.
        order: of day and month; None: only dates that need none, and those whose day is that of the month.

    Returns:
        The moment, with a zone where the text has one, and whether it is a day without a time of day; None
        where the text is no such time.

    >>> read_time("10/20/2016 2:05 PM", "month/day/year")
    (datetime.datetime(2016, 10, 20, 14, 5), False)
    >>> read_time("20-Oct-2016", None)
    (datetime.datetime(2016, 10, 20, 0, 0), True)
    >>> read_time("10/20/2016", "day/month/year")
    """
    found = next((match for shape in _SHAPES if (match := shape.match(text))), None)
    if found is None:
        return None
    parts = found.groupdict()
    day_and_month = _day_and_month(parts, order)
    clock = _clock(parts)
    if day_and_month is None or clock is None:
        return None
    day, month = day_and_month
    try:
        moment = datetime(_year(parts["year"]), month, day, tzinfo=UTC).replace(tzinfo=None) + clock
    except (ValueError, OverflowError):
        return None
    zone = parts["zone"]
    return (moment if zone is None else moment.replace(tzinfo=_offset(zone))), parts["hour"] is None


def _day_and_month(parts: dict[str, str | None], order: Order | None) -> tuple[int, int] | None:
    if parts.get("name"):
        name = str(parts["name"]).lower()
        number = next((i for i, month in enumerate(_MONTHS, 1) if month.startswith(name)), None)
        return None if number is None else (int(parts["day"] or 0), number)
    if parts.get("one") is None:
        return int(parts["day"] or 0), int(parts["month"] or 0)
    one, two = int(parts["one"] or 0), int(parts["two"] or 0)
    if order is None and one != two:
        return None
    return (one, two) if order == "day/month/year" else (two, one)


def _clock(parts: dict[str, str | None]) -> timedelta | None:
    """Gives the time since midnight; None for one that no clock shows."""
    if parts["hour"] is None:
        return timedelta()
    hour, minute, second = (int(parts[name] or 0) for name in ("hour", "minute", "second"))
    if parts["half"]:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if parts["half"][0] in "Pp" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    us = int((parts["fraction"] or "0").ljust(6, "0"))
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=us)


def _year(digits: str | None) -> int:
    year = int(digits or 0)
    if len(digits or "") > 2:
        return year
    return year + (1900 if year >= _CENTURY_TURNS else 2000)


def _offset(zone: str) -> tzinfo:
    digits = zone.replace(":", "")
    if len(digits) > len("GMT"):
        digits = digits.removeprefix("GMT").removeprefix("UTC")
    if not digits[1:].isdigit():
        return UTC
    sign = -1 if digits[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5])))
