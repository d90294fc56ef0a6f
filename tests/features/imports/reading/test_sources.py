from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from features.imports.errors import ImportSourceError, ImportValueError
from features.imports.run import import_history
from features.times import parse_time

NOW = parse_time("2026-03-01T00:00:00Z")
MAP = """
zone = "UTC"
[leads]
from = "leads"
lead_id = "id"
created_at = "created"
attributes.size = {column = "size", known = "creation"}
[[interactions]]
from = "calls"
lead_id = "lead"
kind = {constant = "call"}
occurred_at = "at"
"""
CREATED, CALLED = (datetime.fromisoformat(text) for text in ("2026-01-05T10:00", "2026-01-06T11:00"))


def imported(tmp_path: Path, source: str | Path, map_text: str = MAP) -> tuple[list[Any], list[Any]]:
    (tmp_path / "map.toml").write_text(map_text, encoding="utf-8")
    import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)
    leads, calls = (pq.read_table(tmp_path / "out" / f"{name}.parquet") for name in ("leads", "interactions"))
    return leads.to_pylist(), calls.to_pylist()


EXPECTED = (
    [{"lead_id": "7", "created_at": CREATED.replace(tzinfo=UTC), "size": 2.5}],
    [{"lead_id": "7", "kind": "call", "occurred_at": CALLED.replace(tzinfo=UTC)}],
)


def test_import_history__reads_sheets_of_a_workbook(tmp_path: Path) -> None:
    book = Workbook()
    leads = book.active
    assert leads is not None
    leads.title = "Leads"
    leads.append(["id", "created", "size", None])
    leads.append([7, CREATED, 2.5])
    calls = book.create_sheet("calls")
    calls.append(["lead", "at"])
    calls.append([7, CALLED])
    calls.append([None, None])
    book.save(tmp_path / "export.xlsx")

    assert imported(tmp_path, tmp_path / "export.xlsx") == EXPECTED


def test_import_history__reads_tables_of_a_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("CREATE TABLE Leads (id INTEGER, created TEXT, size REAL)")
    connection.execute("CREATE TABLE calls (lead INTEGER, at TEXT)")
    connection.execute("INSERT INTO Leads VALUES (7, '2026-01-05 10:00:00', 2.5)")
    connection.execute("INSERT INTO calls VALUES (7, '2026-01-06 11:00:00')")
    connection.commit()
    connection.close()

    assert imported(tmp_path, f"sqlite:///{tmp_path / 'crm.db'}") == EXPECTED


def test_import_history__reads_files_of_a_pattern_as_one_table(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for month, number in (("01", 7), ("02", 8)):
        rows = pa.table({"id": [number], "created": [CREATED], "size": [2.5]})
        pq.write_table(rows, source / f"leads_2026{month}.parquet")
    (source / "calls.jsonl").write_text('{"lead": 7, "at": "2026-01-06T11:00:00Z"}\n')

    leads, calls = imported(tmp_path, source, MAP + '[tables.leads]\nfile = "leads_*.parquet"\n')

    assert [row["lead_id"] for row in leads] == ["7", "8"]
    assert calls == EXPECTED[1]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("nowhere", "cannot be opened: No such file or directory"),
        ("sqlite:///nowhere.db", r"There is no file nowhere\.db"),
    ],
)
def test_import_history__names_a_source_that_is_not_there(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(ImportSourceError, match=told):
        imported(tmp_path, source)


def test_import_history__shows_no_password_of_a_database(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match="cannot be read") as raised:
        imported(tmp_path, "postgresql://user:secret@127.0.0.1:1/crm")

    assert "secret" not in str(raised.value)


def repeated(tmp_path: Path, header: str) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "leads.csv").write_text(f"{header}\n7,2026-01-05 10:00,2.5,x,y\n", encoding="utf-8")
    (source / "calls.csv").write_text("lead,at\n7,2026-01-06 11:00\n", encoding="utf-8")
    return source


def test_import_history__does_not_read_repeated_columns_that_no_map_names(tmp_path: Path) -> None:
    source = repeated(tmp_path, "id,created,size,mail,mail")

    assert imported(tmp_path, source) == EXPECTED
    report = import_history(
        source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW, replace=True
    )
    assert "not read, because leads.csv has several of that name: mail" in str(report)
    assert report.summary()["repeated_columns"] == {"leads.csv": ["mail"]}


def test_import_history__refuses_a_repeated_column_that_the_map_names(tmp_path: Path) -> None:
    with pytest.raises(ImportSourceError, match=r"leads\.csv has the column size 2 times \(columns 3, 5\)"):
        imported(tmp_path, repeated(tmp_path, "id,created,size,mail,size"))


