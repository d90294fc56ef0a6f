"""Empties the write-ahead log of SQLite after an erasure, because it still holds what was erased."""

from __future__ import annotations

import threading
from typing import Final

import sqlalchemy as sa

from serving.database.engine import truncate_log

_PAUSE_SECONDS: Final = 0.5


class LogTruncation:
    """Empties the log at once, or as soon as no reader needs an older state of the database."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._thread: threading.Thread | None = None

    def empty(self) -> None:
        """Empties the log; where a reader is in the way, a thread goes on trying until it is gone."""
        if self._is_empty():
            return
        with self._lock:
            if self._thread is None and not self._is_closed.is_set():
                self._thread = threading.Thread(target=self._go_on, name="leadodds-log", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Ends the thread; the last connection that closes empties the log."""
        self._is_closed.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _go_on(self) -> None:
        while not self._is_closed.wait(_PAUSE_SECONDS):
            with self._lock:
                if self._is_empty():
                    self._thread = None
                    return

    def _is_empty(self) -> bool:
        try:
            return truncate_log(self._engine)
        except sa.exc.SQLAlchemyError:
            return False
