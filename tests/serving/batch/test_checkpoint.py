"""A job that is killed at any moment goes on to the same bytes, and no other job writes meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.progress import Progress
from serving.batch.checkpoint import JobRunningError, OtherJobError
from serving.batch.run import score_history
from tests.support.builders import at, history_folder, won
from tests.support.small_models import home_with, random_bundle
from tests.test_parity import CATEGORIES, FEATURES, random_rows

# Runs a job as the command does, but with the same `scored_at` every time.
_JOB = """
import json, sys
from pathlib import Path
from serving.batch.run import score_history
if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    options["home"] = Path(options["home"])
    print("begun", flush=True)
    score_history(**options)
"""


@pytest.fixture
def night(tmp_path: Path) -> dict[str, Any]:
    """A history of several partitions and a home, as the options of a job."""
    leads, interactions = random_rows(seed=4, count=300)
    outcomes = [won(lead["lead_id"], lead["created_at"] + 7) for lead in leads[::5]]
    folder = history_folder(tmp_path / "history", leads, interactions, outcomes)
    rows = pq.read_table(folder / "interactions.parquet")
    pq.write_table(rows, folder / "interactions.parquet", row_group_size=300)
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    (tmp_path / "out").mkdir()
    return {
        "source": str(folder),
        "home": home.path,
        "out": str(tmp_path / "out" / "scores.parquet"),
        "scored_at": at(50),
        "as_of": at(40),
        "partition_rows": 400,
        "workers": 1,
    }


class Stopped(BaseException):
    """Ends a job as Ctrl-C does."""


def stop_at(stage: str, done: float) -> Progress:
    """Watches a job and ends it at a moment."""

    def watch(seen: str, part: float) -> None:
        if seen == stage and part >= done:
            raise Stopped(stage)

    return watch


@pytest.mark.parametrize(
    ("stage", "done"), [("partitions", 0.4), ("score", 0.0), ("score", 0.5), ("write", 1.0)]
)
@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv", "scores"])
def test_score_history__goes_on_to_the_same_bytes(
    night: dict[str, Any], stage: str, done: float, name: str
) -> None:
    out = Path(night["out"]).with_name(name)
    score_history(**{**night, "out": out})
    whole = contents(out)
    remove(out)
    with pytest.raises(Stopped, match=stage):
        score_history(**{**night, "out": out}, progress=stop_at(stage, done))

    # The moment and the version are those of the job that goes on, not of the command that lets it.
    outcome = score_history(**{**night, "out": out, "as_of": None, "scored_at": at(60)}, resume=True)

    assert contents(out) == whole
    assert outcome.as_of == at(40)
    assert [path.name for path in out.parent.iterdir()] == [name]


def test_score_history__takes_what_is_finished_from_the_disk(night: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="score"):
        score_history(**night, progress=stop_at("score", 0.5))
    # Whoever read the history again would find no history there.
    (tmp_path / "history").rename(tmp_path / "gone")

    outcome = score_history(**night, resume=True)

    assert sum(outcome.by_status.values()) == len(pq.read_table(night["out"])) > 200


def test_score_history__with_nothing_to_go_on_with_starts(night: dict[str, Any]) -> None:
    assert score_history(**night, resume=True).by_status


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"as_of": at(41)}, "has the moment 2026-02-10T00:00:00Z, and 2026-02-11T00:00:00Z is requested"),
        ({"model": "2"}, "has the version 1, and 2 is requested"),
        ({"source": "elsewhere"}, "has the history .*, and elsewhere is requested"),
    ],
)
def test_score_history__does_not_go_on_with_another_job(
    night: dict[str, Any], options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(Stopped, match="score"):
        score_history(**night, progress=stop_at("score", 0.5))

    with pytest.raises(OtherJobError, match=fault) as refused:
        score_history(**{**night, **options}, resume=True)

    assert refused.value.exit_code == 2


def test_score_history__trusts_nothing_from_before_the_machine_went_down(
    night: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    score_history(**night)
    whole = contents(Path(night["out"]))
    with pytest.raises(Stopped, match="score"):
        score_history(**night, progress=stop_at("score", 0.5))
    boot = tmp_path / "boot_id"
    boot.write_text("another")
    monkeypatch.setattr("serving.batch.checkpoint._BOOT", boot)
    for path in Path(night["out"]).parent.glob(".scores.parquet.job/scored-*.arrow"):
        path.write_bytes(bytes(100))

    score_history(**night, resume=True)

    assert contents(Path(night["out"])) == whole


def test_score_history__says_who_is_at_work(night: dict[str, Any]) -> None:
    job = started(night)
    try:
        wait_for_words(Path(night["out"]).parent / ".scores.parquet.lock", job)
        job.send_signal(signal.SIGSTOP)
        with pytest.raises(
            JobRunningError, match=rf"Process {job.pid} on .*, since .*, is writing to"
        ) as refused:
            score_history(**night)
        assert refused.value.exit_code == 2
    finally:
        job.send_signal(signal.SIGCONT)
        job.wait()
    # The lock ended with its process.
    assert score_history(**night).by_status


@pytest.mark.all
def test_score_history__survives_kill_9_three_times(night: dict[str, Any]) -> None:
    survive(night, rounds=3, seed=1)


@pytest.mark.long
def test_score_history__survives_kill_9_thirty_times(night: dict[str, Any]) -> None:
    # Other moments each time it is run with another number.
    rounds = int(os.environ.get("KILL_ROUNDS", "30"))
    survive(night, rounds=rounds, seed=rounds)


def survive(night: dict[str, Any], *, rounds: int, seed: int) -> None:
    """Kills jobs in two processes at random moments of their work, and lets them go on."""
    night = {**night, "workers": 2}
    out = Path(night["out"])
    begun = time.monotonic()
    if started(night).wait():
        raise RuntimeError
    whole, seconds = contents(out), time.monotonic() - begun
    chance = Random(seed)
    for turn in range(rounds):
        remove(out)
        kill_after(started(night), chance.uniform(0, seconds))
        if started({**night, "resume": True}).wait():
            raise RuntimeError
        assert contents(out) == whole, turn
        assert [path.name for path in out.parent.iterdir()] == [out.name], turn


def started(night: dict[str, Any]) -> subprocess.Popen[str]:
    """A job in a process of its own, once it has begun."""
    options = json.dumps({**night, "home": str(night["home"])})
    job = subprocess.Popen(
        [sys.executable, "-c", _JOB, options], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    if job.stdout is None or job.stdout.readline() != "begun\n":
        raise RuntimeError
    job.stdout.close()
    return job


def kill_after(job: subprocess.Popen[str], seconds: float) -> None:
    time.sleep(seconds)
    job.kill()
    job.wait()


def wait_for_words(path: Path, job: subprocess.Popen[str]) -> None:
    """Waits until the file says something: a lock is there a moment before it is held."""
    while job.poll() is None and not (path.exists() and path.read_bytes()):
        time.sleep(0.001)


def contents(out: Path) -> dict[str, bytes]:
    paths = sorted(out.iterdir()) if out.is_dir() else [out]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def remove(out: Path) -> None:
    for path in list(out.iterdir()) if out.is_dir() else []:
        path.unlink()
    if out.is_dir():
        out.rmdir()
    out.unlink(missing_ok=True)
