"""Programs of MLflow in processes of their own, on a free port, stopped by who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.servers import ROOT, free_port

_PATIENCE_SECONDS = 180
# MLflow starts `uvicorn` by its name.
_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """A tracking server and registry on SQLite; gives its address."""
    stored = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--artifacts-destination", str(folder)]
    with _running("server", *stored, "--workers", "1", alive="health") as url:
        yield url


@contextmanager
def model_server(model_uri: str, tracking_uri: str) -> Iterator[str]:
    """`mlflow models serve` in this environment; gives its address."""
    arguments = ("--model-uri", model_uri, "--env-manager", "local")
    with _running("models", "serve", *arguments, alive="ping", MLFLOW_TRACKING_URI=tracking_uri) as url:
        yield url


@contextmanager
def _running(*arguments: str, alive: str, **settings: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", *arguments, "--host", "127.0.0.1", "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, **_ENVIRONMENT, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(process, f"{url}/{alive}")
        yield url
    finally:
        # MLflow starts the server as a child.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=_PATIENCE_SECONDS)


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, f"MLflow ended with {process.returncode}."
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(url)
