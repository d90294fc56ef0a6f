from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.imports.errors import ImportSourceError
from features.imports.format.map_files import MapError, parse_map
from features.imports.import_report import ImportReport
from features.imports.run import import_history
from features.times import parse_time

LEADS = "id,created_at,country\n1,2026-01-05T10:00:00Z,DE\n2,2026-01-06T10:00:00Z,FR\n"
LEADS_MAP = '[leads]\nfrom = "leads"\nlead_id = "id"\ncreated_at = "created_at"\n'
CHANGING = '[leads.attributes]\ncountry = {column = "country", known = "changes"}\n'
CHANGES_MAP = """
[[attribute_changes]]
from = "changes"
lead_id = "id"
attribute = {constant = "country"}
value = "value"
available_at = "at"
"""
OUTCOMES_MAP = """
[[outcomes]]
from = "stages"
lead_id = "id"
outcome = {column = "stage", values = {won = "converted", lost = "lost"}, default = "reopened"}
occurred_at = "at"
"""


def imported(tmp_path: Path, files: dict[str, str], map_text: str, **options: Any) -> ImportReport:
    """Imports files of these texts into `out`."""
    source = tmp_path / "source"
    source.mkdir()
    for name, text in {"leads.csv": LEADS, **files}.items():
        (source / name).write_text(text, encoding="utf-8")
    (tmp_path / "map.toml").write_text(map_text, encoding="utf-8")
    now = parse_time("2026-03-01T00:00:00Z")
    return import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=now, **options)


def rows(tmp_path: Path, table: str) -> list[dict[str, Any]]:
    return pq.read_table(tmp_path / "out" / f"{table}.parquet").to_pylist()


def test_assemble__gives_leads_the_last_value_of_a_log_until_their_creation(tmp_path: Path) -> None:
    # 1: NL before, BE at creation, AT after. 2: nothing until creation, so today's FR says nothing.
    log = "id,value,at\n1,NL,2026-01-04T10:00:00Z\n1,BE,2026-01-05T10:00:00Z\n1,AT,2026-01-05T10:00:01Z\n"

    imported(
        tmp_path, {"changes.csv": f"{log}2,FR,2026-02-01T00:00:00Z\n"}, LEADS_MAP + CHANGING + CHANGES_MAP
    )

    assert [row["country"] for row in rows(tmp_path, "leads")] == ["BE", None]
    assert [row["value"] for row in rows(tmp_path, "attribute_changes")] == ["AT", "FR"]


def test_assemble__gives_leads_the_first_old_value_and_others_that_of_today(tmp_path: Path) -> None:
    log = "id,old,value,at\n1,BE,NL,2026-02-01T00:00:00Z\n1,NL,DE,2026-02-02T00:00:00Z\n"

    imported(tmp_path, {"changes.csv": log}, LEADS_MAP + CHANGING + CHANGES_MAP + 'old = "old"\n')

    assert [row["country"] for row in rows(tmp_path, "leads")] == ["BE", "FR"]


def test_assemble__empties_an_attribute_of_which_the_log_has_no_change(tmp_path: Path) -> None:
    log = "id,old,value,at\n3,BE,NL,2026-02-01T00:00:00Z\n"

    told = imported(tmp_path, {"changes.csv": log}, LEADS_MAP + CHANGING + CHANGES_MAP + 'old = "old"\n')

    assert [row["country"] for row in rows(tmp_path, "leads")] == [None, None]
    assert "no change of country" in str(told)


