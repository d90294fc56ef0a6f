"""The log of a server: one JSON object a line, with the id of the request, and nobody's data.

A path is told as its route, without the ids in it; of an error its type and where it was met, never what it
said, because what it said may be what was sent.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final

from pydantic_core import to_json

from features.times import format_time

_FLUSH_SECONDS: Final = 0.25
_FRAMES_TOLD: Final = 20
_Record = dict[str, object]

# For uvicorn, whose own words go the same way.
LOG_CONFIG: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "serving.http.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("leadodds", "uvicorn")
    },
}


class JsonLines(logging.Formatter):
    """Writes a record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Writes one line."""
        told: _Record = {
            "time": format_time(int(record.created * 1e6)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if request_id := getattr(record, "request_id", None):
            told["request_id"] = request_id
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["met_at"] = _frames(record.exc_info[2])
        return to_json(told).decode()


class RequestLog:
    """Writes a line for each request, many at once: a write for each would cost as much as a small answer."""

    def __init__(self, *, write: Callable[[str], object] | None = None) -> None:
        self._write = write
        self._waiting: list[bytes] = []

    def add(self, record: _Record) -> None:
        """Takes a line; it is written within a quarter of a second."""
        self._waiting.append(to_json(record))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            (self._write or sys.stderr.write)(b"\n".join([*waiting, b""]).decode())


def _frames(met_at: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(met_at)[-_FRAMES_TOLD:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
