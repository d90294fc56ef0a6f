"""Every shipped map makes of its fixture what was written down before the map."""

from __future__ import annotations

import shutil
import sqlite3
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.checks.checks import check_history
from features.imports.format.map_files import shipped_maps, text_of_map
from features.imports.format.map_format import TABLES
from features.imports.import_report import ImportReport
from features.imports.run import import_history
from features.times import parse_time
from tests.support.stores import running_postgresql

FIXTURES = Path(__file__).parent / "fixtures"
# Fixture, and its map.
FILES = [
    ("call_list", "call_list"),
    ("dynamics_csv", "dynamics"),
    ("flat_leads", "leads_table"),
    ("ga4", "ga4"),
    ("hubspot_airbyte", "hubspot_airbyte"),
    ("hubspot_csv", "hubspot_csv"),
    ("mautic", "mautic"),
    ("pipedrive", "pipedrive"),
    ("salesforce_csv", "salesforce"),
    ("segment", "segment"),
    ("snowplow", "snowplow"),
    ("zoho_csv", "zoho"),
]
# Fixture, its map, and the fixture whose expected tables it shares.
DATABASES = [
    ("hubspot_fivetran", "hubspot_fivetran", "hubspot_fivetran"),
    ("odoo", "odoo", "odoo"),
    ("salesforce_airbyte", "salesforce", "salesforce_csv"),
    ("salesforce_dlt", "salesforce_dlt", "salesforce_dlt"),
    ("salesforce_fivetran", "salesforce_dlt", "salesforce_csv"),
]
# SQLite has no booleans, which Odoo's map computes with.
IN_SQLITE = [names for names in DATABASES if names[0] != "odoo"]


@pytest.mark.parametrize(("fixture", "name"), FILES)
def test_shipped_map__makes_of_files_what_was_expected(fixture: str, name: str, tmp_path: Path) -> None:
    assert_expected(FIXTURES / fixture / "source", name, fixture, tmp_path)


@pytest.mark.parametrize(("fixture", "name", "like"), IN_SQLITE)
def test_shipped_map__makes_of_sqlite_what_was_expected(
    fixture: str, name: str, like: str, tmp_path: Path
) -> None:
    path = tmp_path / "landed.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((FIXTURES / fixture / "source.sql").read_text(encoding="utf-8"))
    connection.close()

    assert_expected(f"sqlite:///{path}", name, like, tmp_path)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a running PostgreSQL."""
    with running_postgresql() as url:
        yield url


@pytest.mark.all
@pytest.mark.parametrize(("fixture", "name", "like"), DATABASES)
def test_shipped_map__makes_of_postgresql_what_was_expected(
    fixture: str, name: str, like: str, tmp_path: Path, server: str
) -> None:
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {fixture}")
        connection.exec_driver_sql(f"SET search_path TO {fixture}")
        for statement in (FIXTURES / fixture / "source.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement.replace("%", "%%"))
    engine.dispose()

    assert_expected(server, name, like, tmp_path, schema=fixture)


def test_salesforce_won__takes_sales_for_conversions(tmp_path: Path) -> None:
    assert_expected(FIXTURES / "salesforce_csv" / "source", "salesforce_won", "salesforce_won", tmp_path)


@pytest.mark.parametrize(("true", "false"), [("1", "0"), ("t", "f"), ("True", "False")])
def test_salesforce__reads_truths_as_programs_write_them(true: str, false: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(FIXTURES / "salesforce_csv" / "source", source)
    for path in source.iterdir():
        text = path.read_text(encoding="utf-8-sig")
        text = text.replace('"true"', f'"{true}"').replace('"false"', f'"{false}"')
        path.write_text(text, encoding="utf-8", newline="")

    assert_expected(source, "salesforce", "salesforce_csv", tmp_path)


def test_shipped_maps__each_has_a_fixture() -> None:
    tested = {name for _, name in FILES} | {name for _, name, _ in DATABASES}

    assert tested | {"salesforce_won"} == set(shipped_maps())


def assert_expected(
    source: str | Path, name: str, fixture: str, tmp_path: Path, schema: str | None = None
) -> None:
    """Imports a source, and compares every table with that of the fixture."""
    expected = tomllib.loads((FIXTURES / fixture / "expected.toml").read_text(encoding="utf-8"))
    map_name = name
    if schema is not None:
        map_name = str(tmp_path / "map.toml")
        Path(map_name).write_text(f'schema = "{schema}"\n{text_of_map(name)}', encoding="utf-8")

    report = import_history(
        source,
        tmp_path / "out",
        map_name=map_name,
        now=parse_time("2026-11-30T00:00:00Z"),
        exported_at=parse_time(expected["exported_at"]),
        zone=expected.get("zone"),
    )

    settings = tomllib.loads((tmp_path / "out" / "history.toml").read_text(encoding="utf-8"))
    for table in TABLES:
        columns, rows = rows_of(expected.get(table, "lead_id"))
        found = found_rows(tmp_path / "out" / f"{table}.parquet", columns, set(settings.get("missing", ())))
        assert found == Counter(rows), f"{table}\n{report}"
    assert columns_of_leads(tmp_path) == set(rows_of(expected["leads"])[0])
    assert_told(report, expected.get("refused", 0))
    assert check_history(str(tmp_path / "out")).can_score


def assert_told(report: ImportReport, refused: int) -> None:
    assert report.refused_count == refused
    assert report.exit_code == (3 if refused else 0)


def columns_of_leads(tmp_path: Path) -> set[str]:
    return set(pq.read_schema(tmp_path / "out" / "leads.parquet").names)


def rows_of(text: str) -> tuple[list[str], list[tuple[str, ...]]]:
    """Columns and rows of a table written with bars."""
    head, *rows = [tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines()]
    return list(head), rows


def found_rows(path: Path, columns: list[str], missing: set[str]) -> Counter[tuple[str, ...]]:
    """The rows of a table as texts; of interactions with one id of one source one counts, as everywhere."""
    rows = pq.read_table(path).to_pylist() if path.exists() else []
    once = {(row.get("source"), row.get("interaction_id") or number): row for number, row in enumerate(rows)}
    return Counter(tuple(text_of(row, column, missing) for column in columns) for row in once.values())


def text_of(row: dict[str, Any], column: str, missing: set[str]) -> str:
    value = row.get(column)
    if value is None and column == "available_at":
        value = row["occurred_at"]
    if value is None or value in missing:
        return ""
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00")
        return text.removesuffix("000").removesuffix(".000") + "Z"
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
