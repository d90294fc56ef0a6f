"""A server in a process of its own, that can be killed."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT, free_port

_PATIENCE_SECONDS = 60


class Caller:
    """A client that keeps its connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_SECONDS)

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Returns status and body of the response.

        Raises:
            OSError, http.client.HTTPException: nothing listens.
        """
        sent = None if body is None else json.dumps(body)
        self._connection.request(method, path, sent, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, json.load(response)

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()


@contextmanager
def running_server(home: Path, port: int | None = None) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Runs a server until the block ends, by default on a free port; gives the process and the port."""
    port = port or free_port()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LEADODDS_HOME": str(home)}
    environment.pop("LEADODDS_DATABASE", None)
    command = [sys.executable, "-m", "leadodds", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(process, port)
        yield process, port
    finally:
        process.terminate()
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        caller = Caller(port)
        try:
            caller.call("GET", "/livez")
        except OSError:
            time.sleep(0.02)
        else:
            return
        finally:
            caller.close()
    raise TimeoutError(f"the server on port {port} did not answer")
