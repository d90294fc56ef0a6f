"""DataFrames become the tables of a history: what pandas makes of missing cells and ids changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from features.checks.checked_history import read_history
from features.checks.checks import check_history
from features.parsing.tagged_cells import TAGGED
from leadodds_python.frames import FramesError, tables_of_frames
from tests.features.sources.test_open_source import ROWS
from tests.support.builders import bytes_of, history, lead, tables, touch

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def column_of(cells: Any) -> pa.ChunkedArray:
    return tables_of_frames({"leads": pd.DataFrame({"cells": cells})}).tables["leads"]["cells"]


@pytest.mark.parametrize(
    "to_frame",
    [
        lambda table: table.to_pandas(),
        lambda table: table.to_pandas(date_as_object=True, timestamp_as_object=True).astype(object),
        lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
        lambda table: table.to_pandas().set_index(pd.Index(range(7, 7 + len(table)))),
        lambda table: table,
        pl.from_arrow,
    ],
    ids=["pandas", "object", "arrow", "index", "table", "polars"],
)
def test_tables_of_frames__make_the_history_that_files_make(to_frame: Callable[[pa.Table], Any]) -> None:
    frames = {name: to_frame(table) for name, table in tables(*ROWS).items()}

    read = read_history(tables_of_frames(frames)).history

    # Cells of objects are kept beside the values: at another moment they may imply another type.
    values = {name: each._replace(written=None) for name, each in read.attributes.items()}
    assert bytes_of(replace(read, attributes=values)) == bytes_of(history(*ROWS))


def test_tables_of_frames__keep_ids_that_pandas_made_floats() -> None:
    frames = {name: table.to_pandas() for name, table in tables([lead("a")], [touch("a", "call", 1)]).items()}
    frames["leads"] = pd.concat([frames["leads"]] * 2, ignore_index=True)
    frames["leads"]["lead_id"] = [51_200_000_001, 51_200_000_002]
    frames["leads"]["account_id"] = [np.nan, 90_071_992_547.0]
    frames["interactions"] = pd.concat([frames["interactions"]] * 2, ignore_index=True)
    frames["interactions"]["lead_id"] = [51_200_000_002.0, np.nan]

    source = tables_of_frames(frames)
    report = check_history(source)
    read = read_history(source).history

    assert read.lead_ids.to_pylist() == ["51200000001", "51200000002"]
    assert read.interactions.starts.tolist() == [0, 0, 1]
    assert {problem.code for problem in report.problems} >= {"D020"}
    assert "D021" not in str(report)


@pytest.mark.parametrize(
    ("cells", "type_", "read"),
    [
        ([1.5, np.nan], pa.float64(), [1.5, None]),
        (pd.array([1, None], dtype="Int64"), pa.int64(), [1, None]),
        (pd.array([True, None], dtype="boolean"), pa.bool_(), [True, None]),
        (pd.Series([1.0, np.nan], dtype=pd.ArrowDtype(pa.float64())), pa.float64(), [1.0, None]),
        (
            pd.Series(pa.array([1.0, float("nan")]), dtype=pd.ArrowDtype(pa.float64())),
            pa.float64(),
            [1.0, None],
        ),
        (pd.arrays.SparseArray([0, 0, 1]), pa.int64(), [0, 0, 1]),
        (pd.Series([None, "a", np.nan, pd.NA, pd.NaT], dtype=object), pa.string(), [None, "a", *[None] * 3]),
        (pd.Series([True, None, False], dtype=object), pa.bool_(), [True, None, False]),
        (pd.Series([7, "A-8", np.nan], dtype=object), TAGGED, ["n7", "tA-8", None]),
        (pd.Series([Decimal("1.5"), None], dtype=object), pa.float64(), [1.5, None]),
        (pd.Series([NOON, pd.NaT], dtype=object), pa.timestamp("us", tz="UTC"), [NOON, None]),
        (pd.Series([None, None], dtype=object), pa.null(), [None, None]),
    ],
)
def test_tables_of_frames__make_what_is_missing_null_and_keep_types(
    cells: Any, type_: pa.DataType, read: list[Any]
) -> None:
    column = column_of(cells)

    assert column.type == type_
    assert column.to_pylist() == read


def test_tables_of_frames__leave_a_time_without_a_zone_to_the_checks() -> None:
    frames = {name: table.to_pandas() for name, table in tables([lead("a")], [touch("a", "call", 1)]).items()}
    frames["leads"]["created_at"] = frames["leads"]["created_at"].dt.tz_localize(None)
    mixed = pd.Series([NOON, datetime(2026, 5, 1)], dtype=object)  # noqa: DTZ001 - without a zone
    frames["interactions"] = pd.DataFrame({"lead_id": ["a", "a"], "kind": "call", "occurred_at": mixed})

    report = check_history(tables_of_frames(frames))

    found = [(each.code, each.table, each.count) for each in report.problems if each.code == "D009"]
    assert found == [("D009", "leads", 1), ("D009", "interactions", 1)]


def test_tables_of_frames__name_columns_as_text_and_keep_those_that_stand_twice() -> None:
    frame = pd.DataFrame([["a", NOON, 1, 2]], columns=["lead_id", "created_at", 3, 3])

    made = tables_of_frames({"leads": frame})

    assert made.tables["leads"].column_names == ["lead_id", "created_at", "3", "3"]


@pytest.mark.parametrize(
    ("frames", "fault"),
    [
        ({"lead": pd.DataFrame()}, r"holds 'lead', which is no table of it\. Its tables are leads, inter"),
        ({"leads": [{"lead_id": "a"}]}, r"holds 'leads', which is a list and no table\. Give a DataFrame"),
    ],
)
def test_tables_of_frames__refuse_what_is_no_table(frames: Any, fault: str) -> None:
    with pytest.raises(FramesError, match=fault):
        tables_of_frames(frames)
