"""CSV is read as programs write it, or a sentence says which line of which file is wrong."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest

from features.checks.checks import examine
from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.sources import csv_dialect, csv_files
from features.sources.csv_dialect import read_dialect
from features.sources.pieces import TableFile
from tests.support.builders import bytes_of, history_folder, touch

HEADER = "lead_id,created_at,country,size"
ROWS = [f"L{n},2026-01-0{1 + n % 9}T00:00:00Z,{('de', 'nl')[n % 2]},{n}" for n in range(12)]
PLAIN = "".join(f"{line}\n" for line in [HEADER, *ROWS])


def read(
    folder: Path, leads: str | bytes, name: str = "leads.csv"
) -> tuple[LeadHistory | None, list[Problem]]:
    """A history with these leads, and what is wrong with them."""
    history_folder(folder, [], [touch("L3", "call_held", 20)], suffix=".csv")
    (folder / "leads.csv").unlink()
    (folder / name).write_bytes(leads if isinstance(leads, bytes) else leads.encode())
    made, problems = examine(folder)
    return made, [problem for problem in problems if problem.stops == "everything"]


def with_cell(cell: str) -> str:
    """The plain file with another country in line 5."""
    return PLAIN.replace("nl,3", f"{cell},3")


READ: dict[str, str | bytes] = {
    "semicolons": PLAIN.replace(",", ";"),
    "tabs": PLAIN.replace(",", "\t"),
    "pipes": PLAIN.replace(",", "|"),
    "separator told to Excel": "sep=;\n" + PLAIN.replace(",", ";"),
    "separator of its own": "SEP=^\n" + PLAIN.replace(",", "^"),
    "blank first line": "\n" + PLAIN,
    "lines of nothing": "\r\n  \n,,,\n" + PLAIN,
    "blank lines between": PLAIN.replace("\n", "\n\n"),
    "a title": "Report: Leads\n" + PLAIN,
    "a title of two lines, and semicolons": "Report: Leads\nby me\n\n" + PLAIN.replace(",", ";"),
    "a title in quotes, and empty cells": '"Leads, all",,,\n' + PLAIN,
    "mark of UTF-8": PLAIN.encode("utf-8-sig"),
    "mark of UTF-8 after a blank line": b"\xef\xbb\xbf\n" + PLAIN.encode(),
    "UTF-16 with tabs": PLAIN.replace(",", "\t").encode("utf-16"),
    "UTF-16, high byte first": b"\xfe\xff" + PLAIN.encode("utf-16-be"),
    "UTF-32": PLAIN.encode("utf-32"),
    "lines of Windows": PLAIN.replace("\n", "\r\n"),
    "lines of an old Mac": PLAIN.replace("\n", "\r"),
    "blank line of an old Mac": "\r" + PLAIN.replace("\n", "\r"),
    "all cells in quotes": '"' + PLAIN.replace(",", '","').replace("\n", '"\n"').removesuffix('"'),
    "no end of the last line": PLAIN.removesuffix("\n"),
    "packed": gzip.compress(PLAIN.encode()),
    "columns without names": "".join(f"{line},,\n" for line in [HEADER, *ROWS]),
}


@pytest.mark.parametrize("way", READ)
@pytest.mark.parametrize("block_bytes", [64, 1 << 24])
def test_csv__is_read_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, block_bytes: int
) -> None:
    expected, _ = read(tmp_path / "plain", PLAIN)
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", block_bytes * (4 if "UTF" in way else 1))

    made, problems = read(tmp_path / "own", READ[way])

    assert problems == []
    assert made is not None
    assert expected is not None
    assert bytes_of(made) == bytes_of(expected)


@pytest.mark.parametrize("first", [ROWS[0], "lead_id,country", "a,b,c\n"])
def test_csv__takes_no_rows_for_a_title(tmp_path: Path, first: str) -> None:
    # What stands before the names of all columns has as many cells as these, or is the header.
    made, problems = read(tmp_path, f"{first.strip()}\n{PLAIN}")

    assert made is None
    assert {problem.code for problem in problems} <= {"D004", "D006"}


@pytest.mark.parametrize("name", ["Leads.csv", "leads.CSV", "LEADS.Csv", "leads.csv.gz", "Leads.CSV.GZ"])
def test_csv__is_read_under_each_of_its_names(tmp_path: Path, name: str) -> None:
    content = PLAIN.encode()

    made, problems = read(tmp_path, gzip.compress(content) if name.lower().endswith("gz") else content, name)

    assert problems == []
    assert made is not None
    assert made.leads_count == 12


CELLS = {
    "a comma": ('"a, b"', "a, b"),
    "two line breaks": ('"a\nb\r\nc"', "a\nb\r\nc"),
    "quotes": ('"the ""best"""', 'the "best"'),
    "a quote within": ('5" pipe', '5" pipe'),
    "a decimal comma": ('"1,5"', "1,5"),
    "a semicolon": ("a;b", "a;b"),
}


