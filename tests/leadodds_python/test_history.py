"""A history that was read says what is in it, and hands its source and its end to the other functions."""

from __future__ import annotations

from pathlib import Path

from features.sources.memory_tables import MemoryTables
from features.times import to_datetime
from leadodds_python.functions import read_history
from leadodds_python.history import source_of, until_of
from tests.support.builders import at, history_folder, lead, lost, tables, touch, won

ROWS = (
    [lead("a", 1, size=3), lead("b", 2), lead("c", 3)],
    [touch("a", "call_held", 4)],
    [won("b", 9), lost("c", 8)],
)


def test_summary__counts_what_is_in_it(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *ROWS)

    history = read_history(folder)

    assert history.summary() == {
        "history": str(folder),
        "leads": 3,
        "interactions": 1,
        "converted": 1,
        "lost": 1,
        "open": 1,
        "attributes": 1,
        "first_lead": "2026-01-02T00:00:00Z",
        "observed_until": "2026-01-10T00:00:00Z",
    }
    assert repr(history) == f"History('{folder}', leads=3)"
    assert str(history).splitlines()[1:3] == ["leads: 3", "interactions: 1"]
    assert history.observed_until == to_datetime(at(9))
    assert {problem.code for problem in history.problems} >= {"D037", "D053"}


def test_source_of__finds_what_a_history_was_read_from(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *ROWS)
    frames = {name: table.to_pandas() for name, table in tables(*ROWS).items()}

    of_frames = read_history(frames)

    assert source_of(folder) == folder
    assert source_of("sqlite:///x.db") == "sqlite:///x.db"
    assert source_of(read_history(folder)) == folder
    assert isinstance(source_of(frames), MemoryTables)
    assert source_of(of_frames) is of_frames.source
    assert of_frames.summary()["history"] == "tables in memory"


def test_until_of__keeps_to_the_end_that_was_given_and_only_to_that(tmp_path: Path) -> None:
    folder = history_folder(tmp_path / "history", *ROWS)
    given = read_history(folder, observed_until="2026-02-01T00:00:00Z")

    assert given.rows.observed_until == at(31)
    assert until_of(given, None) == until_of(read_history(given), None) == at(31)
    assert until_of(given, "2026-01-02T00:00:00Z") == at(1)
    assert until_of(read_history(folder), None) is None
    assert until_of(folder, None) is None
