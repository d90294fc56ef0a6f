"""Compares engines and times the nightly batch: `python -m tests.benchmarks.night features|night|zipf`.

`zipf` is the night of leads of which a few have most of the interactions, beside DuckDB's features of them.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from features.checks.checked_history import read_history
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from models.bundle.bundle import write_bundle
from models.home.home import Home
from serving.batch.run import score_history
from tests.benchmarks.catalogue import benchmark_catalogue
from tests.benchmarks.company import AS_OF, Spread
from tests.benchmarks.engine_comparison import compare_engines, run_duckdb
from tests.benchmarks.measurement import Measurement, measure_and_print, measurements_table, print_line
from tests.benchmarks.model import benchmark_bundle
from tests.benchmarks.sections import machine, write_section

# Beside the size named on the command line: the night at a tenth of it, and at three times.
_SMALLER: Final = 10
_LARGER: Final = 3
# The larger night is left out where it would take the whole beyond a quarter of an hour.
_SLOW_SECONDS: Final = 150.0
# Of history, partitions, scores and what is published, per lead.
_BYTES_PER_LEAD: Final = 5_000


def main() -> None:
    """Runs a benchmark, prints its figures and writes its section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("benchmark", choices=["features", "night", "zipf"])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    options = parser.parse_args()
    folder, leads_count = options.folder, options.leads
    folder.mkdir(parents=True, exist_ok=True)
    print_line(machine())
    if options.benchmark == "features":
        compare_engines(company(folder, leads_count), folder, leads_count=leads_count)
    elif options.benchmark == "zipf":
        run_zipf_night(folder, leads_count=leads_count)
    else:
        run_nights(folder, leads_count=leads_count)


def company(folder: Path, leads_count: int, spread: Spread = "gamma") -> Path:
    """Simulates the history once, in a process of its own, so that its memory does not count as ours."""
    history = folder / f"company-{leads_count}{'' if spread == 'gamma' else f'-{spread}'}"
    command = [sys.executable, "-m", "tests.benchmarks.company", history, str(leads_count), spread]
    subprocess.run(command, check=True)
    return history


def run_nights(folder: Path, *, leads_count: int) -> None:
    """Times the night at a tenth of a size, at the size and at three times of it, and DuckDB's features."""
    small, large = leads_count // _SMALLER, leads_count * _LARGER
    nights = {count: run_night(folder, count) for count in (small, leads_count)}
    lines = []
    if reason := _reason_to_skip(folder, large, seconds=nights[leads_count].seconds):
        lines.append(f"{large:,} leads were left out: {reason}.")
    else:
        nights[large] = run_night(folder, large)
    # Last, so that its memory does not count as that of the nights.
    duckdb_run = run_duckdb(company(folder, leads_count), folder)
    lines.insert(0, _share_of(duckdb_run, nights[leads_count]))
    lines += [
        _growth(smaller, larger, nights[smaller].seconds, nights[larger].seconds)
        for smaller, larger in pairwise(nights)
    ]
    for line in lines:
        print_line(line)
    runs = {f"{leads_count:,} leads: DuckDB's features": duckdb_run}
    runs |= {f"{count:,} leads: the night": night for count, night in nights.items()}
    # A list, so that each sentence has a line of its own.
    lines = [f"- {line}" for line in lines]
    title = f"The night of {leads_count:,} leads"
    write_section(title, [machine(), "", *measurements_table(runs), "", *lines])


def run_zipf_night(folder: Path, *, leads_count: int) -> None:
    """Times the night where a few leads have most of the interactions, and DuckDB's features of the same."""
    night = run_night(folder, leads_count, "zipf")
    duckdb_run = run_duckdb(company(folder, leads_count, "zipf"), folder)
    line = _share_of(duckdb_run, night, target=0.5)
    print_line(line)
    runs = {"DuckDB's features": duckdb_run, "the night": night}
    title = f"The night of {leads_count:,} leads, their interactions by the law of Zipf"
    write_section(title, [machine(), "", *measurements_table(runs), "", line])


def run_night(folder: Path, leads_count: int, spread: Spread = "gamma") -> Measurement:
    """Times the whole night: Parquet to Parquet, three reasons per lead."""
    history, home = company(folder, leads_count, spread), benchmark_home(folder)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        scores = Path(out) / "scores"
        return measure_and_print(
            f"the night of {leads_count:,} leads",
            lambda: score_history(history, home=home, out=scores, scored_at=AS_OF, as_of=AS_OF),
        )


def benchmark_home(folder: Path) -> Path:
    """Makes a home with the model of the benchmarks, unless it is there."""
    home = Home(folder / "home")
    if not home.has_bundle("1"):
        small = read_history(company(folder, 20_000)).history
        examples = Examples(np.arange(5_000), np.full(5_000, AS_OF))
        matrix = compute_features(compile_plan(benchmark_catalogue()), small, examples)
        write_bundle(home.bundle_folder("1"), benchmark_bundle(benchmark_catalogue(), matrix))
        home.swap_champion("1")
    return home.path


def _share_of(duckdb_run: Measurement, night: Measurement, *, target: float = 0.8) -> str:
    wall = night.seconds / duckdb_run.seconds
    processor = night.processor_seconds / duckdb_run.processor_seconds
    return (
        f"The night / DuckDB's features: {wall:.2f} of the wall time (target {target}), "
        f"{processor:.2f} of the processor time."
    )


def _growth(smaller: int, larger: int, before: float, after: float) -> str:
    ratio = after / before / (larger / smaller)
    return f"{smaller:,} to {larger:,} leads: time grows {ratio:.2f} times as fast (target 1.1)."


def _reason_to_skip(folder: Path, leads_count: int, *, seconds: float) -> str:
    """Says why a night is skipped; empty where it is run."""
    if seconds > _SLOW_SECONDS:
        return f"the smaller night took {seconds:.0f} s"
    free = shutil.disk_usage(folder).free
    needed = leads_count * _BYTES_PER_LEAD
    return "" if free > needed else f"{free / 2**30:.0f} GiB are free, {needed / 2**30:.0f} needed"


if __name__ == "__main__":
    main()
