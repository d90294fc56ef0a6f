"""Attributes and accounts of leads where missing cells are spelled out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.checks.checked_history import read_history
from tests.support.builders import check, history_folder, lead, tables, touch

HEAD = "lead_id,created_at,account_id,size,is_new,country,unused"
ROWS = [
    "a,2026-01-02T00:00:00Z,n/a,5,true,NL,n/a",
    "b,2026-01-02T00:00:00Z,NULL,-,n/a,none,NULL",
    "c,2026-01-02T00:00:00Z,A-1,n/a,FALSE,-,",
    "d,2026-01-02T00:00:00Z,A-1,7,,NL,N/A",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = history_folder(tmp_path, suffix=".csv")
    (made / "leads.csv").write_text("\n".join([HEAD, *ROWS]) + "\n")
    return made


def test_read_leads__infers_types_of_what_is_not_missing(folder: Path) -> None:
    read = read_history(folder)

    attributes = read.history.attributes
    assert {name: attribute.type for name, attribute in attributes.items()} == {
        "size": "number",
        "is_new": "boolean",
        "country": "category",
    }
    assert np.array_equal(attributes["size"].values, [5, np.nan, np.nan, 7], equal_nan=True)
    assert np.array_equal(attributes["is_new"].values, [1, np.nan, 0, np.nan], equal_nan=True)
    assert attributes["country"].categories == ("-", "NL")
    codes = {problem.code for problem in read.problems}
    assert "D031" not in codes


def test_read_leads__reports_a_column_of_missing_cells_as_empty(folder: Path) -> None:
    problems = read_history(folder).problems

    assert [str(problem) for problem in problems if problem.code == "D032"]


def test_read_leads__leaves_leads_without_an_account_alone(folder: Path) -> None:
    assert read_history(folder).history.account.tolist() == [-1, -1, 0, 0]


def test_read_leads__takes_nan_in_a_column_of_ids_for_missing() -> None:
    first, second = 51200000001, 51200000002
    made = tables([lead("a"), lead("b"), lead("c"), lead("d")], [touch("a", "call_held", 1)])
    ids = pa.array([first, second, second + 1, second + 2])
    accounts = pa.array([float(first), np.nan, np.nan, float(first)])
    leads = made["leads"].set_column(0, "lead_id", ids).append_column("account_id", accounts)
    touched = pa.array([float(first)])
    interactions = made["interactions"].set_column(0, "lead_id", touched)
    orphans = interactions.set_column(0, "lead_id", pa.array([np.nan]))

    read, problems = check(
        {**made, "leads": leads, "interactions": pa.concat_tables([interactions, orphans])}
    )

    assert read is not None
    assert read.lead_ids.to_pylist() == [str(first), str(second), str(second + 1), str(second + 2)]
    assert np.diff(read.interactions.starts).tolist() == [1, 0, 0, 0]
    assert read.account.tolist() == [0, -1, -1, 0]
    # The row without a lead is left out, and no row is of an unknown lead.
    assert {problem.code for problem in problems} & {"D020", "D021"} == {"D020"}
