"""Bad input gives one numbered, plain sentence for each fault and exit code 2, never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from features.checks.checked_history import read_history
from features.findings.problems import HistoryError
from tests.support.builders import history_folder, lead, lost, touch, won

Fault = Callable[[Path], None]


def removes(name: str) -> Fault:
    return lambda folder: (folder / name).unlink()


def writes(name: str, text: str | bytes) -> Fault:
    content = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / name).write_bytes(content) and None


@pytest.fixture
def csv_folder(tmp_path: Path) -> Path:
    ids = [f"lead-{i:02d}" for i in range(60)]
    return history_folder(
        tmp_path / "history",
        [lead(lead_id, country="nl") for lead_id in ids],
        [touch(lead_id, "call_held", 1) for lead_id in ids],
        [won(lead_id, 2) for lead_id in ids[:55]] + [lost(ids[59], 50)],
        suffix=".csv",
    )


FAULTS: dict[str, tuple[Fault, str]] = {
    "missing table": (
        removes("interactions.csv"),
        "D002 The table interactions is missing. Add interactions.parquet",
    ),
    "table twice": (
        lambda folder: history_folder(folder, ["a"]) and None,
        "D003 The table leads is there more than once: leads.parquet and leads.csv.",
    ),
    "empty CSV": (writes("leads.csv", ""), "D004 leads.csv cannot be read: the file is empty."),
    "row too wide": (
        writes("leads.csv", "lead_id,created_at\na,2026-01-01T00:00:00Z,secret\n"),
        "D004 leads.csv cannot be read: 1 of its rows has too many or too few cells: "
        "line 2 has 3 cells instead of 2 (a cell with a comma in it needs quotes).",
    ),
    "not UTF-8": (
        writes("leads.csv", "lead_id,created_at,city\na,2026-01-01T00:00:00Z,Zürich\n".encode("latin-1")),
        "D005 leads.csv is not UTF-8: line 2 has bytes that are no text. Save it as UTF-8",
    ),
    "not UTF-8 in the header": (
        writes("leads.csv", "lead_id,created_at,größe\na,2026-01-01T00:00:00Z,1\n".encode("latin-1")),
        "D005 leads.csv is not UTF-8: line 1 has bytes that are no text.",
    ),
    "missing column": (
        writes("interactions.csv", "lead_id,kind,timestamp\n"),
        "D006 interactions lacks occurred_at; it has lead_id, kind, timestamp. "
        "Rename the column (timestamp -> occurred_at).",
    ),
    "missing columns": (
        writes("interactions.csv", "lead_id,Activity Type,Created Date,channel\n"),
        "D006 interactions lacks kind and occurred_at; it has lead_id, Activity Type, Created Date, channel. "
        "Rename the columns (Activity Type -> kind, Created Date -> occurred_at).",
    ),
    "naive time": (
        writes("interactions.csv", "lead_id,kind,occurred_at\nlead-01,call_held,2026-01-01 12:00:00\n"),
        "D009 interactions.occurred_at carries no zone in 1 row, so the instant is unknown (lead-01). "
        "Write times like 2026-05-01T12:00:00Z",
    ),
    "date alone": (
        writes("interactions.csv", "lead_id,kind,occurred_at\nlead-01,call_held,2026-01-01\n"),
        "D009 interactions.occurred_at carries no zone in 1 row",
    ),
    "no time": (
        writes("interactions.csv", "lead_id,kind,occurred_at\nlead-01,call_held,yesterday\n"),
        "D010 interactions.occurred_at is not a time in 1 row (lead-01).",
    ),
    "far year": (
        writes("leads.csv", "lead_id,created_at\na,10000-01-01T00:00:00Z\n"),
        "D010 leads.created_at is not a time in 1 row (a).",
    ),
    "duplicate ids": (
        writes("leads.csv", "lead_id,created_at\na,2026-01-01T00:00:00Z\na,2026-01-02T00:00:00Z\n"),
        "D012 leads has 1 lead more than once (a).",
    ),
    "unknown outcome": (
        writes("outcomes.csv", "lead_id,outcome,occurred_at\nlead-01,won,2026-02-01T00:00:00Z\n"),
        "D013 outcomes.outcome is none of converted, lost and reopened in 1 row (lead-01).",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_read_history__refuses_with_a_numbered_sentence(csv_folder: Path, fault: str) -> None:
    spoil, sentence = FAULTS[fault]
    spoil(csv_folder)

    with pytest.raises(HistoryError, match="cannot be used:\n  D0") as caught:
        read_history(csv_folder)

    assert f"\n  {sentence}" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all"])
def test_read_history__refuses_a_broken_parquet_file(tmp_path: Path, content: bytes) -> None:
    folder = history_folder(tmp_path, ["a"])
    (folder / "leads.parquet").write_bytes(content)

    with pytest.raises(HistoryError, match=r"D004 leads\.parquet cannot be read: "):
        read_history(folder)


def test_read_history__refuses_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"D001 The folder .*nowhere is not there\. Name a folder with"):
        read_history(tmp_path / "nowhere")


def test_read_history__refuses_a_file(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n")

    with pytest.raises(HistoryError, match=r"D001 /.*leads\.csv is one file; a history is a folder with a "):
        read_history(tmp_path / "leads.csv")


def test_read_history__tells_the_url_of_an_sqlite_file(tmp_path: Path) -> None:
    (tmp_path / "crm.db").write_bytes(b"SQLite format 3\0" + bytes(100))

    with pytest.raises(
        HistoryError, match=r"D001 /.*crm\.db is one file, .*; its URL is sqlite:////.*crm\.db\."
    ):
        read_history(tmp_path / "crm.db")


@pytest.mark.parametrize("url", ["nonsense://x", "://", "mysql://me:secret@localhost/crm"])
def test_read_history__refuses_a_database_it_cannot_open(url: str) -> None:
    with pytest.raises(HistoryError, match=r"D001 .*cannot be opened") as caught:
        read_history(url)

    assert "secret" not in str(caught.value)


def test_read_history__scores_without_outcomes_but_does_not_train(csv_folder: Path) -> None:
    (csv_folder / "outcomes.csv").unlink()

    assert read_history(csv_folder).history.leads_count == 60
    with pytest.raises(HistoryError, match=r"D050 There are no outcomes\."):
        read_history(csv_folder, for_training=True)


@pytest.mark.parametrize(
    ("kept", "code"),
    [
        ("converted", "D051 Every lead converted"),
        ("lost", "D051 No lead converted"),
        ("few", "D052 There are 5 conv"),
    ],
)
def test_read_history__does_not_train_on_too_little(tmp_path: Path, kept: str, code: str) -> None:
    ids = [f"lead-{i:02d}" for i in range(60)]
    made = {"converted": [won(one, 40) for one in ids], "lost": [lost(one, 40) for one in ids]}
    made["few"] = made["converted"][:5] + made["lost"][5:]
    folder = history_folder(tmp_path, ids, outcomes=made[kept])

    assert read_history(folder).history.leads_count == 60
    with pytest.raises(HistoryError, match=code):
        read_history(folder, for_training=True)


def test_read_history__takes_tables_without_rows(tmp_path: Path) -> None:
    folder = history_folder(tmp_path, [], suffix=".csv")

    made = read_history(folder).history

    assert made.leads_count == 0
    with pytest.raises(HistoryError, match=r"D050 .*\n  D053 There are 0 leads, fewer than 10"):
        read_history(folder, for_training=True)
