"""Writes the log to the error stream in a thread of its own.

A pipe that nobody reads is full after 64 KiB: a server that wrote to it itself would stand still. Lines that
find too much waiting are dropped, and counted in the line that follows once there is room again.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pydantic_core import to_json

_STDERR: Final = 2
# Some seconds of a busy server.
_MOST_BYTES: Final = 4 * 1024 * 1024
# How long a stopping process waits for a reader.
_LAST_SECONDS: Final = 1.0
Write = Callable[[bytes], object]


class ErrorStream:
    """A bounded queue of lines before a stream that may not take them."""

    def __init__(self, write: Write | None = None, *, most_bytes: int = _MOST_BYTES) -> None:
        """Starts no thread yet.

        Args:
            write: takes bytes, and may take its time; the error stream by default.
            most_bytes: that wait at most.
        """
        self._write = write or _write_to_stderr
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._dropped = 0
        self._is_ending = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def write(self, lines: bytes) -> None:
        """Queues whole lines; waits for nothing, unless the process ends."""
        self._queue(lines)
        if self._is_ending:
            self.flush()

    def end(self) -> None:
        """Waits until all is written, for a second at most, and from now on so at each line.

        A server that was stopped by a signal ends by it in the end, without a last call to anything of ours.
        """
        self._is_ending = True
        self.flush()

    def _queue(self, lines: bytes) -> None:
        with self._changed:
            if self._bytes + len(lines) > self._most_bytes:
                self._dropped += lines.count(b"\n")
                return
            if self._dropped:
                lines = _line_on_dropped(self._dropped) + lines
                self._dropped = 0
            self._waiting.append(lines)
            self._bytes += len(lines)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="leadodds-log", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def flush(self, *, seconds: float = _LAST_SECONDS) -> bool:
        """Waits until all is written, for so long at most; returns whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._bytes, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                lines = self._waiting.popleft()
            # A reader that has gone was the only place that could be told.
            with suppress(OSError):
                self._write(lines)
            with self._changed:
                self._bytes -= len(lines)
                self._changed.notify_all()


def _write_to_stderr(lines: bytes) -> None:
    # Past `sys.stderr`, for whose lock the end of the process would wait.
    while lines:
        lines = lines[os.write(_STDERR, lines) :]


def _line_on_dropped(count: int) -> bytes:
    line = {"level": "warning", "logger": "leadodds.log", "message": f"{count} lines were not written"}
    return to_json(line) + b"\n"


# The one of this process.
ERRORS: Final = ErrorStream()


class ErrorStreamHandler(logging.Handler):
    """Hands records to the error stream of this process."""

    def emit(self, record: logging.LogRecord) -> None:
        """Queues the line of a record."""
        ERRORS.write(self.format(record).encode() + b"\n")

    def flush(self) -> None:
        """Waits for the lines of a process that ends, for a second at most."""
        ERRORS.flush()
