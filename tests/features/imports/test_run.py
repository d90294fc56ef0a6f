from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.checks.checks import check_history
from features.imports.errors import ImportSourceError, ImportValueError
from features.imports.import_report import ImportReport
from features.imports.run import import_history
from features.output.targets import TargetError
from features.times import parse_time

DOCS = Path(__file__).parents[3] / "docs" / "import.md"
NOW = parse_time("2026-03-01T00:00:00Z")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def imported(tmp_path: Path, files: dict[str, str], map_text: str, **options: Any) -> ImportReport:
    """Imports files of these texts into `out`."""
    source = tmp_path / "source"
    source.mkdir(exist_ok=True)
    for name, text in files.items():
        (source / name).write_text(text, encoding="utf-8", newline="")
    (tmp_path / "map.toml").write_text(map_text, encoding="utf-8")
    return import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW, **options)


def rows(tmp_path: Path, table: str) -> list[dict[str, Any]]:
    return pq.read_table(tmp_path / "out" / f"{table}.parquet").to_pylist()


LEADS = {"leads.csv": "id,created_at\n1,2026-01-05T10:00:00Z\n2,2026-01-06T10:00:00Z\n"}
LEADS_MAP = '[leads]\nfrom = "leads"\nlead_id = "id"\ncreated_at = "created_at"\n'


def documented() -> tuple[dict[str, str], str, str]:
    """Files, map and report of the example in the page."""
    page = DOCS.read_text(encoding="utf-8")
    names = re.findall(r"`(\w+\.csv)`", page)
    files = dict(zip(dict.fromkeys(names), re.findall(r"```csv\n(.*?)```", page, re.DOTALL), strict=True))
    (map_text,) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (report,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    return files, map_text, report


def test_import_history__makes_of_the_example_in_the_page_what_the_page_says(tmp_path: Path) -> None:
    files, map_text, report = documented()

    told = imported(tmp_path, files, map_text)

    assert str(told).replace(str(tmp_path / "out"), "history") + "\n" == report
    assert told.exit_code == 3
    known = {row["kind"]: row["available_at"] for row in rows(tmp_path, "interactions")}
    # a4 was planned on the 27th, after a2 on the 4th; a2 took place on the 10th. Lisbon is UTC in winter.
    assert known["meeting_held"] == at("2026-02-10T14:00:00Z")
    assert rows(tmp_path, "outcomes") == [
        {
            "lead_id": "1001",
            "outcome": "converted",
            "occurred_at": at("2026-02-20T23:59:59.999999Z"),
            "amount": 12500.0,
        }
    ]
    assert check_history(str(tmp_path / "out")).can_score


def test_import_history__makes_the_same_bytes_twice(tmp_path: Path) -> None:
    files, map_text, _ = documented()
    imported(tmp_path, files, map_text)
    first = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}

    imported(tmp_path, files, map_text, replace=True)

    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == first


def test_import_history__moves_what_happened_on_the_day_of_a_dated_sale_behind_it(tmp_path: Path) -> None:
    files = LEADS | {
        "calls.csv": "lead,at\n1,2026-02-01T23:59:59Z\n1,2026-02-02T00:00:00Z\n1,2026-02-02T09:00:00Z\n"
        "1,2026-02-03T00:00:00Z\n2,2026-02-02T09:00:00Z\n",
        "sales.csv": "lead,day\n1,2026-02-02\n",
    }
    map_text = (
        f'zone = "UTC"\n{LEADS_MAP}'
        '[[interactions]]\nfrom = "calls"\nlead_id = "lead"\nkind = {constant = "call"}\noccurred_at = "at"\n'
        '[[outcomes]]\nfrom = "sales"\nlead_id = "lead"\noutcome = {constant = "converted"}\n'
        'occurred_at = "day"\n'
    )

    imported(tmp_path, files, map_text)

    # The day of the sale is [00:00, 24:00); only what lead 1 did in it moves, a microsecond behind the sale.
    moved = [
        (row["lead_id"], row["occurred_at"].hour, row["available_at"])
        for row in rows(tmp_path, "interactions")
    ]
    after = at("2026-02-03T00:00:00Z")
    assert moved == [("1", 23, None), ("1", 0, after), ("1", 9, after), ("1", 0, None), ("2", 9, None)]


