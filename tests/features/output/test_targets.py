"""Targets: no part of the history is one, links are followed, and permissions stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.output.targets import TargetError, publish, published, refuse_history_as_target, target_format
from features.sources.connections import sqlite_url
from tests.support.builders import history_folder, lead, touch


@pytest.fixture
def history(tmp_path: Path) -> Path:
    folder = tmp_path / "history"
    folder.mkdir()
    return history_folder(folder, [lead("a")], [touch("a", "page_view", 1)])


def _table(history: Path) -> Path:
    return next(path for path in history.iterdir() if path.stem == "leads")


@pytest.mark.parametrize("spelling", ["table", "dots", "link", "hard link", "folder link", "new", "itself"])
def test_refuse_history_as_target__refuses_every_spelling(
    history: Path, tmp_path: Path, spelling: str
) -> None:
    table = _table(history)
    (tmp_path / "link.csv").symlink_to(table)
    (tmp_path / "hard.csv").hardlink_to(table)
    (tmp_path / "elsewhere").symlink_to(history)
    target = {
        "table": table,
        "dots": history / ".." / "history" / "." / table.name,
        "link": tmp_path / "link.csv",
        "hard link": tmp_path / "hard.csv",
        "folder link": tmp_path / "elsewhere" / table.name,
        "new": history / "SCORES.csv",
        "itself": history,
    }[spelling]

    for source in (history, f"file://{history}", tmp_path / "elsewhere"):
        with pytest.raises(TargetError, match="it is a part of the history that is read, or lies in it"):
            refuse_history_as_target(target, source)


def test_refuse_history_as_target__refuses_what_a_table_is_a_link_to(history: Path, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    table = _table(history)
    moved = table.rename(disk / "part-00000.parquet")
    table.symlink_to(moved)

    for target in (moved, disk):
        with pytest.raises(TargetError, match="it is a part of the history"):
            refuse_history_as_target(target, history)


def test_refuse_history_as_target__takes_what_lies_beside(history: Path, tmp_path: Path) -> None:
    (history / "up").symlink_to(tmp_path)

    for name in ("scores.csv", "history.csv", "HISTORY2"):
        refuse_history_as_target(tmp_path / name, history)


def test_refuse_history_as_target__refuses_the_file_of_a_database(tmp_path: Path) -> None:
    file = tmp_path / "50% of #1.csv"
    file.write_bytes(b"")

    with pytest.raises(TargetError, match="it is a part of the history"):
        refuse_history_as_target(file, sqlite_url(file))
    refuse_history_as_target(tmp_path / "scores.csv", sqlite_url(file))
    refuse_history_as_target(file, "postgresql://localhost/crm")


def test_published__follows_a_link_and_keeps_the_permissions(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    real, link = tmp_path / "disk" / "real.csv", tmp_path / "scores.csv"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)

    with published(link) as work:
        (work / "whole").write_text("new")

    assert link.is_symlink()
    assert real.read_text() == "new"
    assert real.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real.parent.iterdir()] == ["real.csv"]


def test_publish__keeps_the_permissions_of_a_folder_and_its_parts(tmp_path: Path) -> None:
    for name, text in (("old", "1"), ("new", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "part-00000.parquet").write_text(text)
    (tmp_path / "old" / "part-00000.parquet").chmod(0o600)
    (tmp_path / "old").chmod(0o750)

    publish(tmp_path / "new", tmp_path / "old")

    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o750
    part = tmp_path / "old" / "part-00000.parquet"
    assert (part.read_text(), part.stat().st_mode & 0o777) == ("2", 0o600)


def test_target_format__needs_the_folder_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "scores.csv").symlink_to(tmp_path / "unmounted" / "scores.csv")

    with pytest.raises(TargetError, match="its folder does not exist"):
        target_format(tmp_path / "scores.csv")
