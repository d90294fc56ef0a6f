"""By which formats the cells of a column are times, dates, or times of a day."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Final

from features.imports.format.values import DATE_FORMAT
from features.imports.reading.plain_cells import moment_of
from features.imports.rows.cells import is_number

_NEARLY_ALL: Final = 0.98
_DAYS: Final = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y-%m-%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%Y年%m月%d日",
    "%Y년 %m월 %d일",
)
_NAMED_DAYS: Final = (
    *("%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y"),
    *("%a, %d %b %Y", "%a %d %b %Y", "%a %b %d %Y"),
)
# Times of a day, which may stand in a column of their own.
_CLOCKS: Final = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%I:%M%p")
_GAPS: Final = (" ", ", ")
# As times of a day are written in Japanese, Chinese and Korean.
_SPELLED_CLOCKS: Final = ("%H時%M分", "%H時%M分%S秒", "%H时%M分", "%H시 %M분")
# Patterns that are tried where a text is not ISO 8601, the plainest first.
PATTERNS: Final = (
    *(
        day + end
        for day in (*_DAYS, *_NAMED_DAYS)
        for end in (*(gap + clock for gap in _GAPS for clock in _CLOCKS), " %H:%M:%S %z", "")
    ),
    *(day + gap + clock for day in _DAYS[-2:] for gap in ("", " ") for clock in _SPELLED_CLOCKS),
)
# Signs between the parts of a pattern, by which most are ruled out without a try.
_PART: Final = re.compile("%[A-Za-z]")
_WORDS: Final = re.compile(r"(?<=[AaPp])\.(?= ?[Mm]\b)|(?<=[AaPp]\.[Mm])\.|(?<=[AaPp]\. [Mm])\.|\w")
_SIGNS: Final = {pattern: _WORDS.sub("", _PART.sub("", pattern)) for pattern in PATTERNS}
# Of which a shorter number would be read, too.
_COMPACT: Final = "%Y%m%d"
_COMPACT_TEXT: Final = re.compile(r"(19|20)[0-9]{6}(?![0-9])")
_TRIED: Final = 3
# Longer texts are notes.
_LONGEST: Final = 40
_EPOCH: Final = re.compile(r"1[0-9]{9}([0-9]{3}){0,2}(\.[0-9]+)?")
_EPOCH_TIME: Final = datetime(2001, 1, 1, 1, tzinfo=UTC)
_MIDNIGHT: Final = re.compile(r"00:00:00(\.0+)?([+-]00)?$")
# What databases write for a date that is not there.
ZERO_DATE: Final = re.compile(r"0000-00-00([ T]00:00:00)?")
_EDGES_OF_DAY: Final = (time(), time.max)


@dataclass(frozen=True, slots=True)
class FoundTimes:
    """How the cells of a column are times.

    Attributes:
        formats: by which nearly all are, the likeliest first; empty: they are no times.
        is_naive: whether they carry no zone, or are dates, which are of one.
        is_date: whether they have no time of day, or are all at midnight.
    """

    formats: tuple[tuple[str, ...], ...] = ()
    is_naive: bool = False
    is_date: bool = False


def find_times(texts: Sequence[str], kind: str) -> FoundTimes:
    """Finds how the cells of a column are times.

    Args:
        texts: distinct cells.
        kind: type of the column in DuckDB.
    """
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        is_zoned = kind == "TIMESTAMP WITH TIME ZONE"
        is_date = kind == "DATE" or all(_MIDNIGHT.search(each) for each in texts)
        # A date is one of a zone, even where its column has midnight in UTC.
        formats = (DATE_FORMAT,) if is_date and kind != "DATE" else ()
        return FoundTimes((formats,), is_date or not is_zoned, is_date)
    texts = [each for each in texts if not ZERO_DATE.fullmatch(each)]
    if not texts or not (kind in ("VARCHAR", "JSON") or is_number(kind)):
        return FoundTimes()
    found: list[tuple[str, list[datetime]]] = []
    for pattern in _likely_patterns(texts[0]):
        read = [_moment(each, pattern) for each in _while_read(texts, pattern)]
        times = [each for each in read if each is not None]
        if len(read) == len(texts) and len(times) >= _NEARLY_ALL * len(texts):
            found.append((pattern, times))
        if found and not found[0][0]:
            break
    if not found:
        return FoundTimes()
    times = found[0][1]
    is_date = all(each.time() in _EDGES_OF_DAY for each in times)
    has_clock = any(":" in each for each in texts)
    formats_found = tuple((pattern,) if pattern else () for pattern, _ in found)
    if is_date and has_clock and not found[0][0]:
        formats_found = ((DATE_FORMAT,),)
    return FoundTimes(formats_found, is_date or any(each.tzinfo is None for each in times), is_date)


def find_clock(texts: Sequence[str]) -> str:
    """Finds the pattern by which nearly all cells of a column are times of a day; empty: there is none.

    >>> find_clock(["9:15 AM", "12:30 PM"]), find_clock(["09:15:00"]), find_clock(["2026"])
    ('%I:%M %p', '%H:%M:%S', '')
    """
    few = list(itertools.islice(texts, _TRIED))
    for clock in _CLOCKS:
        if few and all(_is_clock(each, clock) for each in few):
            count = sum(_is_clock(each, clock) for each in texts)
            if count >= _NEARLY_ALL * len(texts):
                return clock
    return ""


def _is_clock(text: str, clock: str) -> bool:
    return moment_of(f"2026-01-01 {text}", (f"%Y-%m-%d {clock}",)) is not None


def _likely_patterns(text: str) -> Iterator[str]:
    """Gives the patterns that have the signs of a text between their parts."""
    if len(text) > _LONGEST or not any(map(str.isdecimal, text)):
        return
    yield ""
    signs = _WORDS.sub("", text.replace("\u202f", " ").replace("\xa0", " ")).strip()
    for pattern, own in _SIGNS.items():
        if own.strip() == (signs.rstrip("+-").strip() if "%z" in pattern else signs):
            yield pattern


def _while_read(texts: Sequence[str], pattern: str) -> Sequence[str]:
    """Gives all texts, or few where the first ones are not of the pattern: most columns hold no times."""
    few = texts[:_TRIED]
    return texts if any(_moment(each, pattern) is not None for each in few) else few[:-1]


def _moment(text: str, pattern: str) -> datetime | None:
    if pattern.startswith(_COMPACT) and not _COMPACT_TEXT.match(text):
        return None
    if pattern:
        return moment_of(text, (pattern,))
    if _EPOCH.fullmatch(text):
        return _EPOCH_TIME
    return moment_of(text, ()) if "-" in text else None
