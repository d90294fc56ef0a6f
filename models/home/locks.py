"""Locks of files, which end with the process that holds them, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(path: Path, *, waits: bool = True) -> Iterator[None]:
    """Holds the lock of a file, which is made.

    Args:
        path: of the file, in a folder that is there.
        waits: for another process to let it go.

    Raises:
        BlockingIOError: another process has it, and this one does not wait.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX if waits else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
