"""A cell of one record is read as a cell of a column is: the same instants, texts and truths as in SQL."""

from __future__ import annotations

import json
from typing import Any

import duckdb
import pytest

from features.history.text_rule import TEXT_RULE
from features.imports.format.values import PlainValue
from features.imports.reading.plain_cells import (
    ABSENT,
    CellTimeError,
    plain_cell,
    plain_number,
    plain_text,
    plain_time,
    plain_truth,
)
from features.imports.rows.cells import text_of, time_stages, truth_of
from features.imports.session import quoted
from features.times import parse_time

ZONE = "Europe/Lisbon"
TIMES = [
    *("2026-05-01T12:00:00Z", "2026-05-01T12:00:00.123456Z", "2026-05-01 12:00:00", "2026-05-01 12:00"),
    *("2026-05-01T12:00:00+02:00", "2026-05-01T12:00:00+0200", "2026-05-01T12:00:00 +02", "2026-05-01"),
    *("2026-05-01 12:00:00 UTC", "2026-05-01 12:00:00 GMT", "2026-05-01T12:00:00z", "2026/5/1 8:05"),
    *("1777636800", "1777636800000", "1777636800000000", "1777636800.5", "2026-12-01 12:00:00,5"),
    *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "0001-01-02T00:00:00Z", "9999-12-30 12:00"),
    *("May", "12", "2026-13-01", "2026-05-01 25:00:00", "2026-05-01 12:00:00 CEST", "", "-", "NULL"),
]


def sql_time(cell: str, formats: tuple[str, ...], zone: str | None) -> int | None:
    """The instant as DuckDB reads it."""
    stages = time_stages("k", "VARCHAR", TEXT_RULE, formats=formats, zone=zone)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        query = f"SELECT epoch_us({stages.at}) FROM (SELECT *, {stages.zoned} AS {quoted('k zoned')}, "
        query += f"{stages.local} AS {quoted('k local')}, {stages.date} AS {quoted('k date')} FROM "
        query += f"(SELECT *, {stages.cell} AS {quoted('k cell')} FROM (SELECT ? AS {quoted('= k')})))"
        ((found,),) = connection.execute(query, [cell]).fetchall()
    return None if found is None else int(found)


@pytest.mark.parametrize("zone", [None, ZONE])
@pytest.mark.parametrize(
    ("formats", "cells"),
    [
        ((), TIMES),
        (("date",), ["2026-05-01", "2026-05-01T12:00:00Z", "x"]),
        (("epoch_s",), ["1777636800", "1777636800.25", "x"]),
        (("epoch_ms",), ["1777636800000", "x"]),
        (("excel",), ["46143", "46143.75", "0"]),
        (("%d/%m/%Y %H:%M", "%d.%m.%Y"), ["01/05/2026 12:30", "01.05.2026", "x"]),
        (("%b %d, %Y %I:%M %p",), ["May 01, 2026 03:30 PM", "May 01, 2026 03:30 p.m."]),
        (("%Y-%m-%dT%H:%M:%S%z",), ["2026-05-01T12:00:00+0530"]),
    ],
)
def test_plain_time__reads_what_sql_reads(
    formats: tuple[str, ...], cells: list[str], zone: str | None
) -> None:
    value = PlainValue(column="a", format=formats)

    for cell in cells:
        told = sql_time(cell, formats, zone)
        try:
            read = plain_time(value, cell, TEXT_RULE, zone=zone)
        except CellTimeError:
            read = None
        assert read == told, cell


def test_plain_time__says_what_is_wrong() -> None:
    value = PlainValue(column="a")

    with pytest.raises(CellTimeError, match="no_time"):
        plain_time(value, "May", TEXT_RULE, zone=ZONE)
    with pytest.raises(CellTimeError, match="no_zone"):
        plain_time(value, "2026-05-01", TEXT_RULE, zone=None)
    assert plain_time(value, 1777636800000, TEXT_RULE, zone=None) == 1777636800000000
    assert plain_time(value, None, TEXT_RULE, zone=None) is None
    assert plain_time(PlainValue(column="a", zone="UTC"), "2026-05-01 00:00", TEXT_RULE, zone=ZONE) == (
        parse_time("2026-05-01T00:00:00Z")
    )


@pytest.mark.parametrize("cell", ["won", "NULL", "", 5, 5.0, 0.1, True, None, "007"])
def test_plain_text__writes_what_sql_writes(cell: Any) -> None:
    with duckdb.connect() as connection:
        kind = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}.get(type(cell), "VARCHAR")
        column = f"CAST(? AS {kind})"
        told = f"{text_of('a', kind, TEXT_RULE)}, {truth_of('a', kind, TEXT_RULE)}"
        query = f"SELECT {told} FROM (SELECT {column} a)"
        ((text, truth),) = connection.execute(query, [cell]).fetchall()

    value = PlainValue(column="a")
    assert plain_text(value, cell, TEXT_RULE) == text
    assert plain_truth(value, cell, TEXT_RULE) == bool(truth)


def test_plain_cell__goes_the_way_into_a_record() -> None:
    record = {"a": {"b": [1, {"c": None}]}, "text": json.dumps({"b": [7]})}

    assert plain_cell(PlainValue(column="a", path="b.0"), record) == 1
    assert plain_cell(PlainValue(column="a", path="b.1.c"), record) is None
    assert plain_cell(PlainValue(column="text", path="b.0"), record) == 7
    assert plain_cell(PlainValue(constant="x"), record) == "x"
    for path in ("b.2", "c", "b.x", "b.0.d"):
        assert plain_cell(PlainValue(column="a", path=path), record) is ABSENT
    assert plain_cell(PlainValue(column="gone"), record) is ABSENT


def test_plain_number__reads_finite_numbers() -> None:
    value = PlainValue(column="a")

    assert [plain_number(value, cell, TEXT_RULE) for cell in ("1.5", 2, "-", None)] == [1.5, 2.0, None, None]
    for cell in ("many", "inf", [1]):
        with pytest.raises(ValueError, match=r"could not|finite"):
            plain_number(value, cell, TEXT_RULE)


def test_plain_text__looks_up() -> None:
    value = PlainValue(column="a", values={"1": "won"}, default="open")

    assert [plain_text(value, cell, TEXT_RULE) for cell in (1, "2", None)] == ["won", "open", None]
    assert plain_text(PlainValue(column="a", values={"1": "won"}), 2, TEXT_RULE) is None