@pytest.mark.parametrize(
    ("recorded", "kinds"),
    [
        # An hour before it happens is no plan yet, a microsecond more is one.
        ("2026-02-02T09:00:00Z", ["call"]),
        ("2026-02-02T08:59:59.999999Z", ["call_planned", "call"]),
        ("2026-02-02T10:05:00Z", ["call"]),
        ("", ["call"]),
    ],
)
def test_import_history__takes_what_was_recorded_before_for_a_plan(
    tmp_path: Path, recorded: str, kinds: list[str]
) -> None:
    files = LEADS | {"calls.csv": f"lead,at,recorded\n1,2026-02-02T10:00:00Z,{recorded}\n"}
    map_text = (
        f'{LEADS_MAP}[[interactions]]\nfrom = "calls"\nlead_id = "lead"\nkind = {{constant = "call"}}\n'
        'occurred_at = "at"\navailable_at = "recorded"\n'
    )

    imported(tmp_path, files, map_text)

    assert [row["kind"] for row in rows(tmp_path, "interactions")] == kinds


@pytest.mark.parametrize(
    ("cell", "recorded", "kinds", "left_out"),
    [
        ("2026-03-01T00:00:00Z", "2026-02-01T00:00:00Z", ["call_planned", "call"], {}),
        ("2026-03-01T00:00:00.000001Z", "2026-02-01T00:00:00Z", ["call_planned"], {}),
        ("2026-03-01T00:00:00.000001Z", "", [], {"unplanned": 1}),
        ("2026-03-01T00:00:00Z", "", ["call"], {}),
    ],
)
def test_import_history__keeps_of_what_lies_after_the_export_only_the_plan(
    tmp_path: Path, cell: str, recorded: str, kinds: list[str], left_out: dict[str, int]
) -> None:
    files = LEADS | {"calls.csv": f"lead,at,recorded\n1,{cell},{recorded}\n"}
    map_text = (
        f'{LEADS_MAP}[[interactions]]\nfrom = "calls"\nlead_id = "lead"\nkind = {{constant = "call"}}\n'
        'occurred_at = "at"\navailable_at = "recorded"\n'
    )

    report = imported(tmp_path, files, map_text)

    assert [row["kind"] for row in rows(tmp_path, "interactions")] == kinds
    assert report.blocks[1].counts == left_out
    assert report.exit_code == 0


def test_import_history__gives_leads_with_a_log_of_changes_their_value_at_creation(tmp_path: Path) -> None:
    files = {
        "leads.csv": "id,created_at,rating\n1,2026-01-05T10:00:00Z,hot\n2,2026-01-06T10:00:00Z,cold\n",
        "log.csv": "lead,field,old,new,at\n1,Rating,warm,hot,2026-02-02T00:00:00Z\n"
        "1,Rating,cold,warm,2026-02-01T00:00:00Z\n1,Phone,,1,2026-02-01T00:00:00Z\n",
    }
    map_text = (
        f'{LEADS_MAP}attributes.rating = {{column = "rating", known = "changes"}}\n'
        '[[attribute_changes]]\nfrom = "log"\nlead_id = "lead"\nold = "old"\nvalue = "new"\n'
        'attribute = {column = "field", values = {Rating = "rating"}}\navailable_at = "at"\n'
    )

    report = imported(tmp_path, files, map_text)

    # Lead 1 was cold first; lead 2 never changed.
    assert [row["rating"] for row in rows(tmp_path, "leads")] == ["cold", "cold"]
    assert [row["value"] for row in rows(tmp_path, "attribute_changes")] == ["warm", "hot"]
    assert report.blocks[1].counts == {"no_meaning": 1}


def test_import_history__leaves_out_a_person_who_asked_to_be_forgotten(tmp_path: Path) -> None:
    files = {
        "leads.csv": "id,created_at,gone\n1,2026-01-05T10:00:00Z,yes\n2,2026-01-06T10:00:00Z,no\n",
        "calls.csv": "lead,at\n1,2026-02-02T10:00:00Z\n2,2026-02-02T10:00:00Z\n3,2026-02-02T10:00:00Z\n",
    }
    map_text = (
        f'{LEADS_MAP}erased = "gone"\n[[interactions]]\nfrom = "calls"\nlead_id = "lead"\n'
        'kind = {constant = "call"}\noccurred_at = "at"\n'
    )

    report = imported(tmp_path, files, map_text)

    assert [row["lead_id"] for row in rows(tmp_path, "leads")] == ["2"]
    assert [row["lead_id"] for row in rows(tmp_path, "interactions")] == ["2"]
    assert report.left_out["interactions"] == {"erased": 1, "no_lead": 1}


