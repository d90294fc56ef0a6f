"""Targets of a written table: one file or a folder of parts, published as a whole or not at all.

A table is first written beside the target under another name and flushed to the disk; then it replaces the
target in one step. Where the disk runs full, the old target stays unchanged and nothing else is left. A link
is followed, the permissions of a replaced target stay, and no part of the history that is read is a target.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from features.errors import LeadOddsError
from features.tables.schema import REQUIRED

if TYPE_CHECKING:
    from features.sources.open_source import Source

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
    if not place_of(target).parent.is_dir():
        remedy = "Create the folder, or name another."
        raise TargetError(target, fault="its folder does not exist", remedy=remedy)
    _check_existing(target, format_)
    return format_


_FORMATS: Final[dict[str, TargetFormat]] = {".parquet": "parquet", ".csv": "csv", "": "parts"}


def place_of(target: Path) -> Path:
    """Gives the absolute path of a target, links followed, so that a link stays a link."""
    return Path(os.path.realpath(target))


def refuse_history_as_target(target: Path, source: Source) -> None:
    """Refuses a target that is a part of the history, lies inside it or holds a part of it.

    Files are compared by their identity on the disk, so other spellings, links and hard links count too.

    Raises:
        TargetError: it is.
    """
    # Imported late: a server loads this module with `models.home`, and reads no tables.
    from features.sources.open_source import places_of

    whole = {identity for place in places_of(source) for identity in _identities(place)}
    place = place_of(target)
    parts = place.iterdir() if place.is_dir() else ()
    touched = [place, *place.parents, *parts]
    if whole and not whole.isdisjoint(identity for path in touched for identity in _identity(path)):
        remedy = "Name another target, outside the history."
        raise TargetError(
            target, fault="it is a part of the history that is read, or lies in it", remedy=remedy
        )


def _identities(place: Path) -> Iterator[tuple[int, int]]:
    """Gives the identity of a database file, or of the folder of a history and everything in it."""
    yield from _identity(place)
    for entry in place.iterdir() if place.is_dir() else ():
        # A table may be a link to another disk; what else lies in the folder and leads away is no part of it.
        if entry.stem in REQUIRED or not entry.is_symlink():
            yield from _identity(entry)
            for folder, folders, files in os.walk(entry):
                for name in (*folders, *files):
                    yield from _identity(Path(folder, name))


def _identity(path: Path) -> Iterator[tuple[int, int]]:
    """Gives the device and number of a file or folder; nothing where there is none."""
    try:
        found = path.stat()
    except OSError:
        return
    yield found.st_dev, found.st_ino


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """Opens an empty working folder beside the target; its entry `whole` becomes the target at the end.

    Raises:
        TargetError: the disk is full or fails; the target is unchanged, and the working folder is removed.
    """
    target = place_of(target)
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
    """Replaces the target by a file or folder in one step, after its content has reached the disk.

    A link is followed; the permissions of an existing target, and of the parts in it, stay.
    """
    target = place_of(target)
    is_folder, exists = written.is_dir(), target.exists()
    old_parts = sorted(target.glob(PART_PATTERN)) if is_folder and exists else []
    for path in sorted(written.iterdir()) if is_folder else []:
        if old_parts:
            path.chmod(_mode(old_parts[0]))
        flush(path)
    flush(written)
    if is_folder and exists:
        mode = _mode(target)
        # Moving a folder needs the permission to write to it.
        written.chmod(mode | stat.S_IRWXU)
        # The old target is then in the working folder, which is removed.
        swap(written, target)
        target.chmod(mode)
    else:
        replace_file(written, target)
    flush(target.parent)


def replace_file(written: Path, target: Path) -> None:
    """Replaces a file in one step; the permissions of an existing one stay."""
    if target.exists():
        written.chmod(_mode(target))
    written.replace(target)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


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
