"""Finished jobs of a training, kept in its home until it ends, so that one that was killed can go on.

A job is known by its stage and its place among the jobs of the stage. What the jobs of a training do follows
from the history, the configuration, the champion and the code; the name of the folder is a digest of these,
so that another training never takes a job of this one. The files are pickles for this program alone: the
folder is its owner's, and a folder of somebody else is not read.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import joblib

from features.errors import LeadOddsError
from features.spark.session import code_digest
from training.config import TrainingConfig

_FOLDER: Final = "unfinished_trainings"
# Whose code decides what a job computes, and which libraries do.
_PACKAGES: Final = ("features", "models", "training")
_LIBRARIES: Final = ("numpy", "scipy", "scikit-learn", "pyarrow")


class ResumableError(LeadOddsError):
    """An error after which the finished jobs can be taken by another run."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The folder of one unfinished training.

    Attributes:
        folder: holds one file for each finished job.
        calls: how often each stage ran so far in this process.
    """

    folder: Path
    calls: Counter[str] = field(default_factory=Counter)

    def paths(self, stage: str, count: int) -> list[Path]:
        """Gives the file of each job of the next run of a stage."""
        call = self.calls[stage]
        self.calls[stage] += 1
        return [self.folder / f"{stage}-{call}-{number}-of-{count}" for number in range(count)]


_CURRENT: ContextVar[Checkpoint | None] = ContextVar("checkpoint", default=None)


def current_checkpoint() -> Checkpoint | None:
    """Gives the checkpoint of the training that runs, if it keeps one."""
    return _CURRENT.get()


def training_key(
    *, digests: Mapping[str, str], config: TrainingConfig, observed_until: int, champion: str | None
) -> str:
    """Digests everything that changes a fit.

    Args:
        digests: of the history's tables.
        config: its number of workers changes nothing.
        observed_until: microseconds UTC.
        champion: version that is compared with.
    """
    facts = {
        "digests": dict(digests),
        "config": config.model_dump(mode="json", exclude={"workers"}),
        "observed_until": observed_until,
        "champion": champion,
        "code": code_digest([Path(str(files(package))) for package in _PACKAGES]),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


@contextmanager
def checkpointed(home: Path, key: str, *, resume: bool) -> Iterator[None]:
    """Keeps the finished jobs of a training; they are removed when it ends, unless it was killed.

    Args:
        home: the folder that holds all state.
        key: of the training; see `training_key`.
        resume: whether jobs that an earlier process finished are taken.
    """
    folder = home / _FOLDER / key
    if not resume or not _is_ours(folder):
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    token = _CURRENT.set(Checkpoint(folder))
    try:
        yield
    except ResumableError:
        raise
    except LeadOddsError:
        _remove(folder)
        raise
    finally:
        _CURRENT.reset(token)
    _remove(folder)


def keep(path: Path, outcome: Any) -> None:
    """Writes what a job returned, as a whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    joblib.dump(outcome, partial)
    partial.replace(path)


def take(path: Path) -> Any:
    """Reads what a job returned."""
    return joblib.load(path)


def _is_ours(folder: Path) -> bool:
    """Tells whether a folder is there, and its owner's alone."""
    try:
        found = folder.stat()
    except FileNotFoundError:
        return False
    return found.st_uid == os.getuid() and not found.st_mode & 0o077


def _remove(folder: Path) -> None:
    """Removes the folder of a training, and that of all of them where it was the last."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.parent.is_dir() and not any(folder.parent.iterdir()):
        folder.parent.rmdir()
