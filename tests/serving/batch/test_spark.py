"""A real cluster of Spark on this machine: a master, two workers, one of which is killed halfway."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from serving.batch.run import score_history
from tests.support.builders import at, history_folder, lost, touch, won
from tests.support.servers import ROOT, free_port
from tests.support.small_models import home_with, random_bundle
from tests.test_parity import CATEGORIES, FEATURES, random_rows

LEADS = 2_000
# Of the worker that is killed; the whole job takes several times as many.
TASKS_BEFORE_DEATH = 80
_PATIENCE_SECONDS = 900.0
_JOB = """
import json, sys
from pathlib import Path
from serving.batch.spark import score_on_spark
options = json.loads(sys.argv[1])
print(score_on_spark(**{**options, "home": Path(options["home"])}).by_status)
"""


@pytest.mark.long
def test_score_on_spark__survives_the_loss_of_a_worker(tmp_path: Path) -> None:
    options = _night(tmp_path)
    score_history(**{**options, "home": Path(str(options["home"]))}, out=tmp_path / "here", workers=1)

    with _cluster(tmp_path) as (master, workers):
        job = _started(options, tmp_path, master)
        _wait_until(lambda: _tasks_finished(tmp_path / "worker-1") >= TASKS_BEFORE_DEATH, job)
        os.killpg(workers[1].pid, signal.SIGKILL)
        is_halfway = job.poll() is None
        job.wait(timeout=_PATIENCE_SECONDS)

    log = (tmp_path / "job.log").read_text()
    assert job.returncode == 0, log
    # It had begun, was not done, and Spark saw the loss; the other worker did its part.
    assert is_halfway
    assert "Lost executor" in log
    assert _tasks_finished(tmp_path / "worker-0") > TASKS_BEFORE_DEATH
    expected, found = _rows(tmp_path / "here"), _rows(tmp_path / "there")
    assert found.schema.types == expected.schema.types
    # To the bit: what differs in the last place is not equal, and nothing is NaN.
    assert found.to_pylist() == expected.to_pylist()
    assert found.num_rows > LEADS // 2


def _night(folder: Path) -> dict[str, object]:
    """A history of many partitions and a model, as the options of a job."""
    leads, interactions = random_rows(3, LEADS)
    # Sent for leads of different accounts, the later first.
    for number in range(0, LEADS - 1, 2):
        sent = {"source": "crm", "interaction_id": f"across-{number}", "value": float(number)}
        interactions.append(touch(f"L{number:04d}", "meeting_held", 39.5, **sent))
        interactions.append(touch(f"L{number + 1:04d}", "meeting_held", 39.0, **sent))
    outcomes = [won("L0001", 39), lost("L0002", 39.9)]
    source = history_folder(folder / "history", leads, interactions, outcomes)
    home = home_with(folder / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    return {
        "source": str(source),
        "home": str(home.path),
        "scored_at": at(50),
        "as_of": at(40),
        "partition_rows": 1_000,
    }


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Runs a master and two workers of one core each for a while; yields its address and the workers."""
    port = free_port()
    master = f"spark://127.0.0.1:{port}"
    place = ("--host", "127.0.0.1", "--webui-port", "0")
    running = []
    try:
        running.append(_spark_class(folder / "master.log", "master.Master", *place, "--port", str(port)))
        _wait_until(lambda: "I have been elected leader" in _text(folder / "master.log"), running[0])
        for number in range(2):
            work = folder / f"worker-{number}"
            limits = ("--cores", "1", "--memory", "1g", "--work-dir", str(work))
            running.append(
                _spark_class(folder / f"worker-{number}.log", "worker.Worker", *place, *limits, master)
            )
        _wait_until(lambda: _text(folder / "master.log").count("Registering worker") == 2, running[0])
        yield master, running[1:]
    finally:
        for process in running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _spark_class(log: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Starts a part of Spark, with all that it starts in a group of its own."""
    import pyspark

    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-class")]
    with log.open("wb") as said:
        return subprocess.Popen(
            [*command, f"org.apache.spark.deploy.{name}", *arguments],
            env=_environment(),
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def _started(options: dict[str, object], folder: Path, master: str) -> subprocess.Popen[bytes]:
    """Starts a job on the cluster."""
    arguments = json.dumps({**options, "out": str(folder / "there")})
    with (folder / "job.log").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-c", _JOB, arguments],
            env={**_environment(), "SPARK_MASTER": master},
            stdout=said,
            stderr=said,
        )


def _environment() -> dict[str, str]:
    variables = {"SPARK_LOCAL_IP": "127.0.0.1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return {**os.environ, **variables, "PYSPARK_PYTHON": sys.executable}


def _tasks_finished(work: Path) -> int:
    return sum(_text(log).count("Finished task") for log in work.glob("*/*/stderr"))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _wait_until(is_so: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Waits for something to be so, no longer than a process of the cluster or the job lives."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_so() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


def _rows(folder: Path) -> pa.Table:
    parts = [pq.read_table(part) for part in sorted(folder.iterdir())]
    return pa.concat_tables(parts).combine_chunks()
