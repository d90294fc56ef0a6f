"""Tables in memory make the history that the same tables in a folder make, with the same problems."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.checks.checked_history import read_history
from features.checks.checks import check_history
from features.findings.problems import HistoryError, Problem
from features.output.export import export_features
from features.partitions.partitions import write_partitions
from features.sources.memory_tables import MemoryTables
from tests.features.sources.test_open_source import ROWS
from tests.support.builders import at, bytes_of, history, history_folder, lead, tables, touch
from tests.support.small_business import small_business, write_business


def problems_of(source: Path | MemoryTables) -> list[tuple[str, str, str, int, tuple[str, ...]]]:
    return [_facts(problem) for problem in check_history(source).problems]


def _facts(problem: Problem) -> tuple[str, str, str, int, tuple[str, ...]]:
    return problem.code, problem.table, problem.column, problem.count, problem.ids


def test_read_history__reads_tables_in_memory() -> None:
    read = read_history(MemoryTables(tables(*ROWS))).history

    assert bytes_of(read) == bytes_of(history(*ROWS))


def test_check_history__finds_what_it_finds_in_a_folder(tmp_path: Path) -> None:
    rows = (
        [lead("a", 0, owner="x"), lead("b", 1, owner=None)],
        [touch("a", "call_held", 1, note="late"), touch("nobody", "call_held", 1), touch("b", None, 2)],
        [],
    )

    found = problems_of(MemoryTables(tables(*rows)))

    assert found == problems_of(history_folder(tmp_path / "history", *rows))
    assert {"D020", "D021", "D036"} <= {code for code, *_ in found}


def test_check_history__reports_tables_and_columns_that_are_missing() -> None:
    made = tables([lead("a")], [touch("a", "call_held", 1)])

    without_table = check_history(MemoryTables({"leads": made["leads"]}))
    without_kind = check_history(MemoryTables({**made, "interactions": made["interactions"].drop(["kind"])}))

    assert [(each.code, each.table) for each in without_table.problems] == [("D002", "interactions")]
    assert str(without_table).endswith("tables in memory cannot be used as it is.")
    assert ("D006", "kind") in [(each.code, each.column) for each in without_kind.problems]


def test_read_history__refuses_a_column_that_is_there_twice() -> None:
    made = tables([lead("a")], [touch("a", "call_held", 1)])
    twice = made["interactions"].append_column("kind", made["interactions"]["kind"])

    with pytest.raises(HistoryError, match=r"The history tables in memory cannot be used:\n  D007 .*kind"):
        read_history(MemoryTables({**made, "interactions": twice}))


def test_write_partitions__splits_tables_in_memory_as_it_splits_a_folder(tmp_path: Path) -> None:
    made = small_business(leads_count=60)
    folder = write_business(tmp_path / "history", made)

    splits = [
        write_partitions(source, tmp_path / name, partition_rows=100, workers=1)
        for name, source in (("ours", MemoryTables(made)), ("theirs", folder))
    ]

    assert splits[0].layout.count == splits[1].layout.count > 1
    for number in range(splits[0].layout.count):
        ours, theirs = (split.read(number)[0] for split in splits)
        assert ours is not None
        assert theirs is not None
        assert bytes_of(ours) == bytes_of(theirs)
    assert np.array_equal(splits[0].leads()[0], splits[1].leads()[0])


def test_export_features__reads_tables_in_memory(tmp_path: Path) -> None:
    made = small_business(leads_count=30)
    outs = [tmp_path / "ours.csv", tmp_path / "theirs.csv"]

    for source, out in zip(
        (MemoryTables(made), write_business(tmp_path / "history", made)), outs, strict=True
    ):
        export_features(source, as_of=at(60), out=out, workers=1)

    assert outs[0].read_text() == outs[1].read_text()
