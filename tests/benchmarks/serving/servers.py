"""Servers that benchmarks start and stop, and the load that wrk puts on them."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# Names the file with the answer of the empty handler.
ANSWER_VARIABLE = "LEADODDS_BENCH_ANSWER"

_PATIENCE_SECONDS = 180.0
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk measured.

    Attributes:
        requests_per_second: answered.
        p99_ms: 99 of 100 answers took at most so long.
        failed: answers of another status than 2xx or 3xx, and broken connections.
    """

    requests_per_second: float
    p99_ms: float
    failed: int


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers.

    Attributes:
        url: of its root.
        pid: of the process.
        first_answer_seconds: from the start of the process to the first good answer.
    """

    url: str
    pid: int
    first_answer_seconds: float

    @property
    def resident_mib(self) -> float:
        """Memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def running(
    command: Sequence[str], *, probe: urllib.request.Request, port: int, environment: Mapping[str, str]
) -> Iterator[Server]:
    """Runs a server until the block ends.

    Args:
        command: starts it on the port.
        probe: a request that a ready server answers well.
        port: a free one.
        environment: variables besides those of this process.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
        # MLflow starts a process of its own, which has to end too.
        start_new_session=True,
    )
    try:
        while not _answers(probe):
            if process.poll() is not None or time.monotonic() - started > _PATIENCE_SECONDS:
                raise RuntimeError(f"{' '.join(command)} did not answer")
            time.sleep(0.005)
        yield Server(f"http://127.0.0.1:{port}", process.pid, time.monotonic() - started)
    finally:
        _stop(process)


def free_port() -> int:
    """Finds a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def program(name: str) -> str:
    """Finds a program of the environment that runs this."""
    return str(Path(sys.executable).with_name(name))


def post(url: str, body: bytes) -> urllib.request.Request:
    """Makes a request that sends JSON."""
    return urllib.request.Request(url, body, {"Content-Type": "application/json"})


def check_wrk() -> str:
    """Finds wrk, before anything is measured.

    Raises:
        SystemExit: it is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise SystemExit("The load comes from wrk, which is not installed: apt-get install wrk.")
    return wrk


def put_load(url: str, script: Path, *, connections: int, seconds: float) -> Load:
    """Lets wrk ask as fast as it is answered, with one thread.

    Raises:
        RuntimeError: wrk measured nothing.
    """
    command = [check_wrk(), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script), url]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    late = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    if rate is None or late is None or float(rate[1]) == 0:
        raise RuntimeError(f"nothing was answered within {seconds:g} seconds: {told}")
    faults = re.findall(r"Non-2xx or 3xx responses: (\d+)|(?:connect|read|write|timeout) (\d+)", told)
    failed = sum(int(one or other) for one, other in faults)
    return Load(float(rate[1]), float(late[1]) * _UNITS[late[2]], failed)


def script_of_post(file: Path, body: str) -> Path:
    """Writes a script that posts one body again and again."""
    file.write_text(
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [==[{body}]==]\n'
    )
    return file


def script_of_gets(file: Path, *, leads: int, query: str = "") -> Path:
    """Writes a script that asks for the scores of leads drawn at random."""
    file.write_text(
        "math.randomseed(7)\n"
        "function request()\n"
        f'  local path = string.format("/v1/leads/L%06d/score{query}", math.random(0, {leads - 1}))\n'
        '  return wrk.format("GET", path)\n'
        "end\n"
    )
    return file


def _stop(process: subprocess.Popen[bytes]) -> None:
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(process.pid, sign)
            process.wait(timeout=10)


def _answers(probe: urllib.request.Request) -> bool:
    try:
        with urllib.request.urlopen(probe, timeout=_PATIENCE_SECONDS) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