@pytest.mark.parametrize("what", CELLS)
def test_csv__keeps_a_cell_with(tmp_path: Path, what: str) -> None:
    cell, text = CELLS[what]

    made, problems = read(tmp_path, with_cell(cell))

    assert problems == []
    assert made is not None
    assert text in made.attributes["country"].categories


@pytest.mark.parametrize("place", [0, 3])
def test_csv__a_cell_of_three_mebibytes_is_read(tmp_path: Path, place: int) -> None:
    cell = "x" * (3 << 20)
    lines = PLAIN.splitlines()
    lines[place + 1] = lines[place + 1].replace("de", cell).replace("nl", cell)

    made, problems = read(tmp_path, "\n".join(lines))

    assert problems == []
    assert made is not None
    assert cell in made.attributes["country"].categories


def test_csv__a_title_above_two_columns_is_skipped(tmp_path: Path) -> None:
    made, problems = read(tmp_path, "Report: Leads\nlead_id,created_at\nL3,2026-01-04T00:00:00Z\n")

    assert problems == []
    assert made is not None
    assert made.lead_ids.to_pylist() == ["L3"]


def test_csv__one_cell_with_a_zero_costs_no_other(tmp_path: Path) -> None:
    made, problems = read(tmp_path, with_cell("a\0b"))

    assert problems == []
    assert made is not None
    assert made.leads_count == len(ROWS)
    assert "a\0b" in made.attributes["country"].categories


def test_csv__a_header_of_two_lines_is_read(tmp_path: Path) -> None:
    made, problems = read(tmp_path, PLAIN.replace("country", '"country\n(home)"'))

    assert problems == []
    assert made is not None
    assert [*made.attributes] == ["country\n(home)", "size"]


def test_csv__two_cells_of_two_lines_in_a_row_are_read(tmp_path: Path) -> None:
    # The line between their ends has as many cells as the header.
    row = '"L3\nold",2026-01-04T00:00:00Z,nl,"a\nb"\n'

    made, problems = read(tmp_path, f"lead_id,created_at,country,note\n{row}")

    assert made is not None
    assert not problems
    assert made.lead_ids.to_pylist() == ["L3\nold"]
    assert made.attributes["note"].categories == ("a\nb",)


def test_csv__with_nothing_but_a_header_has_no_rows(tmp_path: Path) -> None:
    for number, header in enumerate((HEADER, HEADER + "\n", HEADER + "\r\n\r\n")):
        made, problems = read(tmp_path / str(number), header)

        assert problems == []
        assert made is not None
        assert made.leads_count == 0


