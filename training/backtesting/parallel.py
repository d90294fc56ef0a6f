"""Jobs of a training, side by side in worker processes, each with one thread: their number changes no bit."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from joblib.externals.loky.process_executor import TerminatedWorkerError

from features.catalog.spec import FeatureSet
from features.engine.engine import compute_here
from features.engine.matrix import Examples, FeatureMatrix
from features.history.lead_history import LeadHistory
from features.partitions.pool import worker_processes
from features.progress import Progress
from training.backtesting.checkpoint import ResumableError, current_checkpoint, keep, take

# Larger arrays are shared between processes instead of copied.
_SHARED_ABOVE: Final = "1M"
# What the jobs of a training need; loading it takes a process longer than its first job.
_LOADED_BY_WORKERS: Final = ("training.backtesting.jobs", "training.report.plots")
# Fewer examples are computed sooner than they are sent to other processes.
_FEW_EXAMPLES: Final = 20_000
# Parts for each process, so that all end at about the same time.
_PARTS_EACH: Final = 2

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
def warm_workers(*, workers: int, modules: Sequence[str] = _LOADED_BY_WORKERS) -> Iterator[None]:
    """Starts the worker processes while this one does something else, such as reading the history.

    Args:
        workers: number of processes; one is this process itself.
        modules: that each loads.
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
    """Starts jobs and gives what they return, in order; in this process where there is one worker.

    Several processes begin at once, so that jobs of another call can follow before these are read. Jobs that
    a killed training had finished are not run again where this one resumes it.

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
    finished = [path if path is not None and path.exists() else None for path in paths]
    missing = _results([task for task, path in zip(tasks, finished, strict=True) if path is None], workers)
    return _in_order(finished, missing, partial(progress, stage))


def compute_in_workers(
    feature_set: FeatureSet, history: LeadHistory, examples: Examples, *, workers: int
) -> FeatureMatrix:
    """Computes the features of examples in several processes.

    Features of an example depend on its own rows alone, so that their number changes no bit.

    Args:
        feature_set: what to compute.
        history: of the leads.
        examples: (n,) leads and moments.
        workers: number of processes.

    Returns:
        As `compute_features`.
    """
    count = len(examples.lead)
    if workers == 1 or count < _FEW_EXAMPLES:
        return compute_here(feature_set, history, examples)
    bounds = np.linspace(0, count, _PARTS_EACH * workers + 1).astype(np.int64).tolist()
    parts = [Examples(examples.lead[begin:end], examples.as_of[begin:end]) for begin, end in pairwise(bounds)]
    tasks: list[Task] = [(compute_here, (feature_set, history, part), {}, None) for part in parts]
    values = np.empty((len(feature_set.names), count))
    for (begin, end), done in zip(pairwise(bounds), _results(tasks, workers), strict=True):
        values[:, begin:end] = done.values
    return FeatureMatrix(done.names, values, done.vocabularies, done.row_of)


def _in_order(
    finished: Sequence[Path | None], missing: Iterator[Any], progress: Callable[[float], None]
) -> Iterator[Any]:
    """Yields what jobs returned: those that were finished before from their files, the others as they end."""
    done = sum(path is not None for path in finished)
    progress(done / max(1, len(finished)))
    for path in finished:
        if path is not None:
            yield take(path)
        else:
            yield next(missing)
            done += 1
            progress(done / len(finished))
    # Ends the processes' generator as a loop over it would.
    next(missing, None)


def _results(tasks: Sequence[Task], workers: int) -> Iterator[Any]:
    """Starts tasks and gives what they return, in order."""
    if workers == 1 or not tasks:
        return map(_kept, tasks)
    with worker_processes():
        return _unless_lost(_pool(workers)(joblib.delayed(_kept)(task) for task in tasks), workers)


def _unless_lost(results: Generator[Any], workers: int) -> Iterator[Any]:
    """Yields results; words the loss of a process, and cancels what nobody reads after an error elsewhere."""
    try:
        # Not `yield from`, which would close the results itself.
        for result in results:  # noqa: UP028
            yield result
    except TerminatedWorkerError:
        raise WorkerLostError(workers=workers) from None
    finally:
        with warnings.catch_warnings():
            # Joblib advises against starting what is not read.
            warnings.simplefilter("ignore", UserWarning)
            results.close()


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
