"""Worker processes of a training: they end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest

from features.catalog.default_catalog import default_catalogue
from features.engine.engine import compute_here
from features.engine.matrix import Examples
from features.progress import silent
from tests.support.builders import check
from tests.support.small_business import small_business
from training.backtesting.parallel import compute_in_workers, run_jobs, warm_workers

_KILLED = """
import os, signal, sys, time
from pathlib import Path
import joblib
from features.progress import silent
from training.backtesting.parallel import run_jobs

def job(folder):
    import os, time
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(120)

class Unread:
    # What a process is still reading of its first job when the training is killed.
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return job, (self.folder,)

if __name__ == "__main__":
    jobs = [joblib.delayed(job)(sys.argv[1]), joblib.delayed(print)(Unread(sys.argv[1]))]
    list(run_jobs(jobs, workers=2, stage="fits", progress=silent))
"""


def test_warm_workers__jobs_run_in_processes_that_have_loaded(tmp_path: Path) -> None:
    with warm_workers(workers=2, modules=["json.tool"]):
        pass

    loaded = [joblib.delayed(has_loaded)("json.tool", str(tmp_path / str(number))) for number in range(2)]

    # One process may take both turns of loading before the other has started.
    assert any(run_jobs(loaded, workers=2, stage="fits", progress=silent))


def has_loaded(name: str, own: str) -> bool:
    """Tells whether the process of a job has loaded a module, once another one runs the other job."""
    Path(own).touch()
    while len([*Path(own).parent.iterdir()]) < 2:
        time.sleep(0.01)
    return name in sys.modules


def test_compute_in_workers__joins_the_parts_to_the_features_of_one_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.backtesting.parallel._FEW_EXAMPLES", 1)
    # Processes take seconds to start; what they return is the same.
    monkeypatch.setattr(
        "training.backtesting.parallel._results", lambda tasks, _: (f(*a) for f, a, _, _ in tasks)
    )
    history, _ = check(small_business(leads_count=60))
    assert history is not None
    moment = history.observed_until
    examples = Examples(np.arange(7) % history.leads_count, np.full(7, moment))
    feature_set = default_catalogue(history)

    parts = compute_in_workers(feature_set, history, examples, workers=2)

    whole = compute_here(feature_set, history, examples)
    assert np.array_equal(parts.values, whole.values, equal_nan=True)
    assert (parts.names, parts.vocabularies, parts.row_of) == (whole.names, whole.vocabularies, whole.row_of)


def test_run_jobs__workers_of_a_killed_training_end(tmp_path: Path) -> None:
    started = tmp_path / "started"
    started.mkdir()
    script = tmp_path / "killed.py"
    script.write_text(_KILLED, encoding="utf-8")
    path = {"PYTHONPATH": str(Path(__file__).parents[3])}
    training = subprocess.Popen([sys.executable, str(script), str(started)], env={**os.environ, **path})
    try:
        _wait_until(lambda: len(list(started.iterdir())) == 2)
    finally:
        training.send_signal(signal.SIGKILL)
        training.wait()

    workers = [int(file.name) for file in started.iterdir()]
    _wait_until(lambda: not any(_is_running(worker) for worker in workers))


def _is_running(process: int) -> bool:
    """Tells whether a process is there and has not ended; one that nobody waited for has."""
    try:
        return " Z " not in Path(f"/proc/{process}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def _wait_until(is_true: Callable[[], bool], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
