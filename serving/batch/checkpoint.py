"""Checkpoints of a batch: a folder beside the target holds finished work, and a lock names the process."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from features.errors import LeadOddsError
from features.times import format_time

_MANIFEST: Final = "job.json"
# Changes with every start of the machine.
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class JobRunningError(LeadOddsError):
    """A target that another job is writing to."""

    def __init__(self, target: str, *, who: str) -> None:
        super().__init__(f"{who} is writing to {target}. Wait for it, or end it and run again with --resume.")


class OtherJobError(LeadOddsError):
    """An unfinished job that differs from the one that should go on."""

    def __init__(self, target: str, *, name: str, started: str, requested: str) -> None:
        super().__init__(
            f"The unfinished job for {target} has {name} {started}, and {requested} is requested. "
            "Request the same, or leave out --resume to start again."
        )


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a job was started with; all of it stays the same when the job goes on.

    Attributes:
        source: the history, without a password.
        model_version: that scores the leads.
        bundle: folder of the version.
        bundle_digest: SHA-256 of its list of digests.
        as_of: the moment of the prediction, microseconds UTC.
        scored_at: microseconds UTC.
        reasons: how many to name.
    """

    source: str
    model_version: str
    bundle: str
    bundle_digest: str
    as_of: int
    scored_at: int
    reasons: int | str


@contextmanager
def locked(path: Path, *, target: str, since: int) -> Iterator[None]:
    """Holds a lock that ends with this process, however it ends; the file names the process.

    Args:
        path: of the lock.
        target: as people see it.
        since: microseconds UTC.

    Raises:
        JobRunningError: another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _acquire(path, target)
    try:
        who = f"Process {os.getpid()} on {socket.gethostname()}, since {format_time(since)},"
        os.ftruncate(handle, 0)
        os.pwrite(handle, who.encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def start_job(folder: Path, job: JobSpec) -> None:
    """Empties the folder of a job and writes its specification."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_checkpoint(folder / _MANIFEST, {"terms": asdict(job), "boot": _boot()})


def read_unfinished_job(folder: Path) -> JobSpec | None:
    """Reads the specification of a job that did not end; None where there is none.

    After a restart of the machine its finished work is removed, because it was not synced to the disk.
    """
    stored = read_checkpoint(folder / _MANIFEST)
    if stored is None:
        return None
    job = JobSpec(**stored["terms"])
    if stored["boot"] != _boot():
        start_job(folder, job)
    return job


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Reads facts that were written in one step; None where there are none."""
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts


def write_checkpoint(path: Path, facts: dict[str, Any]) -> None:
    """Writes facts in one step: the file is complete, or does not exist."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(json.dumps(facts), encoding="utf-8")
    beside.rename(path)


def _acquire(path: Path, target: str) -> int:
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            who = os.read(handle, 1_000).decode() or "Another process"
            os.close(handle)
            raise JobRunningError(target, who=who) from None
        # The holder before removed the file when it ended; a lock on a removed file protects nothing.
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""