@pytest.mark.parametrize(
    ("stages", "reopens", "expected"),
    [
        ("new,lost,talk,offer", "", ["lost", "reopened"]),  # The first open stage after it, and only that.
        ("new,won,talk", "", ["converted", "reopened"]),
        ("new,won,talk", 'reopens = ["lost"]\n', ["converted"]),
        (
            "lost,won,lost,talk",
            'reopens = ["lost"]\n',
            ["lost", "converted", "lost"],
        ),  # A customer stays one.
        ("lost,talk,lost,talk", 'reopens = ["lost"]\n', ["lost", "reopened", "lost", "reopened"]),
    ],
)
def test_assemble__takes_an_open_stage_for_a_reopening_only_after_a_closing(
    stages: str, reopens: str, expected: list[str], tmp_path: Path
) -> None:
    days = enumerate(stages.split(","), 10)
    log = "id,stage,at\n" + "".join(f"1,{stage},2026-01-{day}T00:00:00Z\n" for day, stage in days)

    imported(tmp_path, {"stages.csv": log}, LEADS_MAP + OUTCOMES_MAP + reopens)

    assert [row["outcome"] for row in rows(tmp_path, "outcomes")] == expected


def test_latest__takes_the_first_of_rows_that_are_alike(tmp_path: Path) -> None:
    events = "who,at,page\n1,2026-01-07T00:00:00Z,/b\n1,2026-01-05T00:00:00Z,/a\n2,2026-01-06T00:00:00Z,/c\n"
    map_text = (
        '[leads]\nfrom = "events"\nlatest = {by = ["who"], first_by = "at"}\nlead_id = "who"\n'
        'created_at = "at"\n[leads.attributes]\npage = {column = "page", known = "creation"}\n'
    )

    told = imported(tmp_path, {"events.csv": events}, map_text)

    assert [row["page"] for row in rows(tmp_path, "leads")] == ["/a", "/c"]
    assert told.exit_code == 0


@pytest.mark.parametrize(
    ("first", "later", "by"),
    [
        ("31/12/2025 09:00", "01/01/2026 08:00", '{column = "seen", format = "%d/%m/%Y %H:%M"}'),
        ("99", "100", '"seen"'),
        ("2026-01-01T01:00:00+02:00", "2026-01-01T00:00:00Z", '"seen"'),
        ("1/2/2026", "1/10/2026", '{expression = "seen || \' 1 PM\'", format = "%m/%d/%Y %I %p"}'),
    ],
)
def test_first_by__orders_texts_by_the_times_or_numbers_that_they_are(
    tmp_path: Path, first: str, later: str, by: str
) -> None:
    map_text = (
        f'zone = "UTC"\n[leads]\nfrom = "events"\nlatest = {{by = ["who"], first_by = {by}}}\n'
        'lead_id = "who"\ncreated_at = {constant = "2026-01-01T00:00:00Z"}\n'
        'attributes.page = {column = "page", known = "creation"}\n'
        '[[outcomes]]\nfrom = "sales"\nlead_id = "who"\noutcome = {constant = "converted"}\n'
        f'join = [{{table = "events", on = {{who = "who"}}, last_by = {by}}}]\n'
        'occurred_at = "sold"\noutcome_id = {column = "page", table = "events"}\n'
    )
    events = f"who,seen,page\n1,{later},/b\n1,{first},/a\n"

    imported(tmp_path, {"events.csv": events, "sales.csv": "who,sold\n1,2026-01-05\n"}, map_text)

    assert [row["page"] for row in rows(tmp_path, "leads")] == ["/a"]
    assert [row["outcome_id"] for row in rows(tmp_path, "outcomes")] == ["/b"]


def test_latest__reads_a_time_as_another_value_of_the_block_does(tmp_path: Path) -> None:
    map_text = (
        'zone = "UTC"\n[leads]\nfrom = "events"\nlatest = {by = ["who"], first_by = "seen"}\n'
        'lead_id = "who"\ncreated_at = {column = "seen", format = "%d/%m/%Y"}\n'
    )

    imported(tmp_path, {"events.csv": "who,seen\n1,01/01/2026\n1,31/12/2025\n"}, map_text)

    assert [f"{row['created_at']:%Y-%m-%d}" for row in rows(tmp_path, "leads")] == ["2025-12-31"]


