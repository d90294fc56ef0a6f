"""Files of a history are read by their suffix, and another format needs no other change."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.checks.checked_history import read_history
from features.findings.problems import HistoryError
from features.sources import folders
from features.sources.csv_files import CSV
from features.sources.folders import FORMATS
from tests.support.builders import bytes_of, history_folder, lead, lost, touch, won

ROWS = ([lead("a", 0), lead("b", 1)], [touch("a", "chat", 2)], [won("a", 3), lost("b", 4)])


@pytest.fixture
def another_format(monkeypatch: pytest.MonkeyPatch) -> str:
    """A format with a suffix of its own, whose files are CSV."""
    added = replace(CSV, suffix=".table")
    monkeypatch.setattr(folders, "FORMATS", {**FORMATS, added.suffix: added})
    return added.suffix


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
