"""A batch that can be killed: its folder beside the target keeps what is finished; a lock says who works."""

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
# Changes whenever the machine starts.
_BOOT: Final = Path("/proc/sys/kernel/random/boot_id")


class JobRunningError(LeadOddsError):
    """Another job writes to the same target."""

    def __init__(self, target: str, *, who: str) -> None:
        super().__init__(f"{who} is writing to {target}. Wait for it, or end it and run again with --resume.")


class OtherJobError(LeadOddsError):
    """An unfinished job that is not the one that is to go on."""

    def __init__(self, target: str, *, name: str, begun: str, asked: str) -> None:
        super().__init__(
            f"The unfinished job for {target} has {name} {begun}, and {asked} is asked for. "
            "Ask for the same, or leave out --resume to start anew."
        )


@dataclass(frozen=True, slots=True)
class JobSpec:
    """What a job was begun with; it does not change when it goes on.

    Attributes:
        source: the history, as people may see it.
        model_version: that answers.
        bundle: folder of the version.
        bundle_digest: SHA-256 of its list of digests.
        as_of: the moment of the prediction, microseconds UTC.
        scored_at: microseconds UTC.
        reasons: how many are told.
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
    """Holds a lock that ends with this process, however it ends; the file says who holds it.

    Args:
        path: of the lock.
        target: for people.
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


def begin(folder: Path, terms: JobSpec) -> None:
    """Empties the folder of a job and writes down its terms."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _write(folder / _MANIFEST, {"terms": asdict(terms), "boot": _boot()})


def unfinished(folder: Path) -> JobSpec | None:
    """Reads the terms of a job that did not come to its end; None where there is none.

    What it set down before the machine went down is thrown away: nobody waited for the disk.
    """
    try:
        told = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    terms = JobSpec(**told["terms"])
    if told["boot"] != _boot():
        begin(folder, terms)
    return terms


def keep(path: Path, facts: dict[str, Any]) -> None:
    """Writes facts in one step: they are there whole, or not at all."""
    _write(path, facts)


def kept(path: Path) -> dict[str, Any] | None:
    """Reads facts that were kept; None where they are not there."""
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return facts


def _write(path: Path, facts: dict[str, Any]) -> None:
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
        # Who held it before has taken the file away: then this lock holds nothing.
        if path.exists() and path.stat().st_ino == os.fstat(handle).st_ino:
            return handle
        os.close(handle)


def _boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else ""
