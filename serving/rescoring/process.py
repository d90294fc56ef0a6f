"""Starts the process that re-scores beside a server, starts it again when it dies, and ends it.

The process ends by itself when its standard input ends, as it does with a server that was killed.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from typing import Final

from serving.settings import ServerSettings

SETTINGS_VARIABLE: Final = "LEADODDS_RESCORING_SETTINGS"
_LOG: Final = logging.getLogger("leadodds.serving")

# How long it may take to finish its leads before it is ended.
_FINISH_SECONDS: Final = 10.0
# A process that dies at once is started again ever more slowly.
_FIRST_PAUSE_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 60.0
_LONG_LIFE_SECONDS: Final = 60.0


class RescoringProcess:
    """The one process of a server that keeps the current scores current."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._is_closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None

    @property
    def process_id(self) -> int | None:
        """Id of the process; None where none runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Starts the process, and a thread that watches it."""
        self._thread = threading.Thread(target=self._run, name="leadodds-rescoring", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the process once it has finished the leads it works on."""
        self._is_closing.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(_FINISH_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._is_closing.is_set():
            self._process = process = self._popen()
            try:
                process.wait(_LONG_LIFE_SECONDS)
            except subprocess.TimeoutExpired:
                pause = _FIRST_PAUSE_SECONDS
                process.wait()
            if self._is_closing.is_set():
                return
            _LOG.error("the re-scoring process ended with code %s and is started again", process.returncode)
            self._is_closing.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _popen(self) -> subprocess.Popen[bytes]:
        own = {SETTINGS_VARIABLE: self._settings.model_dump_json(), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "serving.rescore"], stdin=subprocess.PIPE, env={**os.environ, **own}
        )
