from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from features.imports.errors import ImportValueError
from features.imports.rows.expressions import check_expression
from features.imports.session import open_session, run


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_session(tmp_path_factory.mktemp("spill")) as connection:
        yield connection


@pytest.mark.parametrize(
    "text",
    [
        "lower(x) || 'a' -- a remark",
        "CASE WHEN a THEN b ELSE TRY_CAST(c AS DATE) END",
        "list_filter(params, p -> p.key = 'page')[1].value",
        "data ->> '$.page.url'",
        "x IN ('a', 'b') AND y BETWEEN 1 AND 2 AND z LIKE 'a%'",
        "date_trunc('day', moment) AT TIME ZONE 'UTC'",
        "current_stage || leads.user",
        "split_part(nullif(x, ''), '-', 1)",
    ],
)
def test_check_expression__takes_scalar_ones(session: duckdb.DuckDBPyConnection, text: str) -> None:
    check_expression(session, text, block="leads", key="lead_id")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("(SELECT 1)", "has a subquery"),
        ("x IN (SELECT y FROM t)", "has a subquery"),
        ("row_number() OVER ()", "has a window"),
        ("*", "has a star"),
        ("COLUMNS('a')", "has a star"),
        ("$1", "has a parameter"),
        ("count(*)", "no scalar function"),
        ("random()", "random is no scalar function"),
        ("now()", "now is no scalar function"),
        ("current_date", "current_date is no column"),
        ("current_setting('temp_directory')", "no scalar function"),
        ("getenv('HOME')", "no scalar function"),
        ("nextval('s')", "no scalar function"),
        ("user", "user is no column; if it is one, write its table"),
        ("pg_postmaster_start_time()", "no scalar function"),
        ("pg_sleep(60)", "no scalar function"),
        ("pg_get_viewdef(1)", "no scalar function"),
        ("age(moment)", "age is no scalar function"),
        ("len(range(1000000000))", "range is no scalar function"),
        ("repeat('x', 1000000000)", "repeat is no scalar function"),
        ("main.getenv('HOME')", "no scalar function"),
        ("list_transform(['HOME'], lambda name: getenv(name))", "getenv is no scalar function"),
        ("1, 2", "more than one expression"),
        ("1; SELECT 2", "more than one expression"),
        ("1 FROM leads", "more than one expression"),
        ("1) FROM read_text('/etc/passwd') --", "it is no expression"),
        ("1 WHERE true", "more than one expression"),
    ],
)
def test_check_expression__refuses_whatever_sees_more_than_the_row(
    session: duckdb.DuckDBPyConnection, text: str, told: str
) -> None:
    with pytest.raises(ImportValueError, match=told):
        check_expression(session, text, block="leads", key="lead_id")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "COPY (SELECT 1) TO '/tmp/never.csv'",
        "ATTACH '/tmp/never.db' AS never",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '1GB'",
    ],
)
def test_open_session__can_reach_nothing_outside(session: duckdb.DuckDBPyConnection, sql: str) -> None:
    with pytest.raises(duckdb.Error, match=r"disabled|locked|[Cc]annot|Permission"):
        run(session, sql)
    assert not Path("/tmp/never.csv").exists()
