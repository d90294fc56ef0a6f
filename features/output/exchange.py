"""Lets two paths change places in one step, so that nobody ever finds neither or a mixture."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path
from typing import Final

_AT_FDCWD: Final = -100
_RENAME_EXCHANGE: Final = 2
_NOT_THERE: Final = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP)


def exchange(first: Path, second: Path) -> None:
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
