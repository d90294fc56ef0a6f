"""Runs tasks side by side in processes of their own, each with one thread."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

from features.errors import LeadOddsError

Made = TypeVar("Made")


class ProcessLostError(LeadOddsError):
    """A process that was ended from outside, nearly always because memory ran out."""

    def __init__(self, *, workers: int) -> None:
        super().__init__(
            f"One of {workers} processes was ended by the system, probably because memory ran out. "
            "Give it more memory or fewer processes (--workers), and run again; "
            "what is finished is kept with --resume."
        )


def cores_count() -> int:
    """Counts the processor cores that this process may use."""
    import joblib

    return int(joblib.cpu_count())


def run_tasks(
    function: Callable[..., Made],
    tasks: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    guard: Path | None = None,
) -> Iterator[Made]:
    """Calls a function for each task, in as many processes as there are workers.

    With one worker everything happens in this process. What is made never depends on their number.

    Args:
        function: of a module, so that a process finds it.
        tasks: arguments of each call.
        workers: processes at most.
        guard: a folder that tasks write to; see `wait_for_orphans`.

    Yields:
        What each call gives, in the order of the tasks.

    Raises:
        ProcessLostError: the system ended a process.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from (function(*task) for task in tasks)
        return
    # Imported where it is needed: a server that answers requests starts no processes.
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", max_nbytes=None)
        try:
            yield from pool(joblib.delayed(_call)(function, task, os.getpid(), guard) for task in tasks)
        except TerminatedWorkerError:
            raise ProcessLostError(workers=workers) from None


def wait_for_orphans(guard: Path) -> None:
    """Waits until no process of a job that was killed writes to a folder any more.

    A process outlives the job that started it by the task it is at; it begins no other.
    """
    if guard.is_dir():
        with _locked(guard, fcntl.LOCK_EX):
            pass


def _call(function: Callable[..., Made], task: tuple[Any, ...], parent: int, guard: Path | None) -> Made:
    _begin()
    try:
        with _locked(guard, fcntl.LOCK_SH) if guard else nullcontext():
            if os.getppid() != parent:
                os._exit(1)
            return function(*task)
    finally:
        # Else every process would keep the memory of its largest task.
        pa.default_memory_pool().release_unused()


@cache
def _begin() -> None:
    """Prepares a process: one thread, and no pandas.

    Arrow looks for pandas at its first conversion of an array, and goes without where it is not there; to
    import it takes longer than all else that a process begins with.
    """
    pa.set_cpu_count(1)
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Finds no pandas, wherever others would."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Is asked for a module that is imported."""
        if name == "pandas":
            raise ModuleNotFoundError(name)


@contextmanager
def _locked(folder: Path, kind: int) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, kind)
        yield
    finally:
        os.close(handle)
