"""The race for features, and the night: `python -m tests.benchmarks.night features|night|growth`."""

from __future__ import annotations

import argparse
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from features.columns import Floats
from features.engine import Examples, compile_plan, compute_features
from features.pool import cores_count
from features.spec import FeatureSet
from models.bundle import write_bundle
from models.store import Home
from serving.batch import score_history
from tests.benchmarks.catalogue import benchmark_catalogue
from tests.benchmarks.company import AS_OF, make_company
from tests.benchmarks.measuring import Measured, machine, measure, tell
from tests.benchmarks.model import benchmark_bundle
from tests.benchmarks.ours import our_features
from tests.benchmarks.rivals import pandas_features, polars_features
from tests.benchmarks.sql_features import sql_of_features

_GROWTH = (100_000, 1_000_000, 3_000_000)
_CLOSE_ENOUGH = 1e-9


def main() -> None:
    """Runs what is asked for and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["features", "night", "growth"])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    tell(machine())
    if asked.what == "growth":
        run_growth(asked.folder)
        return
    history = company(asked.folder, asked.leads)
    duck = race(history, asked.folder) if asked.what == "features" else run_duckdb(history, asked.folder)
    if asked.what == "night":
        night = run_night(history, asked.folder)
        tell(f"the night / DuckDB's features         {night.seconds / duck.seconds:10.2f}   (reach 0.8)")


def company(folder: Path, leads_count: int) -> Path:
    """Makes the history up, once."""
    return make_company(folder / f"company-{leads_count}", leads_count=leads_count)


def race(history: Path, folder: Path) -> Measured:
    """The same features by four engines, and their values compared."""
    features = benchmark_catalogue().features
    with tempfile.TemporaryDirectory(dir=folder) as out:
        duck = run_duckdb(history, folder)
        ours = told("ours", measure(lambda: compute_ours(history, Path(out))))
        compare(features_of_duckdb(folder), Path(out), benchmark_catalogue())
    told(
        "Polars, one lazy query, streaming",
        measure(lambda: polars_features(features, folder=history, as_of=AS_OF).height),
    )
    tenth = measure(lambda: len(pandas_features(features, folder=history, as_of=AS_OF, share=10)))
    told("pandas, a tenth of the leads", tenth)
    tell(f"ours / DuckDB                         {ours.seconds / duck.seconds:10.2f}   (reach 0.4)")
    return duck


def compute_ours(history: Path, out: Path) -> int:
    """Our features, in as many processes as there are cores."""
    return our_features(benchmark_catalogue(), folder=history, as_of=AS_OF, workers=cores_count(), out=out)


def run_duckdb(history: Path, folder: Path) -> Measured:
    """DuckDB's features, with two threads, into a table of a database file."""
    sql = sql_of_features(benchmark_catalogue().features, folder=str(history), as_of=AS_OF)
    path = folder / "features.duckdb"
    path.unlink(missing_ok=True)
    with duckdb.connect(path, config={"threads": 2}) as connection:
        return told("DuckDB, one query", measure(lambda: connection.execute(f"create table f as {sql}")))


def features_of_duckdb(folder: Path) -> dict[str, Any]:
    """Reads what DuckDB computed, in the order of the ids."""
    with duckdb.connect(folder / "features.duckdb", read_only=True) as connection:
        return connection.sql("from f order by lead_id").to_arrow_table()


def run_night(history: Path, folder: Path) -> Measured:
    """The whole night: Parquet to Parquet, three reasons a lead."""
    home = bench_home(history, folder)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        work = lambda: score_history(  # noqa: E731 - one call, measured
            history, home=home, out=Path(out) / "scores", scored_at=AS_OF, as_of=AS_OF
        )
        return told("the night, Parquet to Parquet, reasons", measure(work))


def bench_home(history: Path, folder: Path) -> Path:
    """A home with the model of the benchmarks."""
    home = Home(folder / "home")
    if not home.has_bundle("1"):
        from features.history import read_history

        small = read_history(company(folder, 20_000)).history
        examples = Examples(np.arange(5_000), np.full(5_000, AS_OF))
        matrix = compute_features(compile_plan(benchmark_catalogue()), small, examples)
        write_bundle(home.bundle_folder("1"), benchmark_bundle(benchmark_catalogue(), matrix))
        home.swap_champion("1")
    return home.path


def run_growth(folder: Path) -> None:
    """The night at three sizes."""
    seconds = {count: run_night(company(folder, count), folder).seconds for count in _GROWTH}
    for smaller, larger in pairwise(_GROWTH):
        ratio = seconds[larger] / seconds[smaller] / (larger / smaller)
        tell(f"{smaller:,} to {larger:,} leads: time grows {ratio:.2f} times as fast   (reach 1.1)")


def compare(duck: Any, out: Path, feature_set: FeatureSet) -> None:
    """Compares every value of every lead with DuckDB's."""
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
    tell(f"largest relative difference to DuckDB {worst:10.1e}")


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


def told(name: str, measured: Measured) -> Measured:
    """Prints one line of figures."""
    tell(
        f"{name:38}{measured.seconds:8.1f} s {measured.busy_seconds:8.1f} s busy {measured.peak_mib:6.0f} MiB"
    )
    return measured


if __name__ == "__main__":
    main()
