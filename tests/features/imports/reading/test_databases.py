"""Databases are read as their columns are declared and filled, in any schema, chunk by chunk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from features.imports.errors import ImportSourceError
from features.imports.reading import spooled_rows
from features.imports.run import import_history
from features.times import parse_time
from tests.support.stores import running_postgresql

NOW = parse_time("2026-11-30T00:00:00Z")

TABLES = """
CREATE SCHEMA hubspot;
CREATE TYPE stage AS ENUM ('new', 'Bought');
CREATE TABLE hubspot."order" (
  id bigint, "user" text, "From" timestamp, at timestamptz, day date, size numeric(12, 2), big numeric,
  stage stage, tags text[], props jsonb, raw bytea, span interval, key uuid, "50% off" boolean, ip inet
);
INSERT INTO hubspot."order" VALUES
  (1, 'a', '2026-01-05 10:00', '2026-01-05 10:00+02', '2026-02-01', 12.50, 12345678901234567890123,
   'Bought', '{x,y}', '{"page": {"tag": 7}}', 'bytes', '2 days', '00000000-0000-0000-0000-000000000001',
   true, '127.0.0.1'),
  (2, 'b', '2026-01-06 10:00', 'infinity', NULL, 'NaN', 1.5, 'new',
   NULL, '[]', NULL, NULL, NULL, false, NULL);
CREATE VIEW hubspot.deals AS SELECT * FROM hubspot."order";
CREATE MATERIALIZED VIEW hubspot.kept AS SELECT * FROM hubspot."order";
CREATE TABLE plain (id integer, at timestamptz);
INSERT INTO plain VALUES (1, '2026-01-07 10:00+00'), (2, '-infinity');
"""
MAP = """
zone = "Europe/Lisbon"
[tables.own]
table = "{table}"
[leads]
from = "own"
lead_id = "id"
created_at = "From"
[leads.attributes]
person = {{column = "user", known = "creation"}}
size = {{column = "size", known = "creation"}}
big = {{column = "big", known = "creation", type = "category"}}
tag = {{column = "props", path = "page.tag", known = "creation"}}
first_tag = {{column = "tags", path = "0", known = "creation"}}
off = {{column = "50% off", known = "creation"}}
key = {{column = "key", known = "creation"}}
span = {{column = "span", known = "creation"}}
ip = {{column = "ip", known = "creation"}}
raw = {{column = "raw", known = "creation"}}
[[interactions]]
from = "plain"
lead_id = "id"
kind = {{constant = "call"}}
occurred_at = "at"
[[outcomes]]
from = "own"
lead_id = "id"
outcome = {{column = "stage", values = {{Bought = "converted", new = "open"}}}}
occurred_at = "day"
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of a running PostgreSQL that holds a CRM's tables."""
    with running_postgresql() as url:
        engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            for statement in TABLES.replace("%", "%%").split(";\n"):
                if statement.strip():
                    connection.exec_driver_sql(statement)
        engine.dispose()
        yield url


def imported(tmp_path: Path, url: str, text: str) -> dict[str, list[dict[str, Any]]]:
    (tmp_path / "map.toml").write_text(text, encoding="utf-8")
    report = import_history(url, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)
    rows = {path.stem: pq.read_table(path).to_pylist() for path in (tmp_path / "out").glob("*.parquet")}
    return {**rows, "report": [report.summary()]}


@pytest.mark.parametrize("table", ["hubspot.order", "hubspot.deals", "hubspot.kept"])
@pytest.mark.all
def test_import_history__reads_any_type_of_postgresql(tmp_path: Path, server: str, table: str) -> None:
    rows = imported(tmp_path, server, MAP.format(table=table))

    first, second = rows["leads"]
    # Lisbon is at UTC in January.
    assert first["created_at"].isoformat() == "2026-01-05T10:00:00+00:00"
    assert (first["size"], second["size"]) == (12.5, None)
    assert first["big"] == "12345678901234567890123"
    assert (first["tag"], first["first_tag"], first["person"]) == (7, "x", "a")
    assert (first["off"], second["off"]) == (True, False)
    assert first["key"] == "00000000-0000-0000-0000-000000000001"
    assert first["ip"] == "127.0.0.1"
    # A date counts at its end; what never happens is refused, not guessed.
    assert [row["occurred_at"].isoformat() for row in rows["outcomes"]] == [
        "2026-02-01T23:59:59.999999+00:00"
    ]
    assert [row["lead_id"] for row in rows["interactions"]] == ["1"]


@pytest.mark.all
def test_import_history__finds_a_table_in_the_schema_of_the_map(tmp_path: Path, server: str) -> None:
    text = 'schema = "hubspot"\n' + MAP.format(table="order").partition("[[interactions]]")[0]

    assert len(imported(tmp_path, server, text)["leads"]) == 2


@pytest.mark.all
def test_import_history__lists_the_tables_of_a_database_that_lacks_one(tmp_path: Path, server: str) -> None:
    with pytest.raises(ImportSourceError, match=r"has no table order\. It has plain\."):
        imported(tmp_path, server, MAP.format(table="order"))


def test_import_history__reads_cells_of_several_types_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spooled_rows, "CHUNK_ROWS", 2)
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("CREATE TABLE leads (id, created, size, note, is_new BOOLEAN)")
    rows = [
        (1, "2026-01-05 10:00:00", 2, None, 1),
        (2, "2026-01-05 10:00:00", 2.5, None, 0),
        (3, "2026-01-05 10:00:00", None, "-", None),
        ("A-4", 1767607200, 4, b"bytes", "true"),
        (5.0, "2026-01-05 10:00:00", "n/a", 7, 0),
    ]
    connection.executemany("INSERT INTO leads VALUES (?, ?, ?, ?, ?)", rows)
    connection.commit()
    connection.close()
    text = """
zone = "UTC"
[leads]
from = "leads"
lead_id = "id"
created_at = "created"
attributes.size = {column = "size", known = "creation"}
attributes.is_new = {column = "is_new", known = "creation"}
attributes.note = {column = "note", known = "creation"}
"""

    leads = imported(tmp_path, f"sqlite:///{tmp_path / 'crm.db'}", text)["leads"]

    assert [row["lead_id"] for row in leads] == ["1", "2", "3", "5", "A-4"]
    assert {row["created_at"].isoformat() for row in leads} == {"2026-01-05T10:00:00+00:00"}
    assert [row["size"] for row in leads] == [2, 2.5, None, None, 4]
    assert [row["is_new"] for row in leads] == [True, False, None, False, True]
