"""Cells of databases: ids keep all digits, texts of booleans are read, no shape ends in a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
import sqlalchemy as sa

from features.checks.checked_history import CheckedHistory, read_history
from features.findings.problems import HistoryError
from features.partitions.partitions import write_partitions
from features.sources.connections import open_engine
from features.times import to_us
from tests.support.stores import new_database, running_postgresql

DAY = "2026-05-01T00:00:00Z"
IDS = [UUID(int=number) for number in range(1, 4)]


def fill(url: str, *statements: str) -> str:
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement.replace(":", "\\:")))
    engine.dispose()
    return url


def categories(read: CheckedHistory, name: str) -> list[str | None]:
    attribute = read.history.attributes[name]
    names = (*attribute.categories, None)
    return [names[-1 if np.isnan(code) else int(code)] for code in attribute.values]


@pytest.fixture(params=[1, 2, 50_000])
def chunked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.sources.databases.CHUNK_ROWS", request.param)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with running_postgresql() as url:
        yield url


@pytest.mark.usefixtures("chunked")
def test_read_history__reads_booleans_that_sqlite_keeps_as_text(tmp_path: Path) -> None:
    url = fill(
        f"sqlite:///{tmp_path / 'crm.db'}",
        "CREATE TABLE leads (lead_id TEXT, created_at TEXT, is_new BOOLEAN)",
        "CREATE TABLE interactions (lead_id TEXT, kind TEXT, occurred_at TEXT)",
        f"INSERT INTO leads VALUES ('a', '{DAY}', 'false'), ('b', '{DAY}', 'TRUE'), ('c', '{DAY}', 0),"
        f" ('d', '{DAY}', 1), ('e', '{DAY}', 'n/a'), ('f', '{DAY}', NULL), ('g', '{DAY}', '0')",
    )

    is_new = read_history(url).history.attributes["is_new"]

    assert is_new.type == "boolean"
    assert np.array_equal(is_new.values, [0, 1, 0, 1, np.nan, np.nan, 0], equal_nan=True)


@pytest.mark.usefixtures("chunked")
def test_read_history__reads_numbers_of_sqlite_beside_spelled_missing_cells(tmp_path: Path) -> None:
    url = fill(
        f"sqlite:///{tmp_path / 'crm.db'}",
        "CREATE TABLE leads (lead_id TEXT, created_at TEXT, size INTEGER, plan)",
        "CREATE TABLE interactions (lead_id TEXT, kind TEXT, occurred_at TEXT)",
        f"INSERT INTO leads VALUES ('a', '{DAY}', 5, 5), ('b', '{DAY}', 'n/a', 'n/a'),"
        f" ('c', '{DAY}', '-', 5.0), ('d', '{DAY}', 7, 'gold')",
    )

    read = read_history(url)

    size = read.history.attributes["size"]
    assert size.type == "number"
    assert np.array_equal(size.values, [5, np.nan, np.nan, 7], equal_nan=True)
    assert categories(read, "plan") == ["5", None, "5", "gold"]


@pytest.mark.usefixtures("chunked")
def test_read_history__keeps_all_digits_of_the_ids_of_sqlite(tmp_path: Path) -> None:
    first, second = 9007199254740993, 9007199254740992  # As floats they are one number.
    url = fill(
        f"sqlite:///{tmp_path / 'crm.db'}",
        "CREATE TABLE leads (lead_id NUMERIC, created_at TEXT)",
        "CREATE TABLE interactions (lead_id NUMERIC, kind TEXT, occurred_at TEXT)",
        f"INSERT INTO leads VALUES ({first}, '{DAY}'), ({second}, '{DAY}'), (2.5, '{DAY}')",
        f"INSERT INTO interactions VALUES ({first}, 'call_held', '{DAY}'), (2.5, 'call_held', '{DAY}')",
    )

    made = read_history(url).history

    assert made.lead_ids.to_pylist() == ["2.5", str(second), str(first)]
    assert np.diff(made.interactions.starts).tolist() == [1, 0, 1]


@pytest.mark.all
@pytest.mark.usefixtures("chunked")
def test_read_history__keeps_all_digits_of_numeric_ids(server: str, tmp_path: Path) -> None:
    first, second = "12345678901234567891", "12345678901234567892"
    url = fill(
        new_database(server, tmp_path),
        "CREATE TABLE leads (lead_id numeric, created_at timestamptz, price numeric)",
        "CREATE TABLE interactions (lead_id numeric, kind text, occurred_at timestamptz)",
        f"INSERT INTO leads VALUES ({first}, '{DAY}', 0.3), ({second}, '{DAY}', 'NaN'),"
        f" (7.00, '{DAY}', 1234.57)",
        f"INSERT INTO interactions VALUES ({second}, 'call_held', '{DAY}'), (7, 'call_held', '{DAY}')",
    )

    made = read_history(url).history

    assert made.lead_ids.to_pylist() == [first, second, "7"]
    assert np.diff(made.interactions.starts).tolist() == [0, 1, 1]
    assert np.array_equal(made.attributes["price"].values, [0.3, np.nan, 1234.57], equal_nan=True)


@pytest.mark.all
@pytest.mark.usefixtures("chunked")
def test_read_history__reads_uuids_and_leaves_out_nested_attributes(server: str, tmp_path: Path) -> None:
    url = fill(
        new_database(server, tmp_path),
        "CREATE TABLE leads (lead_id uuid, created_at timestamptz, account_id uuid, raw jsonb, tags text[])",
        "CREATE TABLE interactions (lead_id uuid, kind text, occurred_at timestamptz, campaign text)",
        f"""INSERT INTO leads VALUES ('{IDS[0]}', '{DAY}', '{IDS[2]}', '{{"a": 1}}', '{{}}'),
            ('{IDS[1]}', '{DAY}', NULL, '{{"a": "x", "b": [1]}}', '{{x,y}}'),
            ('{IDS[2]}', '{DAY}', NULL, '"text"', NULL), ('{UUID(int=9)}', '{DAY}', NULL, NULL, NULL)""",
        f"INSERT INTO interactions VALUES ('{IDS[1]}', 'call_held', '{DAY}', 'n/a')",
    )

    read = read_history(url)

    assert read.history.lead_ids.to_pylist() == [*map(str, IDS), str(UUID(int=9))]
    assert np.diff(read.history.interactions.starts).tolist() == [0, 1, 0, 0]
    assert not read.history.attributes
    unused = [str(problem) for problem in read.problems if problem.code == "D034"]
    assert ["of type json" in sentence for sentence in unused] == [True, True]


@pytest.mark.all
@pytest.mark.usefixtures("chunked")
def test_write_partitions__of_ids_of_several_types_brings_them_together(server: str, tmp_path: Path) -> None:
    url = fill(
        new_database(server, tmp_path),
        "CREATE TABLE leads (lead_id bigint, created_at timestamptz, account_id float8)",
        "CREATE TABLE interactions (lead_id numeric, kind text, occurred_at timestamptz)",
        *(
            f"INSERT INTO leads VALUES ({number}, '{DAY}', {account})"
            for number, account in enumerate(["'NaN'", "NULL", 512, 512, 51200000001, "'NaN'"])
        ),
        *(f"INSERT INTO interactions VALUES ({number}.00, 'call_held', '{DAY}')" for number in range(6)),
    )

    made = write_partitions(url, tmp_path / "split", partition_rows=10, workers=1)

    histories = [made.read(number)[0] for number in range(made.layout.count)]
    counts = {
        lead_id: (np.diff(part.interactions.starts)[row].item(), part.account[row] >= 0)
        for part in histories
        if part is not None
        for row, lead_id in enumerate(part.lead_ids.to_pylist())
    }
    assert made.layout.count > 1
    assert counts == {str(number): (1, number in (2, 3, 4)) for number in range(6)}


def test_read_history__capitals_in_names_of_tables_do_not_count(tmp_path: Path) -> None:
    url = fill(
        f"sqlite:///{tmp_path / 'crm.db'}",
        'CREATE TABLE "Leads" (lead_id TEXT, created_at TEXT)',
        'CREATE TABLE "INTERACTIONS" (lead_id TEXT, kind TEXT, occurred_at TEXT)',
        f"INSERT INTO leads VALUES ('a', '{DAY}')",
        f"INSERT INTO interactions VALUES ('a', 'chat', '{DAY}')",
    )

    assert read_history(url).history.interactions.starts.tolist() == [0, 1]


@pytest.mark.all
def test_read_history__takes_the_table_of_its_name_among_those_in_capitals(
    server: str, tmp_path: Path
) -> None:
    columns = "(lead_id TEXT, created_at TIMESTAMPTZ)"
    url = fill(
        new_database(server, tmp_path),
        f'CREATE TABLE "Leads" {columns}',
        f'CREATE TABLE "LEADS" {columns}',
        "CREATE TABLE interactions (lead_id TEXT, kind TEXT, occurred_at TIMESTAMPTZ)",
    )

    with pytest.raises(HistoryError, match=r"D002 The table leads is missing \(LEADS -> leads\)"):
        read_history(url)

    fill(url, f"CREATE TABLE leads {columns}", f"INSERT INTO leads VALUES ('a', '{DAY}')")
    assert read_history(url).history.leads_count == 1


@pytest.mark.all
def test_read_history__bounds_times_that_only_postgresql_knows(server: str, tmp_path: Path) -> None:
    never, first = "9999-12-31 23:59:59.999999+00", "0001-01-01 00:00:00+00"
    # By what is stored, what is read: infinity is never, as 9999-12-31 is in other sources.
    read_as = {
        "infinity": never,
        "10000-01-01 00:00:00+00": never,
        "9999-12-31 23:59:59-05": never,
        "2026-05-02 00:00:00+00": "2026-05-02 00:00:00+00",
        "0001-01-01 00:00:00+05": first,
        "0044-03-15 00:00:00+00 BC": first,
        "-infinity": first,
    }
    rows = ", ".join(f"('a', '{number}', '{text}')" for number, text in enumerate(read_as))
    url = fill(
        new_database(server, tmp_path),
        # In this zone the last instant of the year 9999 lies in the year 10000.
        "ALTER ROLE CURRENT_USER SET timezone = 'Europe/Berlin'",
        "CREATE TABLE leads (lead_id text, created_at timestamptz, until timestamp, since date)",
        "CREATE TABLE interactions (lead_id text, kind text, occurred_at timestamptz)",
        f"INSERT INTO leads VALUES ('a', '{DAY}', 'infinity', 'infinity'), ('b', '{DAY}', NULL, NULL)",
        f"INSERT INTO interactions VALUES {rows}, ('a', 'empty', NULL)",
    )

    read = read_history(url)
    fill(server, "ALTER ROLE CURRENT_USER RESET timezone")

    interactions = read.history.interactions
    kinds = [interactions.kind.values[code] for code in interactions.kind.codes]
    moments = dict(zip(kinds, interactions.occurred_at.tolist(), strict=True))
    assert moments == {
        str(number): to_us(datetime.fromisoformat(text)) for number, text in enumerate(read_as.values())
    }
    assert [problem.count for problem in read.problems if problem.code == "D020"] == [1]
