"""Times `leadodds load` into SQLite, killed three times on its way: `python -m tests.benchmarks.load`.

The same history is also loaded at once: both databases then hold the same rows, to the byte.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow.parquet as pq

from serving.loading.prepared import BATCH_ROWS
from tests.benchmarks.measurement import print_line
from tests.benchmarks.night import benchmark_home, company
from tests.benchmarks.sections import machine, write_section
from tests.serving.loading.killed_loads import digest_of, kill_at, load_process

_KILLED_AT: Final = (0.2, 0.5, 0.8)


def main() -> None:
    """Runs the benchmark, prints its figures and writes its section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    parser.add_argument("--once", action="store_true", help="does not load the history a second time")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print_line(machine())
    history, home = company(options.folder, options.leads), benchmark_home(options.folder)
    rows = pq.ParquetFile(history / "interactions.parquet").metadata.num_rows
    killed, whole = (_empty(options.folder / name) for name in ("killed.db", "whole.db"))
    began = time.monotonic()
    for share in _KILLED_AT:
        process = load_process(history, killed, home, batch_rows=BATCH_ROWS)
        print_line(f"killed with {kill_at(process, killed, round(share * options.leads)):,} leads stored")
    told = _finish(history, killed, home)
    lines = [f"- {options.leads:,} leads, {rows:,} interactions; stored: {told['stored']}"]
    lines.append(_speed("killed three times", time.monotonic() - began - _after(told), rows))
    lines.append(f"- then all leads scored in {_rescoring(told):,.1f} s")
    for line in lines:
        print_line(line)
    if not options.once:
        alone = _finish(history, whole, home)
        lines.append(_speed("at once", sum(alone["seconds"].values()) - _after(alone), rows))
        lines.append(f"- then all leads scored in {_rescoring(alone):,.1f} s")
        lines.append(f"- processor time of loading and scoring at once: {alone['processor_seconds']:,.0f} s")
        for line in lines[-3:]:
            print_line(line)
        is_same = digest_of(killed) == digest_of(whole)
        lines.append(f"- the same bytes as when loaded at once: {'yes' if is_same else 'NO'}")
        print_line(lines[-1])
    write_section(f"Loading {options.leads:,} leads", [machine(), "", *lines])


def _speed(name: str, seconds: float, rows: int) -> str:
    return f"- {name}: {seconds:,.1f} s, {rows / seconds:,.0f} interactions a second"


def _rescoring(told: Mapping[str, Any]) -> float:
    """Seconds in which a loading scored the leads; those that it was killed before count as loading."""
    return float(told["seconds"].get("rescore", 0.0))


def _after(told: Mapping[str, Any]) -> float:
    """Seconds from the last row of the history to the end of a loading."""
    return _rescoring(told) + float(told["seconds"].get("keep", 0.0))


def _empty(database: Path) -> Path:
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.rmtree(database.parent / "home" / "jobs", ignore_errors=True)
    return database.absolute()


def _finish(history: Path, database: Path, home: Path) -> dict[str, Any]:
    """Runs a loading to its end; gives what it prints, and the processor time of its processes."""
    process = load_process(history, database, home, batch_rows=BATCH_ROWS)
    seconds: dict[int, float] = {}
    while process.poll() is None:
        for one in _family(process.pid):
            try:
                seconds[one.pid] = sum(one.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.2)
    told: dict[str, Any] = json.loads(process.communicate()[0])
    return {**told, "processor_seconds": sum(seconds.values())}


def _family(process_id: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(process_id)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


if __name__ == "__main__":
    main()
