"""Runs tasks in parallel in processes of one thread each."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa

from features.errors import LeadOddsError

Result = TypeVar("Result")

# How often a process looks whether its parent is still there.
_PARENT_SECONDS: Final = 1.0
# Of 20: how far the processes stand back behind the one that takes their results, and behind a server.
_NICENESS: Final = 3


class ProcessLostError(LeadOddsError):
    """The system ended a process, nearly always because memory ran out."""

    def __init__(self, *, workers: int) -> None:
        super().__init__(
            f"One of {workers} processes was ended by the system, probably because memory ran out. "
            "Give it more memory or fewer processes (--workers), and run again; "
            "what is finished is kept with --resume."
        )


def cores_count() -> int:
    """Counts the processor cores available to this process."""
    import joblib

    return int(joblib.cpu_count())


def run_tasks(
    function: Callable[..., Result],
    tasks: Sequence[tuple[Any, ...]],
    *,
    workers: int,
    guard: Path | None = None,
) -> Iterator[Result]:
    """Calls a function for each task, in up to `workers` processes.

    With one worker all calls run in this process. The results never depend on the number of workers.

    Args:
        function: function of a module: a process imports it by name.
        tasks: arguments of each call.
        workers: number of processes at most.
        guard: folder that the tasks write to, locked while they run; see `wait_for_orphans`.

    Yields:
        The result of each call, in the order of the tasks.

    Raises:
        ProcessLostError: the system ended a process.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        yield from (function(*task) for task in tasks)
        return
    # Imported here: a server that answers requests starts no processes.
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with worker_processes():
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", max_nbytes=None)
        try:
            yield from pool(joblib.delayed(_call)(function, task, os.getpid(), guard) for task in tasks)
        except TerminatedWorkerError:
            raise ProcessLostError(workers=workers) from None


def wait_for_orphans(guard: Path) -> None:
    """Waits until no process of a killed job writes to a folder any more.

    Such a process finishes the task it is working on and starts no other.
    """
    if guard.is_dir():
        with _locked(guard, fcntl.LOCK_EX):
            pass


@contextmanager
def worker_processes() -> Iterator[None]:
    """Lets joblib start processes of one thread each, which end with this one.

    They look after it from their start on: one that waits for its first task would wait for minutes, with all
    its memory, and hold up the others.
    """
    import joblib

    with joblib.parallel_config(
        backend="loky", inner_max_num_threads=1, initializer=_end_with_parent, initargs=(os.getpid(),)
    ):
        yield


def _end_with_parent(parent: int) -> None:
    """Ends this process soon after its parent has ended, whatever it is doing."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def _call(function: Callable[..., Result], task: tuple[Any, ...], parent: int, guard: Path | None) -> Result:
    _prepare_process()
    try:
        with _locked(guard, fcntl.LOCK_SH) if guard else nullcontext():
            if os.getppid() != parent:
                os._exit(1)
            return function(*task)
    finally:
        # Otherwise every process keeps the memory of its largest task.
        pa.default_memory_pool().release_unused()


@cache
def _prepare_process() -> None:
    """Prepares a process: one thread, no pandas, and others go first.

    Where there are more processes than cores, the one that writes the results would else be the last.

    Arrow imports pandas at its first conversion of an array, and works without where it is not installed;
    importing it takes longer than all other steps of starting a process.
    """
    pa.set_cpu_count(1)
    os.nice(_NICENESS)
    if "pandas" in sys.modules:
        return
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)


class _NoPandas:
    """Import hook that finds no pandas."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Refuses pandas; leaves other modules to other hooks."""
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
