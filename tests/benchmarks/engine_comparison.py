"""Compares four engines that compute the same features in one run, and every value of every lead."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from features.catalog.spec import FeatureSet
from features.history.lead_history import Floats
from features.output.export import export_features
from features.partitions.pool import cores_count
from tests.benchmarks.catalogue import benchmark_catalogue
from tests.benchmarks.company import AS_OF
from tests.benchmarks.dataframe_features import pandas_features, polars_features
from tests.benchmarks.engine_features import engine_features
from tests.benchmarks.measurement import Measurement, measure_and_print, measurements_table, print_line
from tests.benchmarks.sections import machine, write_section
from tests.benchmarks.sql_features import sql_of_features

_CLOSE_ENOUGH = 1e-9
_DUCKDB = "DuckDB, one query, two threads"
_OURS = "ours, one process per core"
_COMMAND = "leadodds features without a model, to Parquet"
_POLARS = "Polars, one lazy query, streaming"
_PANDAS = "pandas, a tenth of the leads"


def compare_engines(history: Path, folder: Path, *, leads_count: int) -> None:
    """Runs all four, prints what each took, and writes its section of the page.

    Args:
        history: of the leads.
        folder: for temporary files.
        leads_count: for the title.
    """
    features = benchmark_catalogue().features
    runs = {_DUCKDB: run_duckdb(history, folder)}
    with tempfile.TemporaryDirectory(dir=folder) as out:
        ours = runs[_OURS] = measure_and_print(_OURS, lambda: _compute_ours(history, Path(out)))
        command = runs[_COMMAND] = measure_and_print(_COMMAND, lambda: _export(history, Path(out)))
        largest = _largest_difference(_features_of_duckdb(folder), Path(out), benchmark_catalogue())
    runs[_POLARS] = measure_and_print(_POLARS, lambda: polars_features(features, folder=history, as_of=AS_OF))
    runs[_PANDAS] = measure_and_print(
        _PANDAS, lambda: pandas_features(features, folder=history, as_of=AS_OF, share=10)
    )
    duckdb_run = runs[_DUCKDB]
    lines = [
        f"Ours / DuckDB: {ours.seconds / duckdb_run.seconds:.2f} of the wall time (target 0.4), "
        f"{ours.processor_seconds / duckdb_run.processor_seconds:.2f} of the processor time.",
        f"The command, deriving its features first / DuckDB: {command.seconds / duckdb_run.seconds:.2f} of "
        f"the wall time (target 0.4), {command.processor_seconds / duckdb_run.processor_seconds:.2f} of the "
        "processor time.",
        f"Largest relative difference of any value: {largest:.1e}.",
    ]
    for line in lines:
        print_line(line)
    write_section(
        f"{len(features)} features of {leads_count:,} leads",
        [machine(), "", *measurements_table(runs), "", *lines],
    )


def run_duckdb(history: Path, folder: Path) -> Measurement:
    """Computes the features by DuckDB, with two threads, into a table of a database file."""
    sql = sql_of_features(benchmark_catalogue().features, folder=str(history), as_of=AS_OF)
    path = folder / "features.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path, config={"threads": 2}) as connection:
        return measure_and_print(_DUCKDB, lambda: connection.execute(f"create table f as {sql}"))


def _compute_ours(history: Path, out: Path) -> int:
    return engine_features(benchmark_catalogue(), folder=history, as_of=AS_OF, workers=cores_count(), out=out)


def _export(history: Path, out: Path) -> int:
    return export_features(history, as_of=AS_OF, out=out / "features.parquet").leads_count


def _features_of_duckdb(folder: Path) -> dict[str, Any]:
    """Reads what DuckDB computed, in the order of the ids."""
    with duckdb.connect(folder / "features.duckdb", read_only=True) as connection:
        return connection.sql("from f order by lead_id").to_arrow_table()


def _largest_difference(duckdb_table: Any, out: Path, feature_set: FeatureSet) -> float:
    """Finds the largest relative difference of any value."""
    ids = np.concatenate([np.load(path) for path in sorted(out.glob("ids-*.npy"))])
    order = np.argsort(ids)
    if ids[order].tolist() != duckdb_table["lead_id"].to_pylist():
        raise ValueError("not the same leads")
    matrices = [np.load(path, mmap_mode="r") for path in sorted(out.glob("matrix-*.npy"))]
    largest = 0.0
    for place, feature in enumerate(feature_set.features):
        if feature.type != "category":
            ours = np.concatenate([matrix[place] for matrix in matrices])[order]
            largest = max(largest, _difference(feature.name, ours, duckdb_table[feature.name]))
    return largest


def _difference(name: str, ours: Floats, duckdb_column: Any) -> float:
    other = duckdb_column.cast("float64").fill_null(np.nan).to_numpy()
    if (np.isnan(ours) != np.isnan(other)).any():
        raise ValueError(f"{name} is missing for other leads")
    known = ~np.isnan(ours)
    size = np.maximum(np.abs(other[known]), 1.0)
    largest = float((np.abs(ours[known] - other[known]) / size).max(initial=0.0))
    if largest > _CLOSE_ENOUGH:
        raise ValueError(f"{name} differs by {largest}")
    return largest
