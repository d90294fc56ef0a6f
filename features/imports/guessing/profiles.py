"""What the cells of a column look like: times and their format, numbers, categories, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Final

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.cells import text_of
from features.imports.reading.source_table import SourceTable
from features.imports.session import SOURCE, columns_of, put_table, quoted, run
from features.imports.values import DATE_FORMAT

# Rows looked at; what they say of a large table is enough for a draft.
SAMPLE_ROWS: Final = 50_000
_TEXTS: Final = 500
_NEARLY_ALL: Final = 0.98
_MOST_VALUES: Final = 40
_LONGEST_VALUE: Final = 60
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
# Digits alone may as well be an id.
_PHONE: Final = re.compile(r"(?=.*[+ ()./-])\+?[0-9(][0-9 ()./-]{7,}")
_NESTED: Final = re.compile(r"\{.*\}|\[.*\]", re.DOTALL)
_CODE: Final = re.compile(r"\S{1,64}")
_DAYS: Final = (
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y-%m-%d",
    "%d/%m/%y",
    "%m/%d/%y",
)
_NAMED_DAYS: Final = ("%d %b %Y", "%d-%b-%Y", "%b %d, %Y", "%d %B %Y", "%B %d, %Y")
_CLOCKS: Final = (" %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
# Patterns that are tried where a text is not ISO 8601, the plainest first.
PATTERNS: Final = tuple(day + clock for day in (*_DAYS, *_NAMED_DAYS) for clock in _CLOCKS)
_TRIED: Final = 3
_EPOCH: Final = re.compile(r"1[0-9]{9}([0-9]{3}){0,2}(\.[0-9]+)?")
_EPOCH_TIME: Final = datetime(2001, 1, 1, 1, tzinfo=UTC)
_MIDNIGHT: Final = re.compile(r"00:00:00(\.0+)?([+-]00)?$")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column of a source.

    Attributes:
        name: its name.
        filled_share: share of its cells that are filled.
        distinct_count: number of distinct texts.
        unique_share: distinct texts in filled cells.
        formats: formats by which nearly all cells are times, the likeliest first; empty: it has no times.
        is_naive: whether times carry no zone, or are dates, which are of one.
        is_date: whether times have no time of day, or are all at midnight.
        is_number: whether all cells are numbers.
        is_code: whether cells are short and without spaces, as ids are.
        is_nested: whether most cells are objects or lists of JSON.
        is_personal: whether most cells are e-mail addresses or telephone numbers.
        values: distinct texts with their numbers, the most frequent first; empty where there are many.
    """

    name: str
    filled_share: float
    distinct_count: int
    unique_share: float
    formats: tuple[tuple[str, ...], ...] = ()
    is_naive: bool = False
    is_date: bool = False
    is_number: bool = False
    is_code: bool = False
    is_nested: bool = False
    is_personal: bool = False
    values: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_time(self) -> bool:
        """Whether its cells are times."""
        return bool(self.formats)


@dataclass(frozen=True, slots=True)
class TableProfile:
    """A table of a source.

    Attributes:
        name: its name.
        rows_count: rows looked at.
        columns: its columns, in their order.
    """

    name: str
    rows_count: int
    columns: tuple[ColumnProfile, ...]


def profile_table(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> TableProfile:
    """Looks at the first rows of a table, and leaves them in the session.

    Raises:
        ImportSourceError: the table cannot be read.
    """
    put_table(connection, table.name, table.rows().first(SAMPLE_ROWS))
    own = f"{SOURCE}.{quoted(table.name)}"
    ((count,),) = run(connection, f"SELECT count(*) FROM {own}")
    kinds = columns_of(connection, f"SELECT * FROM {own}")
    columns = tuple(_profile(connection, own, name, kind, count) for name, kind in kinds.items())
    return TableProfile(table.name, count, columns)


def _profile(
    connection: duckdb.DuckDBPyConnection, table: str, name: str, kind: str, rows_count: int
) -> ColumnProfile:
    if kind.endswith("]") or ("(" in kind and not kind.startswith("DECIMAL")):
        return ColumnProfile(name, 1.0, 0, 0.0)
    text = text_of(quoted(name), kind, TEXT_RULE)
    counted = run(
        connection,
        f"SELECT text, count(*) AS n FROM (SELECT {text} AS text FROM {table}) WHERE text IS NOT NULL "
        "GROUP BY 1 ORDER BY n DESC, text",
    )
    filled = sum(n for _, n in counted)
    texts = [each for each, _ in counted[:_TEXTS]]
    is_short = len(counted) <= _MOST_VALUES and all(len(each) <= _LONGEST_VALUE for each in texts)
    formats, is_naive, is_date = _times(texts, kind) if texts else ((), False, False)
    return ColumnProfile(
        name=name,
        filled_share=filled / rows_count if rows_count else 0.0,
        distinct_count=len(counted),
        unique_share=len(counted) / filled if filled else 0.0,
        formats=formats,
        is_naive=is_naive,
        is_date=is_date,
        is_number=bool(texts) and all(map(_is_number, texts)),
        is_code=bool(texts) and _share(texts, _CODE) > _NEARLY_ALL,
        is_nested=_share(texts, _NESTED) > 1 / 2,
        is_personal=_share(texts, _EMAIL) > 1 / 2 or (_share(texts, _PHONE) > 1 / 2 and not formats),
        values=dict(counted) if is_short and not _share(texts, _NESTED) > 1 / 2 else {},
    )


def _times(texts: Sequence[str], kind: str) -> tuple[tuple[tuple[str, ...], ...], bool, bool]:
    """Finds the formats by which nearly all cells are times; whether they are naive, and dates only."""
    if kind == "DATE" or kind.startswith("TIMESTAMP"):
        is_zoned = kind == "TIMESTAMP WITH TIME ZONE"
        is_date = kind == "DATE" or all(_MIDNIGHT.search(each) for each in texts)
        # A date is one of a zone, even where its column has midnight in UTC.
        return ((DATE_FORMAT,) if is_date and kind != "DATE" else (),), is_date or not is_zoned, is_date
    if kind not in ("VARCHAR", "JSON", "BIGINT"):
        return (), False, False
    found = []
    for pattern in ("", *PATTERNS):
        read = [_moment(each, pattern) for each in _while_read(texts, pattern)]
        times = [each for each in read if each is not None]
        if len(read) == len(texts) and len(times) >= _NEARLY_ALL * len(texts):
            found.append((pattern, times))
        if found and not found[0][0]:
            break
    if not found:
        return (), False, False
    times = found[0][1]
    is_date = all(each.time() == time() for each in times)
    has_clock = any(":" in each for each in texts)
    formats = tuple((pattern,) if pattern else () for pattern, _ in found)
    if is_date and has_clock and not found[0][0]:
        formats = ((DATE_FORMAT,),)
    return formats, is_date or any(each.tzinfo is None for each in times), is_date


def _while_read(texts: Sequence[str], pattern: str) -> Sequence[str]:
    """Gives all texts, or few where the first ones are not of the pattern: most columns hold no times."""
    few = texts[:_TRIED]
    return texts if any(_moment(each, pattern) is not None for each in few) else few[:-1]


def _moment(text: str, pattern: str) -> datetime | None:
    try:
        if pattern:
            return datetime.strptime(text, pattern)  # noqa: DTZ007 - that it has no zone is what is asked
        if _EPOCH.fullmatch(text):
            return _EPOCH_TIME
        return datetime.fromisoformat(text.replace(" UTC", "Z")) if "-" in text else None
    except ValueError:
        return None


def _share(texts: list[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(each) is not None for each in texts) / len(texts) if texts else 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