def test_import_history__counts_every_reason_of_a_row_that_is_left_out(tmp_path: Path) -> None:
    files = {
        "leads.csv": "id,created_at,gone,kept\n1,2026-01-05T10:00:00Z,,1\n1,2026-01-06T10:00:00Z,,1\n"
        ",2026-01-05T10:00:00Z,,1\n3,,,1\n4,yesterday,,1\n5,2026-01-05 10:00,,1\n6,2027-01-05T10:00:00Z,,1\n"
        "7,2026-01-05T10:00:00Z,true,1\n8,2026-01-05T10:00:00Z,,0\n"
    }

    report = imported(tmp_path, files, f'{LEADS_MAP}deleted = "gone"\nwhere = "kept = \'1\'"\n')

    assert report.blocks[0].counts == {
        "deleted": 1,
        "future": 1,
        "no_id": 1,
        "no_time": 1,
        "no_zone": 1,
        "where": 1,
        "without_time": 1,
    }
    assert report.left_out["leads"] == {"duplicate": 1}
    assert report.refused_count == 6
    assert [row["lead_id"] for row in rows(tmp_path, "leads")] == ["1"]


def test_import_history__joins_one_row_and_unnests_lists(tmp_path: Path) -> None:
    files = LEADS | {
        "deals.jsonl": '{"id": 9, "people": ["1", "2"], "stages": {"won": "2026-02-02T10:00:00Z"}}\n'
        '{"id": 8, "people": [], "stages": {}}\n',
        "amounts.csv": "deal,amount,at\n9,5,2026-02-01\n9,7,2026-02-02\n",
    }
    map_text = (
        f'{LEADS_MAP}[[outcomes]]\nfrom = "deals"\nunnest = [{{column = "people", as = "person"}}]\n'
        'join = [{table = "amounts", on = {deal = "id"}, last_by = "at"}]\nlead_id = "person"\n'
        'outcome = {constant = "converted"}\noccurred_at = {column = "stages", path = "won"}\n'
        'amount = {column = "amount", table = "amounts"}\n'
    )

    report = imported(tmp_path, files, map_text)

    assert [(row["lead_id"], row["amount"]) for row in rows(tmp_path, "outcomes")] == [("1", 7.0), ("2", 7.0)]
    assert report.blocks[1].counts == {"no_element": 1}


def test_import_history__reads_semicolons_marks_and_ids_with_zeros(tmp_path: Path) -> None:
    files = {
        "leads.csv": "\ufeffid;created_at;size\r\n007;2026-01-05T10:00:00Z;1,5\r\n"
        "7;2026-01-05T10:00:00Z;2\r\n"
    }

    imported(tmp_path, files, f'{LEADS_MAP}attributes.size = {{column = "size", known = "creation"}}\n')

    assert [(row["lead_id"], row["size"]) for row in rows(tmp_path, "leads")] == [("007", 1.5), ("7", 2.0)]


def test_import_history__names_the_table_or_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"has no table lead\. Did you mean leads\?"):
        imported(
            tmp_path,
            LEADS,
            LEADS_MAP.replace('"leads"', '"lead"') + 'where = "true"\n[[outcomes]]\n'
            'from = "x"\nlead_id = "a"\noutcome = "b"\noccurred_at = "c"\n',
        )
    with pytest.raises(
        ImportValueError, match=r"leads, lead_id: leads has no column Lead; it has id, created_at"
    ):
        imported(tmp_path, LEADS, LEADS_MAP.replace('"id"', '"Lead"'))


def test_import_history__refuses_a_target_in_the_source_or_with_a_history(tmp_path: Path) -> None:
    imported(tmp_path, LEADS, LEADS_MAP)

    with pytest.raises(TargetError, match=r"the folder is not empty\. Add --append"):
        imported(tmp_path, LEADS, LEADS_MAP)
    with pytest.raises(TargetError, match="part of the history that is read, or lies in it"):
        import_history(
            tmp_path / "source", tmp_path / "source" / "out", map_name=str(tmp_path / "map.toml"), now=NOW
        )


def test_import_history__says_which_value_fails_on_a_row_and_shows_no_cell(tmp_path: Path) -> None:
    map_text = LEADS_MAP.replace('lead_id = "id"', 'lead_id = {expression = "CAST(created_at AS INTEGER)"}')

    with pytest.raises(
        ImportValueError, match=r"leads, lead_id: it fails on a row \(conversion error\)"
    ) as raised:
        imported(tmp_path, LEADS, map_text)

    assert "2026" not in str(raised.value)
