"""Files of a history are read by their suffix, and another format needs no other change."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from features.checks.checked_history import read_history
from features.checks.checks import check_history
from features.findings.problems import HistoryError
from features.sources import folders
from features.sources.csv_files import CSV
from features.sources.folders import FORMATS
from tests.support.builders import bytes_of, history_folder, lead, lost, touch, won

ROWS = ([lead("a", 0), lead("b", 1)], [touch("a", "chat", 2)], [won("a", 3), lost("b", 4)])


@pytest.fixture
def another_format(monkeypatch: pytest.MonkeyPatch) -> str:
    """A format with a suffix of its own, whose files are CSV."""
    added = replace(CSV, suffixes=(".table",))
    monkeypatch.setattr(folders, "FORMATS", (*FORMATS, added))
    return ".table"


def test_open_folder__reads_another_format(tmp_path: Path, another_format: str) -> None:
    expected = read_history(history_folder(tmp_path / "csv", *ROWS, suffix=".csv")).history

    read = read_history(history_folder(tmp_path / "other", *ROWS, suffix=another_format)).history

    assert read is not None
    assert expected is not None
    assert bytes_of(read) == bytes_of(expected)


def test_open_folder__refuses_a_table_in_two_formats(tmp_path: Path, another_format: str) -> None:
    folder = history_folder(tmp_path / "history", *ROWS, suffix=".csv")
    (folder / f"leads{another_format}").write_bytes((folder / "leads.csv").read_bytes())

    with pytest.raises(HistoryError, match=r"D003.*leads\.csv and leads\.table"):
        read_history(folder)


def folder_of(tmp_path: Path, **names: str) -> Path:
    """A sound folder of CSV files, under other names: by table, the name of its file."""
    folder = history_folder(tmp_path, *ROWS, suffix=".csv")
    for table, name in names.items():
        (folder / f"{table}.csv").rename(folder / name)
    return folder


def problems_of(folder: Path) -> list[str]:
    return [str(problem) for problem in check_history(folder).problems if problem.code < "D037"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("way", [str.capitalize, str.upper, str.swapcase, str.title])
def test_open_folder__capitals_in_names_do_not_count(
    tmp_path: Path, suffix: str, way: Callable[[str], str]
) -> None:
    folder = history_folder(tmp_path / "own", *ROWS, suffix=suffix)
    for path in [*folder.iterdir()]:
        path.rename(folder / way(path.name))
    expected = read_history(history_folder(tmp_path / "plain", *ROWS, suffix=suffix)).history

    assert problems_of(folder) == []
    assert bytes_of(read_history(folder).history) == bytes_of(expected)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_open_folder__reads_a_folder_of_parts_without_a_suffix(tmp_path: Path, suffix: str) -> None:
    folder = history_folder(tmp_path / "own", *ROWS, suffix=suffix)
    for table in ("leads", "interactions"):
        (folder / table).mkdir()
        (folder / table / "_SUCCESS").touch()
        (folder / f"{table}{suffix}").rename(folder / table / f"part-0{suffix}")
    expected = read_history(history_folder(tmp_path / "plain", *ROWS, suffix=suffix)).history

    assert problems_of(folder) == []
    assert bytes_of(read_history(folder).history) == bytes_of(expected)
    (folder / "leads.jsonl").touch()
    assert problems_of(folder)[0].startswith(
        "D003 The table leads is there more than once: leads and leads.jsonl."
    )


@pytest.mark.parametrize("is_folder", [True, False])
def test_open_folder__names_what_has_the_name_of_a_table_and_holds_none(
    tmp_path: Path, is_folder: bool
) -> None:
    folder = folder_of(tmp_path)
    (folder / "leads.csv").unlink()
    (folder / "leads").mkdir() if is_folder else (folder / "leads").write_text("lead_id")

    assert problems_of(folder)[0].startswith(
        "D002 The table leads is missing (leads -> leads). Add leads.parquet"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("leads.csv", "Leads.csv"),
        ("leads.csv", "leads.csv.gz"),
        ("leads.jsonl", "leads.csv"),
        ("LEADS.PARQUET", "leads.jsonl.gz"),
    ],
)
def test_open_folder__refuses_two_files_of_a_table_by_name(tmp_path: Path, one: str, other: str) -> None:
    folder = folder_of(tmp_path, leads=one)
    (folder / other).write_bytes((folder / one).read_bytes())

    (problem,) = problems_of(folder)

    assert problem.startswith("D003 The table leads is there more than once: ")
    assert one in problem
    assert other in problem


@pytest.mark.parametrize(
    ("table", "name", "kind"),
    [
        ("leads", "leads.xlsx", "a workbook"),
        ("outcomes", "Outcomes.XLS", "a workbook"),
        ("interactions", "interactions.json", "a document"),
        ("leads", "leads.tsv", "a text under a suffix"),
        ("outcomes", "outcomes.zip", "a packed file"),
    ],
)
def test_open_folder__refuses_a_format_that_is_not_read(
    tmp_path: Path, table: str, name: str, kind: str
) -> None:
    assert problems_of(folder_of(tmp_path, **{table: name})) == [
        f"D015 {name} is {kind} that is not read. Save it as {table}.csv (in Excel: File, Save As, CSV UTF-8"
        ", one file for each sheet)."
    ]


def test_open_folder__leaves_the_workbook_that_a_table_was_saved_from(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "leads.xlsx").write_bytes(b"PK")

    assert problems_of(folder) == []


def test_open_folder__says_which_file_may_be_the_missing_table(tmp_path: Path) -> None:
    assert problems_of(folder_of(tmp_path, leads="Lead.csv", outcomes="outcome.jsonl")) == [
        "D002 The table leads is missing (Lead.csv -> leads). Add leads.parquet or leads.csv (in a database "
        "or in memory: a table of that name)."
    ]


def test_open_folder__names_files_that_are_not_used(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, outcomes="Outcome.csv")
    for name in ("leads (1).csv", "notes.md", ".leads.csv", "~$leads.xlsx", "_SUCCESS", "history.toml"):
        (folder / name).touch()

    assert problems_of(folder) == [
        "D029 Files of the folder are no table of a history and are not used: Outcome.csv, leads (1).csv. "
        "Nothing to do, unless one of them is a table under another name (leads (1).csv -> leads, "
        "Outcome.csv -> outcomes)."
    ]


@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl", "leads.parquet"])
def test_open_folder__says_that_a_link_leads_nowhere(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path)
    (folder / "leads.csv").unlink()
    (folder / name).symlink_to(tmp_path / "gone")

    assert problems_of(folder) == [
        f"D004 {name} cannot be read: the system says No such file or directory. Write it again from where "
        "it came."
    ]


@pytest.fixture
def private_folder() -> Iterator[Path]:
    """A folder that another user than its owner reads, in whose role the test runs."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        made = folder_of(Path(folder) / "history")
        user = os.geteuid()
        try:
            yield made
        finally:
            os.seteuid(user)


