"""The data of a run: a record that leads back to the rows."""

from __future__ import annotations

from pathlib import Path

import mlflow.data
import pytest
from mlflow.entities import Dataset

from features.checks.checked_history import read_history
from models.errors import HistoryChangedError, HistoryInMemoryError
from models.registry.datasets import HistorySource, RunDataset, register_source
from tests.support.builders import lead, tables, touch, won
from tests.support.small_business import write_business


def _write(folder: Path, *, last: float = 9) -> Path:
    interactions = [touch("a", "page_view", 2), touch("b", "page_view", last)]
    return write_business(folder, tables([lead("a", 1), lead("b", 3)], interactions, [won("a", 5)]))


def _logged(source: HistorySource) -> Dataset:
    columns = {"lead_id": "string", "created_at": "datetime", "size": "number"}
    register_source()
    return RunDataset("leads", "ab" * 32, columns, source, "training", {"num_rows": 2}).to_input().dataset


def test_load__gives_the_history_back(tmp_path: Path) -> None:
    history = _write(tmp_path / "history")
    read = read_history(history)
    source = HistorySource(str(history), read.history.observed_until, {}, read.digests)

    again = mlflow.data.get_source(_logged(source)).load()

    assert again.digests == read.digests
    assert again.history.observed_until == read.history.observed_until


def test_load__of_rows_that_changed_since(tmp_path: Path) -> None:
    history = _write(tmp_path / "history")
    read = read_history(history)
    source = HistorySource(str(history), read.history.observed_until, {}, read.digests)
    _write(tmp_path / "changed", last=8).joinpath("interactions.parquet").replace(
        history / "interactions.parquet"
    )

    with pytest.raises(HistoryChangedError, match="no longer the one of this run: interactions changed"):
        mlflow.data.get_source(_logged(source)).load()


def test_load__of_tables_in_memory() -> None:
    with pytest.raises(HistoryInMemoryError, match="tables in memory"):
        mlflow.data.get_source(_logged(HistorySource(None, 0))).load()


def test_to_input__has_schema_digest_and_counts() -> None:
    dataset = _logged(HistorySource(None, 0))

    assert dataset.digest == "ab" * 18
    assert '"num_rows": 2' in dataset.profile
    for column in ('"type": "datetime", "name": "created_at"', '"type": "double", "name": "size"'):
        assert column in dataset.schema
