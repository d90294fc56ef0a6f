"""Targets of a written table: one file or a folder of parts, published as a whole or not at all.

A table is first written beside the target under another name and flushed to the disk; then it replaces the
target in one step. Where the disk runs full, the old target stays unchanged and nothing else is left.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from features.errors import LeadOddsError

TargetFormat = Literal["parquet", "csv", "parts"]

PART_PATTERN: Final = "part-*.parquet"


class TargetError(LeadOddsError):
    """A target that cannot be written; nothing was published."""

    def __init__(self, target: Path | str, *, fault: str, remedy: str) -> None:
        super().__init__(f"{target} cannot be written: {fault}. {remedy}")


def target_format(target: Path) -> TargetFormat:
    """Finds the format that the name of a target means.

    Raises:
        TargetError: another suffix, no parent folder, or a file or folder in its place that is not a table
            written by this project.

    >>> target_format(Path("scores.csv"))
    'csv'
    """
    format_ = _FORMATS.get(target.suffix.lower())
    if format_ is None:
        remedy = "Name a .parquet or .csv file, or a folder without suffix."
        raise TargetError(target, fault=f"{target.suffix} is not a supported format", remedy=remedy)
    if not target.absolute().parent.is_dir():
        remedy = "Create the folder, or name another."
        raise TargetError(target, fault="its folder does not exist", remedy=remedy)
    _check_existing(target, format_)
    return format_


_FORMATS: Final[dict[str, TargetFormat]] = {".parquet": "parquet", ".csv": "csv", "": "parts"}


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """Opens an empty working folder beside the target; its entry `whole` becomes the target at the end.

    Raises:
        TargetError: the disk is full or fails; the target is unchanged, and the working folder is removed.
    """
    target = target.absolute()
    with disk_errors_as_target_errors(target):
        work = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".partial", dir=target.parent))
        try:
            yield work
            publish(work / "whole", target)
        finally:
            shutil.rmtree(work, ignore_errors=True)


@contextmanager
def disk_errors_as_target_errors(target: Path | str) -> Iterator[None]:
    """Converts an operating system error while a target is written.

    Raises:
        TargetError: the disk is full or fails.
    """
    try:
        yield
    except OSError as error:
        raise _disk_error(target, error) from error


def publish(written: Path, target: Path) -> None:
    """Replaces the target by a file or folder in one step, after its content has reached the disk."""
    for path in sorted(written.iterdir()) if written.is_dir() else []:
        flush(path)
    flush(written)
    if written.is_dir() and target.exists():
        # The old target is then in the working folder, which is removed.
        swap(written, target)
    else:
        written.replace(target)
    flush(target.parent)


def _check_existing(target: Path, format_: TargetFormat) -> None:
    remedy = "Name another target, or move the existing one away."
    if format_ != "parts" and target.is_dir():
        raise TargetError(target, fault="a folder of this name exists", remedy=remedy)
    if format_ == "parts" and target.exists():
        if not target.is_dir():
            raise TargetError(target, fault="a file of this name exists", remedy=remedy)
        if any(not path.match(PART_PATTERN) for path in target.iterdir()):
            fault = "the folder holds files that are not parts of a table"
            raise TargetError(target, fault=fault, remedy=remedy)


def _disk_error(target: Path | str, error: OSError) -> TargetError:
    reason = error.strerror or str(error).splitlines()[0]
    remedy = "Nothing was written; an existing target is unchanged. Make room and run again."
    return TargetError(target, fault=reason, remedy=remedy)


def flush(path: Path) -> None:
    """Waits until a file, or the entries of a folder, have reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def swap(first: Path, second: Path) -> None:
    """Swaps two files or folders of one file system.

    Where the operating system or the file system cannot swap in one step (renameat2 of Linux, see its manual
    page), the second path is moved aside first: for a moment it does not exist, but it is never incomplete.

    Raises:
        OSError: a path does not exist, or the folder is not writable.
    """
    fault = _rename_exchange(first, second)
    if fault in _UNSUPPORTED:
        aside = first.with_name(f"{first.name}.aside")
        second.rename(aside)
        first.rename(second)
        aside.rename(first)
    elif fault:
        raise OSError(fault, os.strerror(fault), str(second))


def _rename_exchange(first: Path, second: Path) -> int:
    """Calls renameat2; gives 0 or the number of the error."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return errno.ENOSYS
    paths = [os.fsencode(first.absolute()), os.fsencode(second.absolute())]
    failed = renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    return ctypes.get_errno() if failed else 0
