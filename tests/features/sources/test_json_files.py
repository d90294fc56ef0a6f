"""JSON lines are read by their own types, or a sentence says which line is wrong."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from features.checks.checks import examine
from features.findings.problems import Problem
from features.history.lead_history import LeadHistory
from features.sources import json_files
from tests.support.builders import bytes_of, history, history_folder, lead, touch

DAYS = [n % 9 for n in range(12)]
LEADS: list[dict[str, Any]] = [
    {"lead_id": f"L{n}", "created_at": f"2026-01-0{1 + day}T00:00:00Z", "size": n / 2, "is_new": n % 2 == 0}
    | ({"country": "dé"} if n > 7 else {})
    for n, day in enumerate(DAYS)
]
TOUCHES = [touch("L3", "call_held", 20)]


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


PLAIN = lines(*LEADS)


def read(
    folder: Path, leads: str | bytes, name: str = "leads.jsonl"
) -> tuple[LeadHistory | None, list[Problem]]:
    """A history with these leads, and all that is wrong with them."""
    history_folder(folder, [], TOUCHES, suffix=".csv")
    (folder / "leads.csv").unlink()
    (folder / name).write_bytes(leads if isinstance(leads, bytes) else leads.encode())
    made, problems = examine(folder)
    return made, [problem for problem in problems if problem.code < "D036"]


WAYS: dict[str, tuple[str, str | bytes]] = {
    "plain": ("leads.jsonl", PLAIN),
    "capitals": ("Leads.JSONL", PLAIN),
    "packed": ("leads.jsonl.gz", gzip.compress(PLAIN.encode())),
    "mark of UTF-8": ("leads.jsonl", PLAIN.encode("utf-8-sig")),
    "UTF-16": ("leads.jsonl", PLAIN.encode("utf-16")),
    "blank lines": ("leads.jsonl", "\n" + PLAIN.replace("\n", "\r\n\n")),
    "nulls": ("leads.jsonl", lines(*({"country": None} | row for row in LEADS))),
    "other order": ("leads.jsonl", lines(*(dict(reversed(row.items())) for row in LEADS))),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("batch_rows", [1, 5, 50_000])
def test_json_lines__are_read_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, batch_rows: int
) -> None:
    monkeypatch.setattr(json_files, "_BATCH_ROWS", batch_rows)
    name, content = WAYS[way]

    made, problems = read(tmp_path, content, name)

    columns = ("size", "is_new", "country")
    rows = [
        lead(row["lead_id"], day, **{column: row.get(column) for column in columns})
        for row, day in zip(LEADS, DAYS, strict=True)
    ]
    assert problems == []
    assert made is not None
    assert bytes_of(made) == bytes_of(history(rows, TOUCHES))


CELLS: dict[str, tuple[list[Any], str, list[Any]]] = {
    "integers": ([1, 2, 3], "number", [1.0, 2.0, 3.0]),
    "integer, then float": ([1, 2.5, None], "number", [1.0, 2.5, None]),
    "numbers among n/a": ([1, "n/a", 2.5], "number", [1.0, None, 2.5]),
    "integer of 30 digits": ([10**29, 1, 2], "number", [1e29, 1.0, 2.0]),
    "booleans": ([True, None, False], "boolean", [1.0, None, 0.0]),
    "digits in quotes": (["01", "2", "3"], "category", ["01", "2", "3"]),
    "texts and numbers": ([5, "x", 2.5], "category", ["5", "x", "2.5"]),
    "booleans and numbers": ([True, 1, 0.5], "category", ["true", "1", "0.5"]),
}


@pytest.mark.parametrize("what", CELLS)
@pytest.mark.parametrize("batch_rows", [1, 50_000])
def test_json_lines__take_the_type_of_all_cells_of_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str, batch_rows: int
) -> None:
    monkeypatch.setattr(json_files, "_BATCH_ROWS", batch_rows)
    cells, type_, expected = CELLS[what]

    made, _ = read(tmp_path, lines(*(row | {"own": cell} for row, cell in zip(LEADS, cells, strict=False))))

    assert made is not None
    own = made.attributes["own"]
    found = [None if value != value else value for value in own.values.tolist()]
    if own.categories:
        found = [own.categories[int(value)] for value in found if value is not None]
    assert own.type == type_
    assert found == expected


def test_json_lines__ids_are_texts_in_each_type(tmp_path: Path) -> None:
    rows = [
        LEADS[0] | {"lead_id": own, "account_id": account}
        for own, account in ((2**53 + 1, 1), (7.5, 2.0), ("007", None), (10**25, "1"), (7, True))
    ]

    made, problems = read(tmp_path, lines(*rows))

    assert made is not None
    assert made.lead_ids.to_pylist() == sorted([str(2**53 + 1), "7.5", "007", str(10**25), "7"])
    assert {problem.code for problem in problems} == {"D021", "D033"}


def test_json_lines__lists_and_objects_are_no_attributes(tmp_path: Path) -> None:
    made, problems = read(
        tmp_path, PLAIN + lines(LEADS[0] | {"lead_id": "M", "size": [1], "is_new": {"x": 1}})
    )

    assert made is not None
    assert [*made.attributes] == ["country"]
    assert [(problem.code, problem.column) for problem in problems] == [("D034", "is_new"), ("D034", "size")]


FAULTS: dict[str, tuple[str | bytes, str]] = {
    "no bytes": ("", "D004 leads.jsonl cannot be read: the file is empty."),
    "blank lines": ("\n \n", "D004 leads.jsonl cannot be read: the file is empty."),
    "cut short": (
        PLAIN[:-20],
        "D004 leads.jsonl cannot be read: line 12 is no JSON object; the file may be cut short.",
    ),
    "no JSON": (
        PLAIN + "lead_id,created_at\n",
        "D004 leads.jsonl cannot be read: line 13 is no JSON object.",
    ),
    "a number": ("5\n" + PLAIN, "D004 leads.jsonl cannot be read: line 1 is no JSON object."),
    "an array": (
        "[" + PLAIN.replace("\n", ",\n") + "]",
        "D004 leads.jsonl cannot be read: it is one JSON array; write one object a line.",
    ),
    "a name twice": (
        "\n" + PLAIN + '{"lead_id": "a", "lead_id": "b"}\n',
        "D004 leads.jsonl cannot be read: line 14 has a name twice.",
    ),
    "half a character": (
        PLAIN + lines(LEADS[0]).replace('"L0"', '"\\ud800"'),
        "D004 leads.jsonl cannot be read: line 13 has half a character.",
    ),
    "too many digits": (
        PLAIN + lines(LEADS[0]).replace("0.0", "9" * 5_000),
        "D004 leads.jsonl cannot be read: line 13 is no JSON object.",
    ),
    "too deep": (PLAIN + "[" * 100_000 + "\n", "D004 leads.jsonl cannot be read: line 13 is no JSON object."),
    "no UTF-8": (
        PLAIN.encode("latin-1"),
        "D005 leads.jsonl is not UTF-8: line 9 has bytes that are no text.",
    ),
    "packed and cut short": (
        gzip.compress(PLAIN.encode() * 50)[:-20],
        "D004 leads.jsonl cannot be read: it is no whole file of JSON lines.",
    ),
    "no required column": (
        PLAIN.replace("created_at", "Created At"),
        "D006 leads lacks created_at; it has lead_id, Created At, size, is_new, country. "
        "Rename the column (Created At -> created_at).",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_json_lines__say_what_is_wrong_with_a_file(tmp_path: Path, fault: str) -> None:
    content, sentence = FAULTS[fault]

    made, problems = read(tmp_path, content)

    assert made is None
    assert str(problems[0]).startswith(sentence)
