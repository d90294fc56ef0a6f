"""What the cells of a column look like: times and their format, numbers, categories, addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import duckdb

from features.history.text_rule import TEXT_RULE
from features.imports.guessing.nested_cells import Place, spread_objects, unnested_table
from features.imports.guessing.time_formats import ZERO_DATE, find_clock, find_times
from features.imports.reading.source_table import SourceTable
from features.imports.rows.cells import text_of
from features.imports.session import SOURCE, columns_of, put_table, quoted, run
from features.parsing.written_numbers import NEARLY_ALL, read_written

# Rows looked at; what they say of a large table is enough for a draft.
SAMPLE_ROWS: Final = 50_000
_TEXTS: Final = 500
_CODES: Final = 0.98
_MOST_VALUES: Final = 40
_LONGEST_VALUE: Final = 60
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}")
# Digits alone may as well be an id.
_PHONE: Final = re.compile(r"(?=.*[+ ()./-])(p:)?\+?[0-9(][0-9 ()./-]{7,}")
_NESTED: Final = re.compile(r"\{.*\}|\[.*\]", re.DOTALL)
_CODE: Final = re.compile(r"\S{1,64}")
# How data movers begin the names of their own columns.
_OF_MOVERS: Final = "_"
# Signs that people write into numbers, and ids do not have.
_OF_AMOUNTS: Final = re.compile(r"[,.%$€£¥₹'’ \u00a0\u202f]")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """A column of a source.

    Attributes:
        name: its name; of a field in a column of objects, with those of the way to it.
        filled_share: share of its cells that are filled.
        distinct_count: number of distinct texts.
        unique_share: distinct texts in filled cells.
        formats: formats by which nearly all cells are times, the likeliest first; empty: it has no times.
        is_naive: whether times carry no zone, or are dates, which are of one.
        is_date: whether times have no time of day, or are all at midnight.
        has_zero_dates: whether some cells are dates of zeros, as databases write what is not there.
        clock: pattern of the times of a day that it holds; empty: it holds none.
        is_number: whether all cells are numbers as computers write them.
        is_amount: whether nearly all cells are numbers as people write them.
        is_code: whether cells are short and without spaces, as ids are.
        is_nested: whether most cells are objects or lists of JSON.
        is_personal: whether most cells are e-mail addresses or telephone numbers.
        is_email: whether most are e-mail addresses.
        values: distinct texts with their numbers, the most frequent first; empty where there are many.
        place: where it is, if it is a field in a column of objects.
    """

    name: str
    filled_share: float
    distinct_count: int
    unique_share: float
    formats: tuple[tuple[str, ...], ...] = ()
    is_naive: bool = False
    is_date: bool = False
    has_zero_dates: bool = False
    clock: str = ""
    is_number: bool = False
    is_amount: bool = False
    is_code: bool = False
    is_nested: bool = False
    is_personal: bool = False
    is_email: bool = False
    values: Mapping[str, int] = field(default_factory=dict)
    place: Place | None = None

    @property
    def is_time(self) -> bool:
        """Whether its cells are times."""
        return bool(self.formats)

    @property
    def own_name(self) -> str:
        """Its name without the way to it, or the object before a dash: what tells what it holds."""
        name = self.name if self.place is None else self.place.path.rpartition(".")[2]
        return name.rpartition(" - ")[2]


@dataclass(frozen=True, slots=True)
class TableProfile:
    """A table of a source, or the elements of a list that its rows hold.

    Attributes:
        name: its name; with that of the column of a list.
        rows_count: rows looked at.
        columns: its columns, in their order.
        parent: the table whose rows hold the list; None: a table of the source.
        list_column: the column of the list.
    """

    name: str
    rows_count: int
    columns: tuple[ColumnProfile, ...]
    parent: TableProfile | None = None
    list_column: str = ""

    @property
    def base(self) -> str:
        """The name of the table of the source."""
        return self.name if self.parent is None else self.parent.base

    @property
    def holds_documents(self) -> bool:
        """Whether each row is one document of JSON, beside what a mover notes of it: `_airbyte_data`."""
        plain = [each for each in self.columns if each.place is None]
        return sum(each.is_nested for each in plain) == 1 and all(
            each.name.startswith(_OF_MOVERS) for each in plain
        )

    def is_own(self, column: ColumnProfile) -> bool:
        """Tells whether a cell of a column is one of the row itself, not of something within it."""
        is_field = self.holds_documents and column.place is not None and "." not in column.place.path
        return column.place is None or self.parent is not None or is_field


def profile_table(connection: duckdb.DuckDBPyConnection, table: SourceTable) -> TableProfile | None:
    """Looks at the first rows of a table, and leaves them in the session; None for an empty sheet.

    Raises:
        ImportSourceError: the table cannot be read.
    """
    rows = table.rows()
    if not rows.reader.schema.names:
        return None
    put_table(connection, table.name, rows.first(SAMPLE_ROWS))
    return _profile_columns(connection, table.name)


def list_profiles(connection: duckdb.DuckDBPyConnection, table: TableProfile) -> list[TableProfile]:
    """Looks at the lists of objects that the rows of a table hold."""
    found = []
    for column in (each for each in table.columns if each.is_nested and each.place is None):
        name = unnested_table(connection, table.name, column.name)
        if name is not None:
            elements = _profile_columns(connection, name)
            fields = tuple(each for each in elements.columns if each.place is not None)
            found.append(TableProfile(name, elements.rows_count, fields, table, column.name))
    return found


def _profile_columns(connection: duckdb.DuckDBPyConnection, name: str) -> TableProfile:
    own = f"{SOURCE}.{quoted(name)}"
    ((count,),) = run(connection, f"SELECT count(*) FROM {own}")
    places = spread_objects(connection, own)
    kinds = columns_of(connection, f"SELECT * FROM {own}")
    columns = tuple(
        _profile(connection, own, column, kind, count, places.get(column)) for column, kind in kinds.items()
    )
    return TableProfile(name, count, columns)


def _profile(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    name: str,
    kind: str,
    rows_count: int,
    place: Place | None,
) -> ColumnProfile:
    if kind.endswith("]") or ("(" in kind and not kind.startswith("DECIMAL")):
        return ColumnProfile(name, 1.0, 0, 0.0, is_nested=True, place=place)
    text = text_of(quoted(name), kind, TEXT_RULE)
    counted = run(
        connection,
        f"SELECT text, count(*) AS n FROM (SELECT {text} AS text FROM {table}) WHERE text IS NOT NULL "
        "GROUP BY 1 ORDER BY n DESC, text",
    )
    filled = sum(n for _, n in counted)
    # From everywhere: the first in their order would be the first days of months alone.
    texts = [each for each, _ in counted[:: 1 + len(counted) // _TEXTS]]
    is_short = len(counted) <= _MOST_VALUES and all(len(each) <= _LONGEST_VALUE for each in texts)
    times = find_times(texts, kind)
    is_number = bool(texts) and all(map(_is_number, texts))
    is_nested = _share(texts, _NESTED) > 1 / 2
    is_email = _share(texts, _EMAIL) > 1 / 2
    return ColumnProfile(
        name=name,
        filled_share=filled / rows_count if rows_count else 0.0,
        distinct_count=len(counted),
        unique_share=len(counted) / filled if filled else 0.0,
        formats=times.formats,
        is_naive=times.is_naive,
        is_date=times.is_date,
        has_zero_dates=times.formats != () and any(map(ZERO_DATE.fullmatch, texts)),
        clock=find_clock(texts) if kind in ("VARCHAR", "JSON", "TIME") else "",
        is_number=is_number,
        is_amount=not is_number and not times.formats and _are_amounts(texts),
        is_code=_share(texts, _CODE) > _CODES,
        is_nested=is_nested,
        is_personal=is_email or (_share(texts, _PHONE) > 1 / 2 and not times.formats),
        is_email=is_email,
        values=dict(counted) if is_short and not is_nested else {},
        place=place,
    )


def _are_amounts(texts: list[str]) -> bool:
    """Tells whether texts are numbers with the signs of amounts: `1.234,50 €`."""
    looks_like = read_written(texts, None)[1]
    return bool(texts) and float(looks_like.mean()) >= NEARLY_ALL and any(map(_OF_AMOUNTS.search, texts))


def _share(texts: list[str], pattern: re.Pattern[str]) -> float:
    return sum(pattern.fullmatch(each) is not None for each in texts) / len(texts) if texts else 0.0


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
