"""The process that re-scores beside a server: it starts with it, is replaced when it dies, ends with it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from tests.support.processes import Caller, running_server
from tests.support.small_models import home_with, small_bundle


def wait_for(condition: Callable[[], object], *, seconds: float = 60) -> object:
    """Waits until a condition holds; gives its value."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise TimeoutError


def rescoring_process(server: int) -> int | None:
    """Finds the child of a server that re-scores."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == server and b"serving.rescore" in (folder / "cmdline").read_bytes():
                return int(folder.name)
        except OSError:
            continue
    return None


def test_rescoring_process__lives_as_long_as_its_server(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle()).path
    lead = {"created_at": "2026-01-01T00:00:00Z", "attributes": {"country": "DE"}}

    with running_server(home) as (process, port):
        caller = Caller(port)

        def listed() -> list[str]:
            return [row["lead_id"] for row in caller.call("GET", "/v1/leads")[1]["leads"]]

        first = wait_for(lambda: rescoring_process(process.pid))
        caller.call("PUT", "/v1/leads/a", lead)
        wait_for(lambda: listed() == ["a"])
        assert isinstance(first, int)
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: (found := rescoring_process(process.pid)) not in (None, first) and found)
        caller.call("PUT", "/v1/leads/b", lead)
        wait_for(lambda: listed() == ["a", "b"])
        caller.close()
        process.kill()
        process.wait()
        wait_for(lambda: not Path(f"/proc/{second}").exists())

    assert first != second