def test_expressions__see_no_more_in_a_missing_cell_than_other_values_do(tmp_path: Path) -> None:
    r"""Dumps of MySQL and PostgreSQL write `\N`; a map may list further spellings."""
    leads = "id,created_at,email_id,source\n1,2026-01-05T10:00:00Z,\\N,Select\n2,2026-01-05T10:00:00Z,7,Web\n"
    map_text = (
        f'missing = ["Select"]\n{LEADS_MAP}[leads.attributes]\n'
        "kind = {expression = \"CASE WHEN coalesce(email_id, '') <> '' THEN 'mail' ELSE 'page' END\"}\n"
        "origin = {expression = \"concat_ws(' ', source, email_id)\"}\n"
    )

    imported(tmp_path, {"leads.csv": leads}, map_text)

    assert [(row["kind"], row["origin"]) for row in rows(tmp_path, "leads")] == [
        ("page", ""),
        ("mail", "Web 7"),
    ]


def test_latest__has_one_order() -> None:
    text = LEADS_MAP + 'latest = {by = ["id"], first_by = "a", last_by = "b"}\n'

    with pytest.raises(MapError, match="give first_by or last_by"):
        parse_map(text, "map.toml")


OPTIONAL_MAP = """
[tables.leads]
optional_columns = ["is_deleted"]
[tables.owners]
optional = true
optional_columns = ["id", "team"]
[leads]
from = "leads"
join = [{table = "owners", on = {id = "id"}}]
where = "coalesce(is_deleted, 'false') <> 'true'"
lead_id = "id"
created_at = "created_at"
[leads.attributes]
team = {column = "team", table = "owners", known = "creation"}
"""


def test_tables__optional_ones_and_columns_are_empty_where_they_are_absent(tmp_path: Path) -> None:
    told = imported(tmp_path, {}, OPTIONAL_MAP)

    assert [(row["lead_id"], row["team"]) for row in rows(tmp_path, "leads")] == [("1", None), ("2", None)]
    assert told.absent_tables == ("owners",)


def test_tables__optional_ones_and_columns_are_used_where_they_are_there(tmp_path: Path) -> None:
    leads = "id,created_at,is_deleted\n1,2026-01-05T10:00:00Z,true\n2,2026-01-06T10:00:00Z,\n"

    told = imported(tmp_path, {"leads.csv": leads, "owners.csv": "id,team\n2,north\n"}, OPTIONAL_MAP)

    assert [(row["lead_id"], row["team"]) for row in rows(tmp_path, "leads")] == [("2", "north")]
    assert told.absent_tables == ()


def test_tables__an_optional_one_lists_its_columns() -> None:
    with pytest.raises(MapError, match="an optional table lists its columns in optional_columns"):
        parse_map(LEADS_MAP + "[tables.owners]\noptional = true\n", "map.toml")


def test_import_history__takes_the_zone_of_times_that_carry_none(tmp_path: Path) -> None:
    # Lisbon is at UTC in winter, Amsterdam an hour ahead.
    files = {"leads.csv": "id,created_at\n1,2026-01-05 10:00\n"}

    imported(tmp_path, files, f'zone = "Europe/Lisbon"\n{LEADS_MAP}', zone="Europe/Amsterdam")

    assert rows(tmp_path, "leads")[0]["created_at"].isoformat() == "2026-01-05T09:00:00+00:00"


def test_import_history__refuses_a_zone_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="CET1 is no zone"):
        imported(tmp_path, {}, LEADS_MAP, zone="CET1")


def test_import_history__refuses_a_source_without_a_lead_that_can_be_taken(tmp_path: Path) -> None:
    files = {"leads.csv": "id,created_at\n1,2026-01-05 10:00\n2,2026-01-06 10:00\n,2026-01-06 10:00\n"}

    with pytest.raises(ImportSourceError, match=r"from leads: a time without a zone; .* \(2 rows\), without"):
        imported(tmp_path, files, LEADS_MAP)

    assert not (tmp_path / "out").exists()


def test_import_history__refuses_a_source_without_rows(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="leads has no rows"):
        imported(tmp_path, {"leads.csv": "id,created_at\n"}, LEADS_MAP)
