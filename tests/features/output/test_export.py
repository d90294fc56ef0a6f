"""Features of every lead as a table: whatever the partitions, whatever the form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from features.catalog.default_catalog import default_catalogue
from features.checks.checked_history import read_history
from features.history.known import known_at
from features.output.export import export_features
from features.output.lead_features import known_features
from features.sources.open_source import open_source
from tests.support.builders import at, history_folder
from tests.test_parity import random_rows

AS_OF = at(40)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return history_folder(tmp_path_factory.mktemp("company"), *random_rows(3, 150))


@pytest.mark.parametrize("partition_rows", [100_000, 200])
def test_export_features__is_what_the_whole_history_gives(
    source: Path, tmp_path: Path, partition_rows: int
) -> None:
    history = read_history(source).history
    feature_set = default_catalogue(known_at(history, AS_OF))

    made = export_features(
        source, as_of=AS_OF, out=tmp_path / "one.parquet", workers=1, partition_rows=partition_rows
    )

    expected = known_features(feature_set, history, AS_OF)
    # To the bit: what differs in the last place is not equal, and nothing is NaN.
    assert pq.read_table(tmp_path / "one.parquet").to_pylist() == expected.to_pylist()
    assert made.leads_count == len(expected) > 75
    assert made.feature_set == feature_set


def test_export_features__without_a_model_reads_the_history_once(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []

    def count(*arguments: Any, **options: Any) -> Any:
        opened.append(arguments)
        return open_source(*arguments, **options)

    for module in ("features.output.export", "features.partitions.reading", "features.partitions.partitions"):
        monkeypatch.setattr(f"{module}.open_source", count)

    export_features(source, as_of=AS_OF, out=tmp_path / "one.parquet", workers=1, partition_rows=200)

    assert len(opened) == 1


@pytest.mark.parametrize("name", ["two.csv", "parts"])
def test_export_features__form_changes_no_row(
    source: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("features.output.export.CHUNK_LEADS", 40)
    options = {"as_of": AS_OF, "workers": 1, "partition_rows": 200}
    export_features(source, out=tmp_path / "one.parquet", **options)  # type: ignore[arg-type]

    export_features(source, out=tmp_path / name, **options)  # type: ignore[arg-type]

    ids = pq.read_table(tmp_path / "one.parquet")["lead_id"].to_pylist()
    assert _read(tmp_path / name)["lead_id"].to_pylist() == ids == sorted(ids)
    # Nothing else is left beside the targets.
    assert {path.name for path in tmp_path.iterdir()} == {"one.parquet", name}


def _read(path: Path) -> pa.Table:
    if path.suffix == ".csv":
        return pa_csv.read_csv(path)
    parts = sorted(path.iterdir())
    assert len(parts) > 2
    return pa.concat_tables([pq.read_table(part) for part in parts])
