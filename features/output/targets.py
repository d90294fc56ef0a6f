"""Where a table goes that is written: one file, or a folder of parts; published whole, or not at all.

Everything is written beside the target under another name first, flushed to the disk, and then takes the
target's place in one step. A disk that is full in between leaves the old target as it was, and nothing else.
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
    """A target that cannot be written; nothing of it was."""

    def __init__(self, target: Path | str, *, fault: str, remedy: str) -> None:
        super().__init__(f"{target} cannot be written: {fault}. {remedy}")


def target_format(target: Path) -> TargetFormat:
    """Tells what is asked for by the name of the target.

    Raises:
        TargetError: another suffix, no such parent, or something in its place that is no table of ours.

    >>> target_format(Path("scores.csv"))
    'csv'
    """
    form = _FORMS.get(target.suffix.lower())
    if form is None:
        remedy = "Name a .parquet or .csv file, or a folder without suffix."
        raise TargetError(target, fault=f"{target.suffix} is no form that is written", remedy=remedy)
    if not target.absolute().parent.is_dir():
        raise TargetError(target, fault="its folder is not there", remedy="Make the folder, or name another.")
    _check_what_is_there(target, form)
    return form


_FORMS: Final[dict[str, TargetFormat]] = {".parquet": "parquet", ".csv": "csv", "": "parts"}


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """Gives an empty working folder beside the target; what is `whole` there becomes the target at the end.

    Raises:
        TargetError: the disk is full or refuses otherwise; the target is untouched, the working folder gone.
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
    """Turns an error of the system while a target is written into a sentence.

    Raises:
        TargetError: the disk is full or refuses otherwise.
    """
    try:
        yield
    except OSError as error:
        raise _disk_error(target, error) from error


def publish(written: Path, target: Path) -> None:
    """Puts a file or folder in the target's place in one step, after it has reached the disk."""
    for path in sorted(written.iterdir()) if written.is_dir() else []:
        flush(path)
    flush(written)
    if written.is_dir() and target.exists():
        # What was the target is then in the working folder, and goes with it.
        swap(written, target)
    else:
        written.replace(target)
    flush(target.parent)


def _check_what_is_there(target: Path, form: TargetFormat) -> None:
    remedy = "Name another target, or move away what is there."
    if form != "parts" and target.is_dir():
        raise TargetError(target, fault="a folder of this name is there", remedy=remedy)
    if form == "parts" and target.exists():
        if not target.is_dir():
            raise TargetError(target, fault="a file of this name is there", remedy=remedy)
        if any(not path.match(PART_PATTERN) for path in target.iterdir()):
            raise TargetError(
                target, fault="the folder holds files that are no parts of a table", remedy=remedy
            )


def _disk_error(target: Path | str, error: OSError) -> TargetError:
    reason = error.strerror or str(error).splitlines()[0]
    remedy = "Nothing was written; what stood there before is unchanged. Make room and run again."
    return TargetError(target, fault=reason, remedy=remedy)


def flush(path: Path) -> None:
    """Waits until a file, or the names in a folder, have reached the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NOT_THERE: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def swap(first: Path, second: Path) -> None:
    """Exchanges two files or folders of one file system.

    Where the system or the file system cannot do it in one step (renameat2 of Linux, see its manual page),
    the second is moved aside first: then there is a moment without it, but none with half of it.

    Raises:
        OSError: a path is not there, or the folder may not be written to.
    """
    fault = _rename_exchange(first, second)
    if fault in _NOT_THERE:
        aside = first.with_name(f"{first.name}.aside")
        second.rename(aside)
        first.rename(second)
        aside.rename(first)
    elif fault:
        raise OSError(fault, os.strerror(fault), str(second))


def _rename_exchange(first: Path, second: Path) -> int:
    """Asks the system; 0 or the number of the error."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return errno.ENOSYS
    paths = [os.fsencode(first.absolute()), os.fsencode(second.absolute())]
    failed = renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE)
    return ctypes.get_errno() if failed else 0