def test_import_history__takes_no_title_for_the_header_of_a_sheet(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Leads"
    sheet.append(["Leads of January"])
    sheet.merge_cells("A1:D1")
    sheet.append(["id", "created", "size", "size"])
    sheet.append(["7", CREATED, 2.5, None])
    book.save(tmp_path / "export.xlsx")

    leads_alone = MAP.partition("[[interactions]]")[0].replace("attributes.size", "#")
    leads, _ = imported(tmp_path, tmp_path / "export.xlsx", leads_alone)

    assert leads == [{"lead_id": "7", "created_at": CREATED.replace(tzinfo=UTC)}]


def test_import_history__refuses_formulas_that_were_never_computed(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Leads"
    sheet.append(["id", "created", "size"])
    sheet.append([7, CREATED, "=1+1"])
    book.save(tmp_path / "export.xlsx")

    with pytest.raises(ImportSourceError, match="size holds formulas without results"):
        imported(tmp_path, tmp_path / "export.xlsx", MAP.partition("[[interactions]]")[0])


ROWS = "id,created,size\n7,2026-01-05 10:00,2.5\n"
ALONE = MAP.partition("[[interactions]]")[0]


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("leads.csv", ROWS.replace("\n", "\r").encode("utf-16"), ""),
        ("leads.csv", f"{ROWS}8,2026-01-05 10:00,é\n".encode("cp1252"), 'encoding = "cp1252"'),
        ("leads.csv", b"Report of January\n\n" + ROWS.encode(), "header_line = 2"),
        ("leads.csv", ROWS.replace("id,", " ID ,").encode(), ""),
        ("leads.csv", ROWS.partition("\n")[2].encode(), 'columns = ["id", "created", "size"]'),
        ("leads.csv", ROWS.encode(), 'columns = ["id", "at", "size"]'),
        (
            "leads.csv",
            b"Report\n" + ROWS.partition("\n")[2].encode(),
            'columns = ["id", "created", "size"]\nheader_line = 2',
        ),
        ("leads.json", b'[{"id": 7, "created": "2026-01-05 10:00", "size": 2.5}]', ""),
        ("leads.json", b'{"total": 1,\n"data": [{"id": 7, "created": "2026-01-05 10:00", "size": 2.5}]}', ""),
    ],
)
def test_import_history__reads_files_as_programs_write_them(
    tmp_path: Path, name: str, content: bytes, place: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / name).write_bytes(content)
    (tmp_path / "map.toml").write_text(f"{ALONE}\n[tables.leads]\n{place}\n", encoding="utf-8")

    import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)

    first = pq.read_table(tmp_path / "out" / "leads.parquet").to_pylist()[0]
    assert (first["lead_id"], first["created_at"]) == ("7", CREATED.replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "leads.csv",
            'id,created,size\n7,2026-01-05 10:00,"2\n8,2026-01-05 10:00,3\n',
            "line 2 opens a quote",
        ),
        ("leads.csv", "id,created,size\n7,2026-01-05 10:00\n", "line 2 has 2 cells instead of 3"),
        ("leads.csv", "7,2026-01-05 10:00,2\n8,2026-01-05\n", "line 2 has 2 cells instead of 3"),
        ("leads.json", "[1, 2]\n", "neither JSON lines nor a list of objects"),
        ("leads.json", '{"id": 7,\n', "line 1 is no JSON object"),
        ("leads.jsonl", '{"id": ' + "[" * 100_000 + "\n", "line 1 is no JSON object"),
    ],
)
def test_import_history__says_what_is_wrong_with_a_file(
    tmp_path: Path, name: str, content: str, told: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / name).write_text(content, encoding="utf-8")
    (tmp_path / "map.toml").write_text(ALONE, encoding="utf-8")

    with pytest.raises(ImportSourceError, match=told):
        import_history(source, tmp_path / "out", map_name=str(tmp_path / "map.toml"), now=NOW)


def test_import_history__proposes_columns_that_no_map_names(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "leads.csv").write_text(ROWS.replace("created", "Created At"), encoding="utf-8")

    with pytest.raises(ImportValueError, match="leads has no column created_at; did you mean Created At"):
        imported(tmp_path, source, ALONE.replace('"created"', '"created_at"'))


@pytest.mark.parametrize("parts", [1, 2])
def test_import_history__reads_cells_of_several_types_of_json_as_they_are(tmp_path: Path, parts: int) -> None:
    source = tmp_path / "source"
    source.mkdir()
    lines = [
        f'{{"id": {own}, "created": "2026-01-05 10:00", "size": {size}}}\n'
        for own, size in ((1, 1), ('"x"', '"big"'), (2, "2.5"))
    ]
    for part in range(parts):
        text = "".join(lines) if parts == 1 else "".join(lines[:2] if part == 0 else lines[2:])
        (source / f"leads_{part}.jsonl").write_text(text, encoding="utf-8")

    leads, _ = imported(tmp_path, source, ALONE + '\n[tables.leads]\nfile = "leads_*.jsonl"\n')

    assert [(row["lead_id"], row["size"]) for row in leads] == [("1", "1"), ("2", "2.5"), ("x", "big")]