def become_another_user() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


@pytest.mark.parametrize("name", ["leads.csv", "leads.jsonl", "leads.parquet"])
def test_open_folder__says_that_a_file_may_not_be_read(private_folder: Path, name: str) -> None:
    (private_folder / "leads.csv").rename(private_folder / name).chmod(0)
    become_another_user()

    assert problems_of(private_folder) == [
        f"D004 {name} cannot be read: the system says Permission denied. Write it again from where it came."
    ]


def test_open_folder__says_that_a_folder_may_not_be_listed(private_folder: Path) -> None:
    private_folder.chmod(0o111)
    become_another_user()

    (problem,) = problems_of(private_folder)

    assert problem.startswith(f"D001 The folder {private_folder} cannot be opened: Permission denied.")


@pytest.mark.parametrize("name", ["leads.csv", "leads"])
def test_open_folder__says_that_a_folder_of_parts_may_not_be_listed(private_folder: Path, name: str) -> None:
    (private_folder / "leads.csv").unlink()
    (private_folder / name).mkdir(mode=0)
    become_another_user()

    assert problems_of(private_folder)[0].startswith(
        f"D004 {name} cannot be read: the system says Permission denied."
    )


def test_open_folder__reads_no_pipe(tmp_path: Path) -> None:
    folder = folder_of(tmp_path)
    (folder / "leads.csv").unlink()
    os.mkfifo(folder / "leads.csv")

    assert problems_of(folder) == [
        "D004 leads.csv cannot be read: it is no plain file. Write it again from where it came."
    ]
