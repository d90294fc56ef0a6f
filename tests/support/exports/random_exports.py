"""Random exports as real systems write them: cells of odd types and spellings, late news, ties, duplicates.

A column draws one palette, and its cells are drawn from that: real columns are odd in one way at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from features.history.lead_history import AttributeType
from tests.support.strategies import moments

Cells = list[Any]
Tables = Mapping[str, Mapping[str, Cells]]

# Types that scoring gives, so that no type hangs on how a format spells a cell.
TYPES: Final[Mapping[str, AttributeType]] = {
    "size": "number",
    "budget": "number",
    "is_new": "boolean",
    "country": "category",
    "code": "category",
}

# Texts that are hard on formats: separators, quotes, ends of lines, spaces at the ends, several scripts.
_HARD_TEXTS: Final = ('no, or "yes"', "two\nlines", "a;b\tc", " a", "a ", "日本", "é", "e\u0301", "a'b\\n")
_LEAD_IDS: Final[Sequence[Sequence[Any]]] = (
    ("a", "b", "c", "d", "é"),
    (1, 2, 3, 51_200_000_001),
    (1.0, 2.0, 51_200_000_001.0),
    (2**53, 2**53 + 1, 2**62, -7),
    (0.5, 1e-5, 1e16, 0.1),
    ("007", "7", "7.0", "1e5", "true"),
    (1, "1", "A-8", 2.0, True),
    _HARD_TEXTS,
    ("a", "A", "a ", "", "NULL", "n/a", None),
    (1.0, 2.0, math.nan, None),
)
_SPELLINGS: Final = (None, "", "NULL", "\\N", "None", "n/a", "N/A", "nan", "-")
_WORDS: Final[Sequence[Sequence[Any]]] = (
    ("nl", "de", "be", None),
    (None,),
    (True, False, None),
    (1, 2, 10, None),
    (1.0, 2.5, 1e-5, 1e16, 1e-4, 0.1, -0.0, 1e300, None),
    (2**53 + 1, 2**53, -1),
    ("nl", *_SPELLINGS),
    (*_HARD_TEXTS, None),
    (1, "A-8", 9.0, True, "-", None),
    (math.nan, 1.0, None),
    ("1", "1.0", "01", "1e16", "true", "TRUE"),
)
_NUMBERS: Final[Sequence[Sequence[Any]]] = (
    (1.0, 2.5, -0.0, 0.1, None),
    (None,),
    (1, 2, 3, None),
    (1, 2.5, 1e-5, 1e16, -3, None),
    (2**53 + 1, -(2**62), 0),
    (math.nan, math.inf, -math.inf, 0.1, 1e300, 5e-324, None),
    ("1", "2.5", "1e-5", "-0.0", *_SPELLINGS),
    ("1,234.50", "$22,700.00", "12%", "5", "1 000", "n/a"),
    ("1.234,5", "2,5", "7", "1.5", None),
    (1, 2.5, "n/a", "-", None),
    (1, "many", None),
    (True, False, None),
    (True, 2, None),
)
_BOOLEANS: Final[Sequence[Sequence[Any]]] = (
    (True, False, None),
    (None,),
    ("true", "FALSE", "False", *_SPELLINGS),
    (1, 0, None),
    (1.0, 0.0, math.nan),
    ("1", "0", None),
    (True, "false", "n/a", None),
    (True, "perhaps", 0),
    (True, "-", None),
)
_PALETTES: Final = {"number": _NUMBERS, "boolean": _BOOLEANS, "category": _WORDS}
# Palettes of which every format tells the type that the others tell.
_PLAIN: Final[Mapping[AttributeType, Sequence[Sequence[Any]]]] = {
    "number": _NUMBERS[:1] + _NUMBERS[2:5],
    "boolean": _BOOLEANS[:1],
    "category": (_WORDS[0], _HARD_TEXTS),
}
_KINDS: Final[Sequence[Sequence[Any]]] = (
    ("email_opened", "call_held", "page_view"),
    ("email_opened", "Email Opened", "own kind", " page_view", None, "", "n/a"),
)
_ENDS: Final[Sequence[Sequence[Any]]] = (
    *[("converted", "lost", "reopened")] * 5,
    ("converted", "converted", "Converted", "won", None, "NULL"),
)
_IDS: Final[Sequence[Sequence[Any]]] = (
    (None, None, "1", "2", "3"),
    (1, 2, 3, None),
    (1.0, 2.0, math.nan),
    ("1", "01", " 1", "", "n/a"),
    (1, "1", 0.1, None),
)
_ZONES: Final = ("UTC", "Europe/Amsterdam", "Asia/Kolkata", "America/New_York")
_ZONED_TIMES: Final[Sequence[Callable[[datetime, ZoneInfo], Any]]] = (
    lambda instant, zone: instant.astimezone(zone),
    lambda instant, zone: instant.astimezone(zone).isoformat(),
    lambda instant, zone: instant.astimezone(zone).isoformat(" "),
    lambda instant, _: instant.astimezone(UTC).isoformat().replace("+00:00", "Z"),
)
# Some of them have one meaning, the others are refused.
_OTHER_TIMES: Final[Sequence[Callable[[datetime, ZoneInfo], Any]]] = (
    lambda instant, _: instant.astimezone(UTC).isoformat(" ").replace("+00:00", " utc"),
    lambda instant, _: instant.astimezone(UTC).strftime("%Y-%m-%d %H:%M"),
    lambda instant, _: instant.astimezone(UTC).strftime("%d/%m/%Y"),
    lambda instant, _: int(instant.timestamp()),
    lambda instant, _: str(int(instant.timestamp() * 1000)),
    lambda instant, zone: instant.astimezone(zone).replace(tzinfo=None),
)
_DELAYS: Final = (None, None, 0, 0, 1, 36, 24 * 40, -1)
_LATEST: Final = 6


@dataclass(frozen=True, slots=True)
class Export:
    """Tables of cells by column, and the types that are given to the reader."""

    tables: Tables
    types: Mapping[str, AttributeType] | None


@st.composite
def exports(draw: st.DrawFn) -> Export:
    """Draws the export of a small company."""
    are_told = draw(st.integers(0, 3)) == 0
    ids = draw(st.sampled_from(_LEAD_IDS))
    others = st.sampled_from([*ids, "nobody"] if isinstance(ids[0], str) else [*ids, 404])
    made = {
        "leads": _leads(draw, ids, _PLAIN if are_told else _PALETTES),
        "interactions": _interactions(draw, others),
    }
    if draw(st.integers(0, 9)):
        made["outcomes"] = _outcomes(draw, others)
    if draw(st.booleans()):
        made["attribute_changes"] = _changes(draw, others)
    return Export(made, None if are_told else TYPES)


def _leads(
    draw: st.DrawFn, ids: Sequence[Any], palettes: Mapping[AttributeType, Sequence[Sequence[Any]]]
) -> Mapping[str, Cells]:
    is_unique = draw(st.integers(0, 9)) > 0
    drawn = draw(st.lists(st.sampled_from(ids), max_size=len(ids), unique_by=repr if is_unique else None))
    made: dict[str, Cells] = {"lead_id": drawn, "created_at": _times(draw, _moments(draw, len(drawn)))}
    if draw(st.booleans()):
        made["account_id"] = _cells(draw, _IDS, len(drawn))
    for name, type_ in TYPES.items():
        if draw(st.booleans()):
            made[name] = _cells(draw, palettes[type_], len(drawn))
    return made


def _interactions(draw: st.DrawFn, lead_ids: st.SearchStrategy[Any]) -> Mapping[str, Cells]:
    rows = draw(st.lists(lead_ids, max_size=_LATEST))
    optional = {
        "source": (("crm", "site", None), _WORDS[6]),
        "interaction_id": _IDS,
        "direction": (("inbound", "outbound", None), ("inbound", "Inbound", "sideways", "", "n/a")),
        "channel": _WORDS,
        "campaign": _WORDS,
        "value": _NUMBERS,
    }
    made = {"lead_id": rows, "kind": _cells(draw, _KINDS, len(rows)), **_event_times(draw, len(rows))}
    return _twice(draw, made | _some_columns(draw, optional, len(rows)))


def _outcomes(draw: st.DrawFn, lead_ids: st.SearchStrategy[Any]) -> Mapping[str, Cells]:
    rows = draw(st.lists(lead_ids, max_size=_LATEST))
    optional = {"source": (("crm", None),), "outcome_id": _IDS, "amount": _NUMBERS}
    made = {"lead_id": rows, "outcome": _cells(draw, _ENDS, len(rows)), **_event_times(draw, len(rows))}
    return _twice(draw, made | _some_columns(draw, optional, len(rows)))


def _changes(draw: st.DrawFn, lead_ids: st.SearchStrategy[Any]) -> Mapping[str, Cells]:
    rows = draw(st.lists(lead_ids, max_size=_LATEST))
    # Values of several attributes. No -0.0: it is 0 as a category and -0.0 as a number, and CSV has one text
    # for both. A dash among numbers is a text here; an attribute that is a number takes it for missing.
    values = (*_WORDS[:4], *_NUMBERS[2:4], *_WORDS[6:8], (1, 2.5, "n/a", "-", None), _BOOLEANS[0])
    return {
        "lead_id": rows,
        "attribute": _cells(draw, ((*TYPES, "late", None, "Size"),), len(rows)),
        "value": _cells(draw, values, len(rows)),
        "available_at": _times(draw, _moments(draw, len(rows))),
    }


def _cells(draw: st.DrawFn, palettes: Sequence[Sequence[Any]], count: int) -> Cells:
    cell = st.sampled_from(draw(st.sampled_from(palettes)))
    return draw(st.lists(cell, min_size=count, max_size=count))


def _some_columns(
    draw: st.DrawFn, palettes: Mapping[str, Sequence[Sequence[Any]]], count: int
) -> dict[str, Cells]:
    return {name: _cells(draw, some, count) for name, some in palettes.items() if draw(st.booleans())}


def _twice(draw: st.DrawFn, made: Mapping[str, Cells]) -> Mapping[str, Cells]:
    """Repeats some rows to the last cell."""
    count = len(made["lead_id"])
    places = [*range(count), *(draw(st.lists(st.integers(0, count - 1), max_size=2)) if count else ())]
    return {name: [cells[place] for place in places] for name, cells in made.items()}


def _moments(draw: st.DrawFn, count: int) -> list[datetime]:
    return draw(st.lists(moments, min_size=count, max_size=count))


def _event_times(draw: st.DrawFn, count: int) -> dict[str, Cells]:
    occurred = _moments(draw, count)
    made = {"occurred_at": _times(draw, occurred)}
    if draw(st.booleans()):
        delays = draw(st.lists(st.sampled_from(_DELAYS), min_size=count, max_size=count))
        known = [
            None if delay is None else moment + timedelta(hours=delay)
            for moment, delay in zip(occurred, delays, strict=True)
        ]
        made["available_at"] = _times(draw, known)
    return made


def _times(draw: st.DrawFn, instants: Sequence[datetime | None]) -> Cells:
    """Writes times in one way: as times of one zone, or as texts."""
    zone = ZoneInfo(draw(st.sampled_from(_ZONES)))
    writers = _ZONED_TIMES if draw(st.integers(0, 15)) else _OTHER_TIMES
    write = draw(st.sampled_from(writers))
    cells = [None if instant is None else write(instant, zone) for instant in instants]
    if cells and draw(st.integers(0, 11)) == 0:
        place = draw(st.integers(0, len(cells) - 1))
        is_text = isinstance(cells[place], str)
        cells[place] = draw(st.sampled_from((*_SPELLINGS, "yesterday", "2024-13-01"))) if is_text else None
    return cells
