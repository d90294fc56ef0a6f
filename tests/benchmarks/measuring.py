"""Seconds, processor seconds and memory of some work."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import psutil

from tests.benchmarks.sections import table


@dataclass(frozen=True, slots=True)
class Measured:
    """What some work took.

    Attributes:
        seconds: on the wall.
        busy_seconds: of processors, of this process and its children; tells more where others work too.
        peak_mib: largest memory of this process and its children together, shared pages counted once.
        made: what it gave.
    """

    seconds: float
    busy_seconds: float
    peak_mib: float
    made: Any


def measure(work: Callable[[], Any]) -> Measured:
    """Does some work and watches the memory meanwhile."""
    peak, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            peak[0] = max(peak[0], _memory_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun, busy = time.perf_counter(), _busy_seconds()
    try:
        made = work()
        seconds, busy = time.perf_counter() - begun, _busy_seconds() - busy
    finally:
        stop.set()
        watcher.join()
    return Measured(seconds, busy, peak[0], made)


def tell(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def told(name: str, measured: Measured) -> Measured:
    """Prints one line of figures."""
    tell(
        f"{name:38}{measured.seconds:8.1f} s {measured.busy_seconds:8.1f} s busy {measured.peak_mib:6.0f} MiB"
    )
    return measured


def figures(runs: Mapping[str, Measured]) -> list[str]:
    """Writes a table of figures."""
    rows = [
        (name, f"{one.seconds:.1f} s", f"{one.busy_seconds:.1f} s", f"{one.peak_mib:,.0f} MiB")
        for name, one in runs.items()
    ]
    return table(("", "wall", "busy", "memory"), rows)


def _memory_mib() -> float:
    return _sum_over_processes(lambda process: process.memory_full_info().pss) / 2**20


def _busy_seconds() -> float:
    return _sum_over_processes(lambda process: sum(process.cpu_times()[:2]))


def _sum_over_processes(figure: Callable[[psutil.Process], float]) -> float:
    own = psutil.Process()
    total = 0.0
    for process in (own, *own.children(recursive=True)):
        try:
            total += figure(process)
        except psutil.Error:
            continue
    return total
