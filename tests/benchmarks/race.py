"""The same features by four engines, in one run, and every value of every lead compared."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from features.catalog.spec import FeatureSet
from features.history.lead_history import Floats
from features.partitions.pool import cores_count
from tests.benchmarks.catalogue import benchmark_catalogue
from tests.benchmarks.company import AS_OF
from tests.benchmarks.measuring import Measured, figures, measure, tell, told
from tests.benchmarks.ours import our_features
from tests.benchmarks.rivals import pandas_features, polars_features
from tests.benchmarks.sections import machine, write_section
from tests.benchmarks.sql_features import sql_of_features

_CLOSE_ENOUGH = 1e-9


def race(history: Path, folder: Path, *, leads_count: int) -> None:
    """Runs all four, tells what each took, and writes it down.

    Args:
        history: of the leads.
        folder: where files go meanwhile.
        leads_count: for the title.
    """
    features = benchmark_catalogue().features
    runs = {"DuckDB, one query, two threads": run_duckdb(history, folder)}
    with tempfile.TemporaryDirectory(dir=folder) as out:
        ours = told("ours, a process a core", measure(lambda: _compute_ours(history, Path(out))))
        worst = _compare(_features_of_duckdb(folder), Path(out), benchmark_catalogue())
    runs["ours, a process a core"] = ours
    runs["Polars, one lazy query, streaming"] = told(
        "Polars, one lazy query, streaming",
        measure(lambda: polars_features(features, folder=history, as_of=AS_OF).height),
    )
    runs["pandas, a tenth of the leads"] = told(
        "pandas, a tenth of the leads",
        measure(lambda: len(pandas_features(features, folder=history, as_of=AS_OF, share=10))),
    )
    duck = runs["DuckDB, one query, two threads"]
    lines = [
        f"Ours / DuckDB: {ours.seconds / duck.seconds:.2f} of the wall time (reach 0.4), "
        f"{ours.busy_seconds / duck.busy_seconds:.2f} of the processor seconds.",
        f"Largest relative difference of any value: {worst:.1e}.",
    ]
    for line in lines:
        tell(line)
    write_section(
        f"{len(features)} features of {leads_count:,} leads", [machine(), "", *figures(runs), "", *lines]
    )


def run_duckdb(history: Path, folder: Path) -> Measured:
    """DuckDB's features, with two threads, into a table of a database file."""
    sql = sql_of_features(benchmark_catalogue().features, folder=str(history), as_of=AS_OF)
    path = folder / "features.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path, config={"threads": 2}) as connection:
        return told("DuckDB, one query", measure(lambda: connection.execute(f"create table f as {sql}")))


def _compute_ours(history: Path, out: Path) -> int:
    return our_features(benchmark_catalogue(), folder=history, as_of=AS_OF, workers=cores_count(), out=out)


def _features_of_duckdb(folder: Path) -> dict[str, Any]:
    """Reads what DuckDB computed, in the order of the ids."""
    with duckdb.connect(folder / "features.duckdb", read_only=True) as connection:
        return connection.sql("from f order by lead_id").to_arrow_table()


def _compare(duck: Any, out: Path, feature_set: FeatureSet) -> float:
    """Finds the largest relative difference of any value."""
    ids = np.concatenate([np.load(path) for path in sorted(out.glob("ids-*.npy"))])
    order = np.argsort(ids)
    if ids[order].tolist() != duck["lead_id"].to_pylist():
        raise ValueError("not the same leads")
    matrices = [np.load(path, mmap_mode="r") for path in sorted(out.glob("matrix-*.npy"))]
    worst = 0.0
    for place, feature in enumerate(feature_set.features):
        if feature.type != "category":
            mine = np.concatenate([matrix[place] for matrix in matrices])[order]
            worst = max(worst, _difference(feature.name, mine, duck[feature.name]))
    return worst


def _difference(name: str, mine: Floats, theirs: Any) -> float:
    other = theirs.cast("float64").fill_null(np.nan).to_numpy()
    if (np.isnan(mine) != np.isnan(other)).any():
        raise ValueError(f"{name} is missing for other leads")
    known = ~np.isnan(mine)
    size = np.maximum(np.abs(other[known]), 1.0)
    largest = float((np.abs(mine[known] - other[known]) / size).max(initial=0.0))
    if largest > _CLOSE_ENOUGH:
        raise ValueError(f"{name} differs by {largest}")
    return largest
