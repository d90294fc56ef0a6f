"""The log of a server: one JSON object per line, with the id of the request and without personal data.

A path is logged as its route, without the ids in it; an error by its type and stack, never by its message,
which may contain what was sent.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from types import TracebackType
from typing import Any, Final

from pydantic_core import to_json

from features.times import format_time
from serving.http.error_stream import ERRORS, Write

_FLUSH_SECONDS: Final = 0.25
_MOST_FRAMES: Final = 20
_Record = dict[str, object]

# Also for uvicorn, whose own messages use the same format.
LOG_CONFIG: Final[dict[str, Any]] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "serving.http.logs.JsonLines"}},
    "handlers": {"stderr": {"class": "serving.http.error_stream.ErrorStreamHandler", "formatter": "json"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": "INFO", "propagate": False}
        for name in ("leadodds", "uvicorn")
    },
}


class JsonLines(logging.Formatter):
    """Formats a record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Formats one line."""
        line: _Record = {
            "time": format_time(int(record.created * 1e6)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
        }
        if request_id := getattr(record, "request_id", None):
            line["request_id"] = request_id
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["met_at"] = _frames(record.exc_info[2])
        return to_json(line).decode()


class RequestLog:
    """Writes one line per request, many at once: one write each would cost as much as a small response."""

    def __init__(self, *, write: Write = ERRORS.write) -> None:
        self._write = write
        self._waiting: list[bytes] = []

    def add(self, record: _Record) -> None:
        """Queues a line; it is written within a quarter of a second."""
        self._waiting.append(to_json(record))
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Writes the queued lines."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._write(b"\n".join([*waiting, b""]))


def _frames(met_at: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(met_at)[-_MOST_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
