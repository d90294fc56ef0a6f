"""Servers in processes of their own, on a free port of this machine, stopped by who started them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.home.home import Home

ROOT = Path(__file__).parents[2]


@dataclass
class RunningServer:
    """A server, and what it said once it has ended."""

    process: subprocess.Popen[str]
    port: int
    log: str = ""

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, timeout: float = 20) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.log = self.process.communicate(timeout=40)[1]
        return self.process.returncode


@contextmanager
def running_server(home: Home, *arguments: str, **settings: object) -> Iterator[RunningServer]:
    """Runs `leadodds serve` with settings from the environment until the block ends."""
    port = free_port()
    told = {f"LEADODDS_{name.upper()}": str(value) for name, value in settings.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", "leadodds", "serve", "--port", str(port), *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "LEADODDS_HOME": str(home.path), **told},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = RunningServer(process, port)
    try:
        wait_until_alive(server)
        yield server
    finally:
        server.stop(signal.SIGKILL if process.poll() is None and server.log else signal.SIGTERM)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_until_alive(server: RunningServer) -> None:
    """Waits until a server answers; what it said is the error when it ends before."""
    # Several workers on a machine that has much else to do.
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(server.process.communicate()[1])
        try:
            with urllib.request.urlopen(f"{server.url}/livez", timeout=5):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(server.url)
