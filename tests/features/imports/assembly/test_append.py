from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.checks.checks import check_history
from features.imports.errors import ImportSourceError
from features.imports.import_report import ImportReport
from features.imports.run import import_history
from features.output.targets import TargetError
from features.sources.history_settings import read_settings
from features.times import parse_time, to_us

FIRST, SECOND = parse_time("2026-03-01T00:00:00Z"), parse_time("2026-04-01T00:00:00Z")
THIRD = parse_time("2026-05-01T00:00:00Z")
MAP = """
zone = "UTC"
[leads]
from = "leads"
lead_id = "id"
created_at = "created"
erased = "forgotten"
deleted = "deleted"
attributes.country = {column = "country", known = "creation"}
attributes.size = {column = "size", known = "export"}
[[interactions]]
from = "calls"
lead_id = "lead"
kind = {constant = "call"}
occurred_at = "at"
[[interactions]]
from = "mails"
lead_id = "lead"
kind = {constant = "email_sent"}
occurred_at = "at"
interaction_id = "id"
[[outcomes]]
from = "deals"
lead_id = "lead"
outcome = {column = "state", values = {won = "converted", lost = "lost"}}
occurred_at = "at"
outcome_id = "deal"
amount = "amount"
"""
LEADS = "id,created,country,size,deleted,forgotten\n1,2026-01-01 10:00,PT,5,,\n2,2026-01-02 10:00,ES,,,\n"
CALLS = "lead,at\n1,2026-02-01 10:00\n1,2026-02-01 10:00\n"
MAILS = "id,lead,at\nm1,2,2026-02-02 10:00\n"
DEALS = "deal,lead,state,at,amount\nd1,1,won,2026-02-10 10:00,100\n"
FILES = {"leads.csv": LEADS, "calls.csv": CALLS, "mails.csv": MAILS, "deals.csv": DEALS}


def imported(
    tmp_path: Path, at: int, files: dict[str, str], map_text: str = MAP, **options: Any
) -> ImportReport:
    """Imports files of these texts, the others as in the first export."""
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    for name, text in (FILES | files).items():
        (source / name).write_text(text, encoding="utf-8")
    (tmp_path / "map.toml").write_text(map_text, encoding="utf-8")
    return import_history(
        source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=at, append=True, **options
    )


def rows(tmp_path: Path, table: str) -> list[dict[str, Any]]:
    path = tmp_path / "out" / f"{table}.parquet"
    return pq.read_table(path).to_pylist() if path.is_file() else []


def us(row: dict[str, Any], column: str = "available_at") -> int | None:
    return None if row[column] is None else to_us(row[column])


def test_append_export__of_the_same_again_adds_nothing(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})
    first = {table: rows(tmp_path, table) for table in ("leads", "interactions", "outcomes")}

    report = imported(tmp_path, SECOND, {})

    assert report.changes == {}
    assert rows(tmp_path, "attribute_changes") == []
    again = {table: rows(tmp_path, table) for table in ("leads", "interactions", "outcomes")}
    assert [{**row, "available_at": None} for row in again["interactions"]] == [
        {**row, "available_at": None} for row in first["interactions"]
    ]
    assert again["leads"] == first["leads"]
    assert read_settings(tmp_path / "out").exported_at == SECOND
    assert check_history(str(tmp_path / "out")).can_score


def test_append_export__of_a_log_with_old_values_adds_its_new_rows_once(tmp_path: Path) -> None:
    log = "lead,field,old,new,at\n1,size,5,6,2026-02-01 10:00\n"
    logged = MAP.replace('"size", known = "export"', '"size", known = "changes"') + (
        '[[attribute_changes]]\nfrom = "log"\nlead_id = "lead"\nattribute = "field"\n'
        'value = "new"\nold = "old"\navailable_at = "at"\n'
    )
    imported(tmp_path, FIRST, {"log.csv": log}, map_text=logged)

    again = imported(tmp_path, SECOND, {"log.csv": log + "1,size,6,7,2026-03-05 10:00\n"}, map_text=logged)

    assert again.changes == {}
    changes = [(row["value"], us(row)) for row in rows(tmp_path, "attribute_changes")]
    # As the log says, not as of the export.
    assert changes == [("6", parse_time("2026-02-01T10:00:00Z")), ("7", parse_time("2026-03-05T10:00:00Z"))]


DATED = (
    MAP.replace('at = "at"\noutcome_id', 'at = {column = "at", format = "date"}\noutcome_id')
    + """
[[attribute_changes]]
from = "log"
lead_id = "lead"
attribute = "field"
value = "new"
old = "old"
available_at = "at"
"""
)
DATED = DATED.replace(
    'country = {column = "country", known = "creation"}', 'country = {column = "country", known = "changes"}'
)
OF_THE_DAY = {
    "calls.csv": "lead,at\n1,2026-02-10 10:00\n",
    "log.csv": "lead,field,old,new,at\n1,country,PT,FR,2026-02-10 09:00\n",
    "deals.csv": "deal,lead,state,at,amount\nd1,1,won,2026-02-10,100\n",
}


