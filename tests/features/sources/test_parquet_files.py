"""Parquet is read the same however its rows are divided into row groups, files and folders."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.checks.checked_history import read_history
from features.findings.problems import HistoryError
from features.history.lead_history import LeadHistory
from features.sources import parquet_files
from features.sources.parquet_files import PARQUET, ParquetPiece
from features.sources.pieces import TableFile
from tests.support.builders import bytes_of, history_folder, lead, touch, won

LEADS = [lead(f"{number:03d}", number, country=("nl", "de")[number % 2]) for number in range(20)]
TOUCHES = [touch(f"{number % 20:03d}", ("chat", "call_held")[number % 2], number + 1) for number in range(70)]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Tables of one file each."""
    return history_folder(tmp_path / "whole", LEADS, TOUCHES, [won("003", 50), won("008", 60)])


@pytest.mark.parametrize("group_rows", [1, 7, 1_000])
@pytest.mark.parametrize("piece_rows", [1, 20, 50_000])
def test_read_history__does_not_depend_on_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: Path, group_rows: int, piece_rows: int
) -> None:
    monkeypatch.setattr(parquet_files, "_PIECE_ROWS", piece_rows)
    (tmp_path / "divided").mkdir()
    for path in source.glob("*.parquet"):
        pq.write_table(pq.read_table(path), tmp_path / "divided" / path.name, row_group_size=group_rows)

    divided = _history(tmp_path / "divided")

    assert bytes_of(divided) == bytes_of(_history(source))


@pytest.mark.parametrize(
    ("piece_rows", "expected"),
    [
        (1, ((0,), (1,), (2,))),
        (10, ((0,), (1,), (2,))),
        (11, ((0, 1), (2,))),
        (1_000, ((0, 1, 2),)),
    ],
)
def test_parquet__joins_small_row_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, piece_rows: int, expected: tuple[tuple[int, ...], ...]
) -> None:
    monkeypatch.setattr(parquet_files, "_PIECE_ROWS", piece_rows)
    path = tmp_path / "leads.parquet"
    pq.write_table(pa.table({"lead_id": [str(number) for number in range(30)]}), path, row_group_size=10)

    opened = PARQUET.open(TableFile(path, "leads"))

    groups = tuple(piece.groups for piece in opened.pieces if isinstance(piece, ParquetPiece))
    assert groups == expected
    assert opened.rows_count == 30


def test_read_history__reads_tables_partitioned_by_a_column(tmp_path: Path, source: Path) -> None:
    (tmp_path / "hive").mkdir()
    for name, column in (("leads", "country"), ("interactions", "kind"), ("outcomes", "outcome")):
        table = pq.read_table(source / f"{name}.parquet")
        pq.write_to_dataset(table, tmp_path / "hive" / f"{name}.parquet", partition_cols=[column])

    partitioned = _history(tmp_path / "hive")

    assert bytes_of(partitioned) == bytes_of(_history(source))


@pytest.mark.parametrize("cells", [[None] * 2, [[1.0, 2.0], None]])
def test_read_history__leaves_out_lists_of_a_fixed_size_some_of_which_are_missing(
    source: Path, cells: list[object]
) -> None:
    path = source / "leads.parquet"
    rows, without = pq.read_table(path), _history(source)
    lists = pa.array((cells * len(rows))[: len(rows)], pa.list_(pa.float32(), 2))
    pq.write_table(rows.add_column(1, "vector", lists), path)

    read = read_history(source)

    assert bytes_of(read.history) == bytes_of(without)
    assert any(problem.code == "D034" and "fixed_size_list" in str(problem) for problem in read.problems)


def _history(folder: Path) -> LeadHistory:
    return read_history(folder).history


@pytest.mark.parametrize(
    ("table", "column"),
    [("leads", "country"), ("leads", "lead_id"), ("leads", "created_at"), ("interactions", "kind")],
)
def test_read_history__names_the_column_whose_bytes_are_no_text(
    source: Path, table: str, column: str
) -> None:
    path = source / f"{table}.parquet"
    rows = pq.read_table(path)
    ends = pa.array(range(len(rows) + 1), pa.int32()).buffers()[1]
    no_texts = pa.Array.from_buffers(pa.string(), len(rows), [None, ends, pa.py_buffer(b"\xff" * len(rows))])
    place = rows.schema.get_field_index(column)
    pq.write_table(rows.set_column(place, column, no_texts), path)

    with pytest.raises(HistoryError, match=rf"D004 {table}\.parquet cannot be read: {column} has bytes"):
        read_history(source)
