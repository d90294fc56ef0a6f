from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history.text_rule import TEXT_RULE, category_text
from features.imports.rows.cells import text_of, time_stages
from features.imports.session import literal, open_session, quoted, run

LISBON = "Europe/Lisbon"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_session(tmp_path_factory.mktemp("spill")) as connection:
        yield connection


def moment_of(
    session: duckdb.DuckDBPyConnection,
    cell: str,
    kind: str = "VARCHAR",
    *,
    formats: tuple[str, ...] = (),
    zone: str | None = LISBON,
) -> tuple[int | None, int | None]:
    """Instant and beginning of the day of a cell, given as SQL, in microseconds UTC."""
    stages = time_stages("at", kind, TEXT_RULE, formats=formats, zone=zone)
    ((at, day),) = run(
        session,
        f"WITH cells AS (SELECT CAST({cell} AS {kind}) AS {quoted('= at')}), "
        f'read AS (SELECT {stages.cell} AS "at cell" FROM cells), '
        f'parts AS (SELECT *, {stages.zoned} AS "at zoned", {stages.local} AS "at local", '
        f'{stages.date} AS "at date" FROM read) '
        f"SELECT epoch_us({stages.at}), epoch_us({stages.day}) FROM parts",
    )
    return at, day


def us(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("cell", "formats", "moment"),
    [
        ("2026-07-01T12:00:00Z", (), "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00:00.000+0000", (), "2026-07-01T12:00:00+00:00"),
        ("2026-07-01 12:00:00 UTC", (), "2026-07-01T12:00:00+00:00"),
        ("2026-07-01T12:00:00+02:00", (), "2026-07-01T10:00:00+00:00"),
        # Summer in Lisbon is an hour ahead of UTC, winter is not.
        ("2026-07-01 12:00", (), "2026-07-01T11:00:00+00:00"),
        ("2026-01-01 12:00:00.5", (), "2026-01-01T12:00:00.5+00:00"),
        ("2026-07-01 12:00:00,5 +0200 UTC", (), "2026-07-01T10:00:00.5+00:00"),
        ("2026-07-01T12:00+02:00[Europe/Paris]", (), "2026-07-01T10:00:00+00:00"),
        ("1782907200", (), "2026-07-01T12:00:00+00:00"),
        ("1782907200000", (), "2026-07-01T12:00:00+00:00"),
        ("1782907200", ("epoch_s",), "2026-07-01T12:00:00+00:00"),
        ("01/07/2026 12:00", ("%d/%m/%Y %H:%M",), "2026-07-01T11:00:00+00:00"),
        ("07/01/2026 01:30 PM", ("%m/%d/%Y %I:%M %p",), "2026-07-01T12:30:00+00:00"),
        ("7/1/2026 1:30\u202fp.m.", ("%m/%d/%Y %I:%M %p",), "2026-07-01T12:30:00+00:00"),
        # 46204 days after 1899-12-30.
        ("46204.5", ("excel",), "2026-07-01T11:00:00+00:00"),
        ("01/07/2026 12:00 +0200", ("%d/%m/%Y %H:%M %z",), "2026-07-01T10:00:00+00:00"),
        ("01.07.2026 12:00", ("%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M"), "2026-07-01T11:00:00+00:00"),
    ],
)
def test_time_stages__reads_texts_of_times(
    session: duckdb.DuckDBPyConnection, cell: str, formats: tuple[str, ...], moment: str
) -> None:
    assert moment_of(session, literal(cell), formats=formats) == (us(moment), None)


@pytest.mark.parametrize(
    ("cell", "kind", "formats"),
    [
        ("'2026-07-01'", "VARCHAR", ()),
        ("'01/07/2026'", "VARCHAR", ("%d/%m/%Y",)),
        ("'2026-07-01 15:30:00'", "VARCHAR", ("date",)),
        ("46204", "DOUBLE", ("excel",)),
        ("'2026-07-01'", "DATE", ()),
        ("'2026-07-01 00:00:00'", "TIMESTAMP", ("date",)),
        # Half past eleven at night in UTC is the next day in Lisbon.
        ("'2026-06-30 23:30:00+00'", "TIMESTAMP WITH TIME ZONE", ("date",)),
    ],
)
def test_time_stages__takes_a_date_for_the_end_of_its_day(
    session: duckdb.DuckDBPyConnection, cell: str, kind: str, formats: tuple[str, ...]
) -> None:
    end, begin = us("2026-07-01T22:59:59.999999+00:00"), us("2026-06-30T23:00:00+00:00")

    assert moment_of(session, cell, kind, formats=formats) == (end, begin)


@pytest.mark.parametrize(
    "cell",
    [
        "2026-07-01 12:00:00 EST",
        "yesterday",
        "2026-02-30",
        "32/01/2026",
        "infinity",
        "2026-07-01 25:00",
        "12",
    ],
)
def test_time_stages__gives_no_instant_for_what_is_no_time(
    session: duckdb.DuckDBPyConnection, cell: str
) -> None:
    assert moment_of(session, literal(cell)) == (None, None)


@pytest.mark.parametrize("cell", ["2026-07-01 12:00", "2026-07-01"])
def test_time_stages__gives_no_instant_without_a_zone(session: duckdb.DuckDBPyConnection, cell: str) -> None:
    assert moment_of(session, literal(cell), zone=None) == (None, None)


@settings(max_examples=60, deadline=None)
@given(
    st.datetimes(*map(datetime.fromisoformat, ("1980-01-01", "2036-12-31"))),
    st.sampled_from([LISBON, "UTC", "America/Sao_Paulo", "Asia/Kolkata"]),
)
def test_time_stages__agrees_with_python_on_every_day_of_every_zone(
    session: duckdb.DuckDBPyConnection, local: datetime, zone: str
) -> None:
    day = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1, hours=12)
    noon = day.replace(tzinfo=ZoneInfo(zone))

    at, _ = moment_of(session, literal(day.strftime("%Y-%m-%d %H:%M")), zone=zone)
    end, begin = moment_of(session, literal(day.strftime("%Y-%m-%d")), zone=zone)

    assert at == us(noon.isoformat())
    # A day has 23 to 25 hours, and noon lies within it.
    assert begin is not None
    assert end is not None
    assert begin < us(noon.isoformat()) < end
    assert 23 <= (end + 1 - begin) / 3_600_000_000 <= 25


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5.0, "DOUBLE"),
        (5.5, "DOUBLE"),
        (float("nan"), "DOUBLE"),
        (51200000001.0, "DOUBLE"),
        (7, "BIGINT"),
        (True, "BOOLEAN"),
        ("007", "VARCHAR"),
        ("n/a", "VARCHAR"),
        ("", "VARCHAR"),
    ],
)
def test_text_of__writes_ids_as_every_other_door_does(
    session: duckdb.DuckDBPyConnection, value: Any, kind: str
) -> None:
    cell = f"CAST({literal(str(value))} AS {kind})"

    ((text,),) = run(session, f"SELECT {text_of('cell', kind, TEXT_RULE)} FROM (SELECT {cell} AS cell)")

    assert text == category_text(value, TEXT_RULE)
