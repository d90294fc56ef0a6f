"""Attributes and accounts of leads where missing cells are spelled out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.checks.checked_history import read_history
from features.history.lead_history import Attribute
from tests.support.builders import check, history_folder, lead, tables, touch
from tests.support.exports.formats import FORMATS

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


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
Written = Callable[[Path, dict[str, dict[str, list[Any]]]], Any]
TYPED: dict[str, Written] = {
    name: FORMATS[name] for name in ("Parquet", "JSON lines", "SQLite", "DataFrames")
}


def _read(folder: Path, door: Written, cells: list[Any]) -> tuple[Attribute, list[str]]:
    """Reads a column of attributes through a door, and what is said of it."""
    ids = [f"L{number:02d}" for number in range(len(cells))]
    moments = [MOMENT] * len(cells)
    made = {
        "leads": {"lead_id": ids, "created_at": moments, "size": cells},
        "interactions": {"lead_id": ids, "kind": ["chat"] * len(ids), "occurred_at": moments},
    }
    source = door(folder, made)
    read = read_history(source)
    return read.history.attributes["size"], [str(one) for one in read.problems if one.column == "size"]


@pytest.mark.parametrize("door", ["CSV", "JSON lines", "SQLite", "DataFrames"])
def test_read_leads__one_text_among_numbers_does_not_make_a_category(tmp_path: Path, door: str) -> None:
    attribute, said = _read(tmp_path, FORMATS[door], [*range(2, 31), "about 50"])

    assert (attribute.type, np.nansum(attribute.values)) == ("number", sum(range(2, 31)))
    assert [one[:51] for one in said] == ["D031 leads.size is not a number in 1 row; they coun"]


@pytest.mark.parametrize("door", TYPED)
def test_read_leads__says_which_column_of_texts_reads_like_numbers(tmp_path: Path, door: str) -> None:
    texts = [f"1,{number}.50" for number in range(100, 130)]

    attribute, said = _read(tmp_path, TYPED[door], texts)

    assert attribute.type == "category"
    assert [one[:88] for one in said] == [
        'D109 leads.size is a column of texts that read like numbers, such as "1,100.50"; it coun'
    ]
    assert 'formats.leads.size = "1,234.5", or "1.234,5"' in said[0]


@pytest.mark.parametrize("door", ["CSV", "Parquet", "JSON lines"])
def test_read_leads__reads_texts_as_numbers_where_the_settings_say_how_they_are_written(
    tmp_path: Path, door: str
) -> None:
    (tmp_path / "history.toml").write_text('formats.leads.size = "1.234,5"')

    attribute, said = _read(tmp_path, FORMATS[door], ["1.100", "2,5", "7"] * 10)

    assert (attribute.type, attribute.values[:3].tolist(), said) == ("number", [1100.0, 2.5, 7.0], [])


def test_read_leads__leaves_codes_of_digits_alone(tmp_path: Path) -> None:
    attribute, said = _read(tmp_path, FORMATS["Parquet"], ["01234", "55555", "07777"] * 10)

    assert (attribute.type, said) == ("category", [])