def test_append_export__moves_rows_of_the_day_behind_an_outcome_without_time_of_day(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, OF_THE_DAY | {"deals.csv": "deal,lead,state,at,amount\n"}, DATED)

    imported(tmp_path, SECOND, OF_THE_DAY, DATED)
    once = [rows(tmp_path, table) for table in ("interactions", "outcomes", "attribute_changes")]
    report = imported(tmp_path, THIRD, OF_THE_DAY, DATED)

    # The day ends a microsecond before midnight, and what else happened on it is known at midnight.
    midnight = parse_time("2026-02-11T00:00:00Z")
    assert [us(row) for row in once[0] if row["kind"] == "call"] == [midnight]
    assert [(row["value"], us(row)) for row in once[2]] == [("FR", midnight)]
    assert [rows(tmp_path, table) for table in ("interactions", "outcomes", "attribute_changes")] == once
    assert not report.changes


def test_append_export__makes_differences_changes_known_at_the_export(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})

    imported(tmp_path, SECOND, {"leads.csv": LEADS.replace("PT,5", "FR,").replace("ES,", "ES,7")})
    third = parse_time("2026-05-01T00:00:00Z")
    report = imported(tmp_path, third, {"leads.csv": LEADS.replace("PT,5", "PT,").replace("ES,", "ES,7")})

    changes = {
        (row["lead_id"], row["attribute"], row["value"], us(row))
        for row in rows(tmp_path, "attribute_changes")
    }
    assert changes == {
        ("1", "country", "FR", SECOND),
        ("1", "size", None, SECOND),
        ("2", "size", "7", SECOND),
        ("1", "country", "PT", third),
    }
    assert report.changes == {"values of attributes changed": 1}
    # The columns of leads stay what was first known.
    assert [(row["country"], row["size"]) for row in rows(tmp_path, "leads")] == [("PT", 5.0), ("ES", None)]


def test_append_export__adds_new_rows_and_makes_late_ones_known_at_the_export(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})
    files = {
        "leads.csv": f"{LEADS}3,2026-02-20 10:00,DE,,,\n",
        # A third equal call of the past, a later one, and one of a new lead: only the first is late.
        "calls.csv": f"{CALLS}1,2026-02-01 10:00\n2,2026-03-05 10:00\n3,2026-02-25 10:00\n",
        "mails.csv": f"{MAILS}m2,2,2026-02-03 10:00\n",
    }

    report = imported(tmp_path, SECOND, files)

    assert report.changes == {"leads added": 1, "interactions added": 4}
    found = rows(tmp_path, "interactions")
    late = [(row["lead_id"], row["kind"], row["occurred_at"].day) for row in found if us(row)]
    assert late == [("1", "call", 1), ("2", "email_sent", 3)]
    assert len(rows(tmp_path, "interactions")) == 3 + 4


def test_append_export__takes_another_content_under_one_id_for_a_correction(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})

    report = imported(tmp_path, SECOND, {"deals.csv": DEALS.replace("won", "lost").replace("100", "")})

    assert report.changes == {"outcomes added": 1}
    assert [(row["outcome"], us(row)) for row in rows(tmp_path, "outcomes")] == [
        ("converted", None),
        ("lost", SECOND),
    ]


def test_append_export__keeps_what_is_gone_and_forgets_who_asked_for_it(tmp_path: Path) -> None:
    more = f"{LEADS}3,2026-02-20 10:00,DE,,,\n4,2026-02-20 10:00,DE,,,\n"
    calls = f"{CALLS}4,2026-02-25 10:00\n"
    imported(tmp_path, FIRST, {"leads.csv": more, "calls.csv": calls})
    files = {
        # 1 is there, 2 is deleted, 3 is gone, 4 is deleted and asked to be forgotten.
        "leads.csv": LEADS.replace("ES,,,", "ES,,yes,") + "4,2026-02-20 10:00,DE,,yes,yes\n",
        "calls.csv": calls,
    }

    report = imported(tmp_path, SECOND, files)

    assert report.changes == {
        "leads forgotten": 1,
        "leads deleted at the source, which stay": 1,
        "leads that are gone from the source, which stay": 1,
    }
    assert [row["lead_id"] for row in rows(tmp_path, "leads")] == ["1", "2", "3"]
    assert {row["lead_id"] for row in rows(tmp_path, "interactions")} == {"1", "2"}


def test_append_export__unites_columns_whose_types_differ(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})

    more = f"{LEADS}3,2026-02-20 10:00,DE,many,,\n".replace(",PT,5,", ",PT,5.0,")
    imported(tmp_path, SECOND, {"leads.csv": more})

    # 5 is the same before and after, however it is written.
    assert rows(tmp_path, "attribute_changes") == []
    assert [row["size"] for row in rows(tmp_path, "leads")] == ["5", None, "many"]


def test_append_export__refuses_an_export_that_is_no_newer(tmp_path: Path) -> None:
    imported(tmp_path, SECOND, {})

    with pytest.raises(ImportSourceError, match="not before this export of 2026-03-01"):
        imported(tmp_path, FIRST, {})
    (tmp_path / "out" / "history.toml").unlink()
    with pytest.raises(ImportSourceError, match="does not say when it was exported"):
        imported(tmp_path, SECOND, {})


def test_check_target__leaves_folders_alone_that_hold_something_else(tmp_path: Path) -> None:
    imported(tmp_path, FIRST, {})
    (tmp_path / "out" / "notes.txt").write_text("mine")

    with pytest.raises(TargetError, match=r"the folder holds notes\.txt, which no import has written"):
        imported(tmp_path, SECOND, {})
