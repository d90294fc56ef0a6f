"""A training that was killed goes on from its finished fits, and comes to the same bundle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from features.errors import LeadOddsError
from features.progress import silent
from models.bundle.format import FEATURES_FILE, SCORECARD_FILE, TABLES_FILE
from tests.support.small_business import CONFIG, small_business, write_business
from training.backtesting.checkpoint import checkpointed, training_key
from training.backtesting.parallel import WorkerLostError, run_jobs
from training.train import train

_KILLED_AFTER_TWO_FITS = """
import os, signal, sys
from pathlib import Path
from tests.support.small_business import CONFIG
from training.train import train

def watch(stage, done):
    if stage == "fits" and done >= 2 / (3 + CONFIG.replicas + 1):
        os.kill(os.getpid(), signal.SIGKILL)

train(Path(sys.argv[1]), home=Path(sys.argv[2]), config=CONFIG, progress=watch)
"""


def counted(numbers: list[int], log: list[int], *, home: Path, key: str, resume: bool) -> list[int]:
    """Squares numbers in jobs that log which of them ran; number 3 fails where it is the last."""

    def square(number: int) -> int:
        log.append(number)
        if number == 3 and len(log) == 3:
            raise WorkerLostError(workers=2)
        return number**2

    with checkpointed(home, key, resume=resume):
        jobs = [(square, (number,), {}) for number in numbers]
        return list(run_jobs(jobs, workers=1, stage="fits", progress=silent))


def test_run_jobs__of_a_resumed_training_run_only_what_was_not_finished(tmp_path: Path) -> None:
    log: list[int] = []
    with pytest.raises(WorkerLostError, match="--resume"):
        counted([1, 2, 3], log, home=tmp_path, key="same", resume=False)

    squares = counted([1, 2, 3], log, home=tmp_path, key="same", resume=True)

    assert squares == [1, 4, 9]
    assert log == [1, 2, 3, 3]
    # Nothing is left where the training ended.
    assert list(tmp_path.iterdir()) == []


def test_run_jobs__without_resume_or_of_another_training_run_all(tmp_path: Path) -> None:
    for key, resume in (("same", False), ("other", True)):
        log: list[int] = []
        with pytest.raises(WorkerLostError):
            counted([1, 2, 3], log, home=tmp_path, key="same", resume=False)

        counted([1, 2, 3], log, home=tmp_path, key=key, resume=resume)

        assert log == [1, 2, 3, 1, 2, 3]


def test_checkpointed__an_error_of_the_history_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(LeadOddsError), checkpointed(tmp_path, "key", resume=False):
        raise LeadOddsError

    assert list(tmp_path.iterdir()) == []


def test_training_key__differs_with_everything_that_changes_a_fit() -> None:
    digests = {"leads": "a"}
    key = training_key(digests=digests, config=CONFIG, observed_until=1, champion=None)

    others = [
        training_key(digests={"leads": "b"}, config=CONFIG, observed_until=1, champion=None),
        training_key(
            digests=digests, config=CONFIG.model_copy(update={"seed": 8}), observed_until=1, champion=None
        ),
        training_key(digests=digests, config=CONFIG, observed_until=2, champion=None),
        training_key(digests=digests, config=CONFIG, observed_until=1, champion="1"),
    ]
    more_workers = CONFIG.model_copy(update={"workers": 7})

    assert len({key, *others}) == 5
    assert training_key(digests=digests, config=more_workers, observed_until=1, champion=None) == key


def test_train__killed_in_the_middle_and_resumed_writes_the_bundle_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    history = write_business(tmp_path / "history", small_business())
    home = tmp_path / "killed"
    root = Path(__file__).parents[3]
    killed = subprocess.run(
        [sys.executable, "-c", _KILLED_AFTER_TWO_FITS, str(history), str(home)],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=root,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    kept = [*(home / "unfinished_trainings").rglob("fits-*")]
    stages: list[tuple[str, float]] = []

    resumed = train(
        history,
        home=home,
        config=CONFIG,
        resume=True,
        progress=lambda stage, done: stages.append((stage, done)),
    )
    whole = train(history, home=tmp_path / "whole", config=CONFIG)

    assert len(kept) == 2
    # Two of the three fits were there from the start; the replicas and the longer fit follow.
    begun = next(done for stage, done in stages if stage == "fits")
    assert begun == pytest.approx(2 / (3 + CONFIG.replicas + 1))
    # The card names its run and its moment; all else is the same to the byte.
    for name in (FEATURES_FILE, SCORECARD_FILE, TABLES_FILE):
        assert (resumed.bundle / name).read_bytes() == (whole.bundle / name).read_bytes()
    assert not (home / "unfinished_trainings").exists()
