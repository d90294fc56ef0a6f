"""Measures seconds, processor seconds and memory of a piece of work."""

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
class Measurement:
    """What a piece of work took.

    Attributes:
        seconds: of wall time.
        processor_seconds: of this process and its children; more comparable where other work runs too.
        peak_mib: largest memory of this process and its children together, shared pages counted once.
    """

    seconds: float
    processor_seconds: float
    peak_mib: float


def measure(work: Callable[[], Any]) -> Measurement:
    """Runs a piece of work and samples the memory meanwhile."""
    peak, stop = [0.0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.1):
            peak[0] = max(peak[0], _memory_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started, processor_started = time.perf_counter(), _processor_seconds()
    try:
        work()
        seconds = time.perf_counter() - started
        processor_seconds = _processor_seconds() - processor_started
    finally:
        stop.set()
        watcher.join()
    return Measurement(seconds, processor_seconds, peak[0])


def print_line(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def measure_and_print(name: str, work: Callable[[], Any]) -> Measurement:
    """Measures a piece of work and prints its figures on one line."""
    run = measure(work)
    print_line(
        f"{name:38}{run.seconds:8.1f} s wall {run.processor_seconds:8.1f} s processor {run.peak_mib:6.0f} MiB"
    )
    return run


def measurements_table(runs: Mapping[str, Measurement]) -> list[str]:
    """Writes a Markdown table of measurements by name."""
    rows = [
        (name, f"{run.seconds:.1f} s", f"{run.processor_seconds:.1f} s", f"{run.peak_mib:,.0f} MiB")
        for name, run in runs.items()
    ]
    return table(("", "wall time", "processor time", "memory"), rows)


def _memory_mib() -> float:
    return _sum_over_processes(lambda process: process.memory_full_info().pss) / 2**20


def _processor_seconds() -> float:
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
