"""A retraining that is killed at random moments: the champion stays to the bit, and the next one works."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from models.home.home import Home
from tests.models.registry.test_switching import answers, answers_of
from tests.support.servers import ROOT
from tests.support.small_business import CONFIG, small_business, write_business

# KILL_ROUNDS=100 makes the proof longer.
_KILLS = int(os.environ.get("KILL_ROUNDS", "20"))


def started(folder: Path) -> subprocess.Popen[bytes]:
    """Starts the command, with two worker processes."""
    environment = {**os.environ, "LEADODDS_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "leadodds", "retrain", str(folder / "history"), "--quiet"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*command, "--config", str(folder / "leadodds.toml")], cwd=ROOT, env=environment, stderr=log
        )


def killed_after(process: subprocess.Popen[bytes], seconds: float) -> list[psutil.Process]:
    """Kills the process alone after some time; returns the processes that it had started."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    children = []
    with suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return children


@pytest.mark.long
def test_retrain__killed_at_random_moments_leaves_the_champion_and_no_process(tmp_path: Path) -> None:
    write_business(tmp_path / "history", small_business())
    settings = {
        **CONFIG.model_dump(include=CONFIG.model_fields_set),
        "workers": 2,
        "accept_insufficient": True,
    }
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (tmp_path / "leadodds.toml").write_text("\n".join(lines))
    home, chance, kept = Home(tmp_path / "home"), random.Random(_KILLS), 0
    assert started(tmp_path).wait() == 0
    began = time.perf_counter()
    assert started(tmp_path).wait() in {0, 4}
    lasts = time.perf_counter() - began

    for _ in range(_KILLS):
        champion, before = str(home.champion()), answers(home)
        children = killed_after(started(tmp_path), chance.uniform(0.2, 1.0) * lasts)

        _, alive = psutil.wait_procs(children, timeout=30)
        assert alive == []
        # The pointer moves last: where it moved, the new version is whole; the old one is as it was.
        assert len(answers(home)) == len(before)
        assert answers_of(home, champion) == before
        kept += home.champion() == champion

    code = started(tmp_path).wait()
    assert code in {0, 4}, (tmp_path / "log").read_text()
    print(f"{_KILLS} kills within {lasts:.0f} s: the champion stayed {kept} times")  # noqa: T201 - the figure
