"""Jobs of a training, side by side in worker processes, each with one thread: their number changes no bit."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import joblib
from joblib.externals.loky.process_executor import TerminatedWorkerError

from features.errors import LeadOddsError
from features.partitions.pool import end_with_parent
from features.progress import Progress

# Larger arrays are shared between processes instead of copied.
_SHARED_ABOVE: Final = "1M"

Job = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class WorkerLostError(LeadOddsError):
    """A worker process that was ended from outside, nearly always because memory ran out."""

    def __init__(self, *, workers: int) -> None:
        super().__init__(
            f"One of {workers} processes that fit was ended by the system, probably because memory ran out. "
            "Set workers = 1 or a smaller max_examples in the configuration, or give it more memory."
        )


def run_jobs(jobs: Sequence[Job], *, workers: int, stage: str, progress: Progress) -> Iterator[Any]:
    """Runs jobs and yields what they return, in order; in this process where there is one worker.

    Args:
        jobs: as `joblib.delayed` makes them.
        workers: number of processes.
        stage: name under which the progress is reported.
        progress: called after each job.

    Raises:
        WorkerLostError: the system ended a process.
    """
    progress(stage, 0.0)
    for number, result in enumerate(_results(jobs, workers=workers), 1):
        yield result
        progress(stage, number / len(jobs))


def _results(jobs: Sequence[Job], *, workers: int) -> Iterator[Any]:
    """Yields what the jobs return, in order."""
    if workers == 1:
        yield from (function(*arguments, **options) for function, arguments, options in jobs)
        return
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=workers, return_as="generator", max_nbytes=_SHARED_ABOVE)
        try:
            yield from pool(joblib.delayed(_run)(job, os.getpid()) for job in jobs)
        except TerminatedWorkerError:
            raise WorkerLostError(workers=workers) from None


def _run(job: Job, parent: int) -> Any:
    """Runs a job in a worker process, which ends when the training is killed."""
    end_with_parent(parent)
    function, arguments, options = job
    return function(*arguments, **options)
