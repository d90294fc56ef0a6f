"""Measures `leadodds load` into PostgreSQL: `python -m tests.benchmarks.load_postgresql`.

Processor time of our processes and of the server are told apart: both work at once, each on its own core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil
import pyarrow.parquet as pq
import sqlalchemy as sa

from features.sources.connections import open_engine
from serving.clock import SteadyClock
from serving.loading.load import load_history
from tests.benchmarks.measurement import print_line
from tests.benchmarks.night import company
from tests.benchmarks.sections import machine
from tests.support.stores import new_database, running_postgresql

_UNTIL_COUNTED: Final = 2.0


def main() -> None:
    """Runs the benchmark and prints its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print_line(machine())
    history = company(options.folder, options.leads)
    rows = pq.ParquetFile(history / "interactions.parquet").metadata.num_rows
    with tempfile.TemporaryDirectory() as folder, running_postgresql() as server:
        database = new_database(server, Path(folder))
        postmaster, ours = _postmaster(database), psutil.Process()
        before = _seconds(postmaster), _seconds(ours)
        load_history(str(history), database=database, home=Path(folder), clock=SteadyClock())
        # The server counts a process some time after its connection ended.
        time.sleep(_UNTIL_COUNTED)
        of_server, of_ours = _seconds(postmaster) - before[0], _seconds(ours) - before[1]
    for name, seconds in (("PostgreSQL", of_server), ("our processes", of_ours)):
        print_line(
            f"- {name}: {seconds:,.1f} s, {rows / seconds:,.0f} interactions in a second of processor time"
        )


def _postmaster(database: str) -> psutil.Process:
    """Finds the process whose children serve the connections."""
    engine = open_engine(database)
    with engine.connect() as connection:
        own = psutil.Process(connection.scalar(sa.text("SELECT pg_backend_pid()")))
        parent = own.parent()
    engine.dispose()
    return parent or own


def _seconds(process: psutil.Process) -> float:
    """Sums the processor time of a process and of its children, those that ended among them."""
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main()