UNEVEN = "of its rows {} too many or too few cells: "
FAULTS: dict[str, tuple[str | bytes, str]] = {
    "no bytes": ("", "the file is empty"),
    "no bytes, packed": (gzip.compress(b""), "the file is empty"),
    "blank lines": ("\n\n", "the file is empty"),
    "a separator alone": ("sep=;\n", "the file is empty"),
    "quote in the header": ('"' + PLAIN, "line 1 opens a quote that is not closed"),
    "quote in the header, large": ('"' + PLAIN + "x,y\n" * 70_000, "line 1 opens a quote that is not closed"),
    "quote within the header": (
        PLAIN.replace("created_at", '"created_at'),
        "line 1 opens a quote that is not closed",
    ),
    "quote in the header, after a blank line": (
        "\n\n" + '"' + PLAIN,
        "line 3 opens a quote that is not closed",
    ),
    "quote in the header that a cell closes": (
        PLAIN.replace("created_at", '"created_at').replace("nl", '"nl"'),
        "line 1 opens a quote that is not closed",
    ),
    "quote in a row": (PLAIN.replace("L3,", '"L3,'), "line 5 opens a quote that takes in the lines after it"),
    "quote in the last cell": (
        PLAIN.replace("nl,3", 'nl,"3'),
        "line 5 opens a quote that takes in the lines after it",
    ),
    "quote that a cell closes": (
        PLAIN.replace("nl,3", '"nl,3').replace("de,6", 'de",6'),
        "line 5 opens a quote that takes in the lines after it",
    ),
    "whole line in quotes": (
        PLAIN.replace(ROWS[3], f'"{ROWS[3]}"'),
        f"1 {UNEVEN.format('has')}line 5 has 1 cell instead of 4 (the whole line stands in quotes)",
    ),
    "footer": (
        PLAIN + '\n"Grand total"\n"by A, B"\n',
        f"2 {UNEVEN.format('have')}line 15 has 1 cell instead of 4 (it looks like the footer of a report), "
        "line 16 has 1 cell instead of 4 (it looks like the footer of a report)",
    ),
    "title above the end": (
        PLAIN.replace(ROWS[3], "Page 2"),
        f"1 {UNEVEN.format('has')}line 5 has 1 cell instead of 4",
    ),
    "cut short": (
        PLAIN[:-20],
        f"1 {UNEVEN.format('has')}line 13 has 2 cells instead of 4 (the file may be cut short)",
    ),
    "comma too many": (
        with_cell("Acme, NL"),
        f"1 {UNEVEN.format('has')}line 5 has 5 cells instead of 4 (a cell with a comma in it needs quotes)",
    ),
    "semicolon too many": (
        with_cell("Acme, NL").replace(",", ";"),
        f"1 {UNEVEN.format('has')}line 5 has 5 cells instead of 4 (a cell with a semicolon in it needs "
        "quotes)",
    ),
    "after a cell of three lines": (
        with_cell('"a\nb\nc"').replace(",de,6", ""),
        f"1 {UNEVEN.format('has')}line 10 has 2 cells instead of 4",
    ),
    "another separator": (
        HEADER + "\n" + "\n".join(ROWS).replace(",", ";"),
        f"12 {UNEVEN.format('have')}line 2 has 1 cell instead of 4 (its cells are separated by semicolons, "
        "those of the header by commas), line 3",
    ),
    "packed and cut short": (gzip.compress(PLAIN.encode() * 50)[:-20], "it is no whole CSV file"),
    "packed and spoilt": (gzip.compress(PLAIN.encode())[:20] + b"x" * 40, "it is no whole CSV file"),
    "a workbook": (b"PK\x03\x04" + bytes(100), "it is an Excel workbook or another ZIP file"),
    "Parquet": (b"PAR1" + bytes(100), "it is a Parquet file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_csv__says_what_is_wrong_with_a_file(tmp_path: Path, fault: str) -> None:
    content, sentence = FAULTS[fault]

    made, problems = read(tmp_path, content)

    assert made is None
    assert [(problem.code, problem.table) for problem in problems] == [("D004", "leads")]
    assert problems[0].sentence.startswith(f"leads.csv cannot be read: {sentence}")


def test_csv__says_the_three_first_lines_and_that_there_are_more(tmp_path: Path) -> None:
    _, problems = read(tmp_path, PLAIN.replace(",de,", ",").replace(",nl,", ","))

    assert problems[0].sentence == (
        "leads.csv cannot be read: 12 of its rows have too many or too few cells: "
        "line 2 has 3 cells instead of 4, line 3 has 3 cells instead of 4, line 4 has 3 cells instead of 4 "
        "and so on."
    )


def test_csv__a_row_longer_than_a_block_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "_BLOCK_BYTES", 256)

    _, problems = read(tmp_path, with_cell("x" * 1_000))

    assert problems[0].sentence == "leads.csv cannot be read: a row is longer than 256 bytes."


NOT_TEXT = {
    "Latin-1 in the header": (PLAIN.replace("country", "größe").encode("latin-1"), 1),
    "Latin-1 in a row": (PLAIN.replace("nl,3", "Zürich,3").encode("latin-1"), 5),
    "Latin-1 far down": ((PLAIN + PLAIN.partition("\n")[2] * 900 + "Zürich\n").encode("latin-1"), 10_814),
    "Latin-1, packed": (gzip.compress(PLAIN.replace("nl,3", "Zürich,3").encode("latin-1")), 5),
    "UTF-16 without its mark": (PLAIN.encode("utf-16-le"), 1),
    "UTF-16 cut short": (PLAIN.encode("utf-16")[:-1], 13),
}  # fmt: skip


@pytest.mark.parametrize("what", NOT_TEXT)
def test_csv__says_which_line_is_no_text(tmp_path: Path, what: str) -> None:
    content, line = NOT_TEXT[what]

    _, problems = read(tmp_path, content)

    assert [problem.code for problem in problems] == ["D005"]
    assert f"line {line} has bytes that are no text" in problems[0].sentence


HEADERS = [
    ("lead_id;created_at;a,b\n1;2;3,4\n", ";"),
    ("lead_id,created_at,a;b\n1,2,3;4\n", ","),
    ("Lead Number;Created Date;Notes, long\n1;2;x\n3;4;y, z\n", ";"),
    ("Lead Number,Created Date\n1,2;5\n3,4;5\n", ","),
    ("lead_id\tcreated_at\n1,2\t3,4\n", "\t"),
    ("lead_id|created_at\n1;2|3;4\n", "|"),
    ("lead_id\n1;2\n", ","),
    ("lead_id;created_at;country;size", ";"),
]


@pytest.mark.parametrize(("content", "separator"), HEADERS)
def test_read_dialect__finds_the_separator(tmp_path: Path, content: str, separator: str) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(content)

    assert read_dialect(TableFile(path, "leads")).separator == separator


def test_read_dialect__of_a_large_file_needs_only_its_head(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(PLAIN.replace(",", ";"))
    monkeypatch.setattr(csv_dialect, "_HEAD_BYTES", len(HEADER) + 50)

    found = read_dialect(TableFile(path, "leads"))

    assert (found.separator, found.header, found.has_rows) == (";", tuple(HEADER.split(",")), True)


def test_csv__faults_leave_the_limit_of_python_as_it_was(tmp_path: Path) -> None:
    before = csv.field_size_limit()

    _, problems = read(tmp_path, with_cell("x" * 200_000) + "footer\n")

    assert "line 14" in problems[0].sentence
    assert csv.field_size_limit() == before


def test_read_table__reads_quotes_within_cells_between_tabs(tmp_path: Path) -> None:
    """Titles of pages as Snowplow writes them: no cell is in quotes, and one opens what never ends."""
    titles = ['"Best" of all', '"odd', 'a "b"', '"whole"']
    rows = "".join(f"L{n}\t2026-01-05T10:00:00Z\t{title}\n" for n, title in enumerate(titles))
    (tmp_path / "leads.csv").write_text(f"lead_id\tcreated_at\ttitle\n{rows}", encoding="utf-8")

    (piece,) = csv_files.CSV.open(TableFile(tmp_path / "leads.csv", "leads")).pieces

    assert [title for batch in piece.read() for title in batch["title"].to_pylist()] == titles
