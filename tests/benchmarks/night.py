"""The race for features, and the night with its growth: `python -m tests.benchmarks.night features|night`."""

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
from features.engine.engine import Examples, compile_plan, compute_features
from models.bundle.bundle import write_bundle
from models.home.home import Home
from serving.batch.run import score_history
from tests.benchmarks.catalogue import benchmark_catalogue
from tests.benchmarks.company import AS_OF
from tests.benchmarks.measuring import Measured, figures, measure, tell, told
from tests.benchmarks.model import benchmark_bundle
from tests.benchmarks.race import race, run_duckdb
from tests.benchmarks.sections import machine, write_section

# Beside the size that is asked for: the night at a tenth of it, and at three times.
_SMALLER: Final = 10
_LARGER: Final = 3
# The larger night is left out where it would take the whole beyond a quarter of an hour.
_SLOW_SECONDS: Final = 150.0
# Of history, partitions, scores and what is published, per lead.
_BYTES_PER_LEAD: Final = 5_000


def main() -> None:
    """Runs what is asked for, prints the figures and writes them down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["features", "night"])
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    tell(machine())
    if asked.what == "features":
        race(company(asked.folder, asked.leads), asked.folder, leads_count=asked.leads)
    else:
        run_nights(asked.folder, leads_count=asked.leads)


def company(folder: Path, leads_count: int) -> Path:
    """Makes the history up, once, in a process of its own: what it takes must not count as memory of ours."""
    made = folder / f"company-{leads_count}"
    subprocess.run([sys.executable, "-m", "tests.benchmarks.company", made, str(leads_count)], check=True)
    return made


def run_nights(folder: Path, *, leads_count: int) -> None:
    """The night at a tenth of a size, at the size and at three times of it, and DuckDB's features."""
    small, large = leads_count // _SMALLER, leads_count * _LARGER
    nights = {count: run_night(folder, count) for count in (small, leads_count)}
    lines = []
    if fault := _too_much(folder, large, seconds=nights[leads_count].seconds):
        lines.append(f"{large:,} leads were left out: {fault}.")
    else:
        nights[large] = run_night(folder, large)
    # Last, so that its memory does not count as that of the nights.
    duck = run_duckdb(company(folder, leads_count), folder)
    lines.insert(0, _share_of(duck, nights[leads_count]))
    lines += [
        _growth(one, other, nights[one].seconds, nights[other].seconds) for one, other in pairwise(nights)
    ]
    for line in lines:
        tell(line)
    runs = {f"{leads_count:,} leads: DuckDB's features": duck}
    runs |= {f"{count:,} leads: the night": one for count, one in nights.items()}
    # A list, so that each sentence has a line of its own.
    lines = [f"- {line}" for line in lines]
    write_section(f"The night of {leads_count:,} leads", [machine(), "", *figures(runs), "", *lines])


def run_night(folder: Path, leads_count: int) -> Measured:
    """The whole night: Parquet to Parquet, three reasons a lead."""
    history, home = company(folder, leads_count), bench_home(folder)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        work = lambda: score_history(  # noqa: E731 - one call, measured
            history, home=home, out=Path(out) / "scores", scored_at=AS_OF, as_of=AS_OF
        )
        return told(f"the night of {leads_count:,} leads", measure(work))


def bench_home(folder: Path) -> Path:
    """A home with the model of the benchmarks."""
    home = Home(folder / "home")
    if not home.has_bundle("1"):
        small = read_history(company(folder, 20_000)).history
        examples = Examples(np.arange(5_000), np.full(5_000, AS_OF))
        matrix = compute_features(compile_plan(benchmark_catalogue()), small, examples)
        write_bundle(home.bundle_folder("1"), benchmark_bundle(benchmark_catalogue(), matrix))
        home.swap_champion("1")
    return home.path


def _share_of(duck: Measured, night: Measured) -> str:
    return (
        f"The night / DuckDB's features: {night.seconds / duck.seconds:.2f} of the wall time (reach 0.8), "
        f"{night.busy_seconds / duck.busy_seconds:.2f} of the processor seconds."
    )


def _growth(smaller: int, larger: int, before: float, after: float) -> str:
    ratio = after / before / (larger / smaller)
    return f"{smaller:,} to {larger:,} leads: time grows {ratio:.2f} times as fast (reach 1.1)."


def _too_much(folder: Path, leads_count: int, *, seconds: float) -> str:
    """Tells why a night is not run; nothing where it is."""
    if seconds > _SLOW_SECONDS:
        return f"the smaller night took {seconds:.0f} s"
    free = shutil.disk_usage(folder).free
    needed = leads_count * _BYTES_PER_LEAD
    return "" if free > needed else f"{free / 2**30:.0f} GiB are free, {needed / 2**30:.0f} needed"


if __name__ == "__main__":
    main()
