"""schemathesis with all of its checks finds nothing: a server with a key does what OpenAPI says, and no more.

Requests that follow one another are among its cases: what was written is read, changed, erased and asked for
again. What OpenAPI cannot say of this API stands in `schemathesis.toml`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from serving.keys.commands import create
from tests.support.servers import running_server
from tests.support.small_models import home_with, small_bundle

CONFIG = Path(__file__).with_name("schemathesis.toml")
# CASES=100000 makes the longer proof longer.
LONG_CASES = int(os.environ.get("CASES", "20000"))


def run_cases(folder: Path, *phases: str, examples: int, cases: int) -> int:
    """Lets schemathesis ask a new server, seed after seed, until there were so many cases; counts them."""
    home = home_with(folder / "home", small_bundle())
    key = create("cases", "admin", home=home.path, now=time.time_ns() // 1000, requests_per_second=1e6)["key"]
    count, seed = 0, 0
    # Nothing here is about time: a machine with other work to do may be slow.
    with running_server(home, log_requests="false", database_seconds="60") as server:
        while count < cases:
            seed += 1
            command = [
                *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
                *("run", f"{server.url}/openapi.json", "--header", f"X-API-Key: {key}"),
                *("--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed)),
                *("--generation-database", "none", "--no-color", "--suppress-health-check", "too_slow"),
            ]
            run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert run.returncode == 0, run.stdout[-20_000:]
            found = re.search(r"(\d+) generated", run.stdout)
            assert found is not None, run.stdout[-2_000:]
            count += int(found[1])
    return count


@pytest.mark.all
def test_service__does_what_it_describes(tmp_path: Path) -> None:
    assert run_cases(tmp_path, "fuzzing", "stateful", examples=3, cases=100) >= 100


@pytest.mark.long
def test_service__does_what_it_describes_in_many_cases(tmp_path: Path) -> None:
    phases = ("examples", "coverage", "fuzzing", "stateful")

    assert run_cases(tmp_path, *phases, examples=50, cases=LONG_CASES) >= LONG_CASES
