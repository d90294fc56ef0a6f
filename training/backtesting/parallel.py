"""Jobs of a training, side by side in worker processes, each with one thread: their number changes no bit."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from features.partitions.pool import worker_processes
from features.progress import Progress
from training.backtesting.checkpoint import ResumableError, current_checkpoint, keep, take

# Larger arrays are shared between processes instead of copied.
_SHARED_ABOVE: Final = "1M"

Job = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
# A job, and the file that its outcome is kept in.
Task = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], Path | None]


class WorkerLostError(ResumableError):
    """A worker process that was ended from outside, nearly always because memory ran out."""

    def __init__(self, *, workers: int) -> None:
        super().__init__(
            f"One of {workers} processes that fit was ended by the system, probably because memory ran out. "
            "Set workers = 1 in the configuration or give it more memory, and run again with --resume, which "
            "takes what is finished; or set a smaller max_examples."
        )


@contextmanager
def warm_workers(modules: Sequence[str], *, workers: int) -> Iterator[None]:
    """Starts the worker processes while this one does something else, such as reading the history.

    Each loads some modules, which takes longer than its first job.

    Args:
        modules: that the jobs need.
        workers: number of processes; one is this process itself.
    """
    if workers == 1:
        yield
        return
    with worker_processes():
        loading = _pool(workers)(joblib.delayed(_load)(modules) for _ in range(workers))
    try:
        yield
    finally:
        # Left alone, the generator would end the processes.
        with suppress(TerminatedWorkerError):
            deque(loading, maxlen=0)


def run_jobs(jobs: Sequence[Job], *, workers: int, stage: str, progress: Progress) -> Iterator[Any]:
    """Runs jobs and yields what they return, in order; in this process where there is one worker.

    Jobs that a killed training had finished are not run again where this one resumes it.

    Args:
        jobs: as `joblib.delayed` makes them.
        workers: number of processes.
        stage: name under which the progress is reported.
        progress: called after each job.

    Raises:
        WorkerLostError: the system ended a process.
    """
    checkpoint = current_checkpoint()
    paths: list[Path | None] = [None] * len(jobs)
    if checkpoint is not None:
        paths = [*checkpoint.paths(stage, len(jobs))]
    tasks = [(*job, path) for job, path in zip(jobs, paths, strict=True)]
    finished = [path is not None and path.exists() for path in paths]
    missing = _results(
        [task for task, is_there in zip(tasks, finished, strict=True) if not is_there], workers
    )
    progress(stage, sum(finished) / len(jobs))
    done = sum(finished)
    for path, is_there in zip(paths, finished, strict=True):
        if is_there and path is not None:
            yield take(path)
        else:
            yield next(missing)
            done += 1
            progress(stage, done / len(jobs))
    # Ends the processes' generator as a loop over it would.
    next(missing, None)


def _results(tasks: Sequence[Task], workers: int) -> Iterator[Any]:
    """Yields what the jobs return, in order."""
    if workers == 1:
        yield from map(_kept, tasks)
        return
    with worker_processes():
        try:
            yield from _pool(workers)(joblib.delayed(_kept)(task) for task in tasks)
        except TerminatedWorkerError:
            raise WorkerLostError(workers=workers) from None


def _pool(workers: int) -> joblib.Parallel:
    """Opens the processes; those of the same number are started once."""
    return joblib.Parallel(n_jobs=workers, return_as="generator", max_nbytes=_SHARED_ABOVE)


def _load(modules: Sequence[str]) -> None:
    """Loads modules in a worker process."""
    for name in modules:
        import_module(name)


def _kept(task: Task) -> Any:
    """Runs a job, and keeps what it returns where the training has a checkpoint."""
    function, arguments, options, path = task
    outcome = function(*arguments, **options)
    if path is not None:
        keep(path, outcome)
    return outcome
