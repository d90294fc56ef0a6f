"""The three servers that are compared: ours, an empty handler, and MLflow with the same model."""

from __future__ import annotations

import json
import math
import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np

from models.bundle.bundle import write_bundle
from models.pyfunc import LOADER_MODULE
from models.registry.logged_model import signature_of
from serving.bodies.score_bodies import ScoreRequest, check_body
from serving.scoring.body_leads import request_of_body
from serving.scoring.lead_requests import history_of
from serving.scoring.predictor import Predictor
from tests.benchmarks.serving.servers import (
    ANSWER_VARIABLE,
    Server,
    free_port,
    post,
    program,
    running,
    script_of_post,
)

_ROOT = str(Path(__file__).parents[3])


def running_ours(home: Path, body: str) -> AbstractContextManager[Server]:
    """Runs `leadodds serve`; its first answer is a score."""
    port = free_port()
    command = [sys.executable, "-m", "serving", "--port", str(port)]
    probe = post(f"http://127.0.0.1:{port}/v1/score", body.encode())
    return running(command, probe=probe, port=port, environment={"LEADODDS_HOME": str(home)})


def running_empty(answer: Path, body: str) -> AbstractContextManager[Server]:
    """Runs the empty handler, which answers the content of a file."""
    port = free_port()
    command = [
        program("uvicorn"),
        "tests.benchmarks.serving.empty_app:app",
        "--port",
        str(port),
        "--no-access-log",
    ]
    probe = post(f"http://127.0.0.1:{port}/v1/score", body.encode())
    return running(command, probe=probe, port=port, environment={ANSWER_VARIABLE: str(answer)})


@contextmanager
def running_mlflow(folder: Path, predictor: Predictor, body: str) -> Iterator[tuple[Server, Path]]:
    """Runs `mlflow models serve` of the bundle, and writes the script of its load."""
    write_bundle(folder / "bundle", predictor.bundle)
    mlflow.pyfunc.save_model(
        str(folder / "model"),
        loader_module=LOADER_MODULE,
        data_path=str(folder / "bundle"),
        signature=signature_of(predictor.bundle),
        pip_requirements=["leadodds"],
    )
    row = json.dumps({"dataframe_split": _row_of(predictor, body)})
    port = free_port()
    command = [program("mlflow"), "models", "serve", "-m", str(folder / "model")]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    probe = post(f"http://127.0.0.1:{port}/invocations", row.encode())
    # MLflow calls uvicorn by its name.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": path, "PYTHONPATH": _ROOT, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with running(command, probe=probe, port=port, environment=environment) as server:
        yield server, script_of_post(folder / "row.lua", row)


def answer_of(server: Server, body: str) -> bytes:
    """Requests one score."""
    with urllib.request.urlopen(post(f"{server.url}/v1/score", body.encode())) as answer:
        content: bytes = answer.read()
    return content


def _row_of(predictor: Predictor, body: str) -> dict[str, Any]:
    """Writes the features of the lead as a table of one row."""
    request = check_body(ScoreRequest, json.loads(body))
    lead_request = request_of_body(predictor, request, now=request.as_of or 0)
    matrix = predictor.compute(history_of([lead_request]), np.zeros(1, dtype=np.int64), lead_request.as_of)
    names = [bins.name for bins in predictor.bundle.scorecard.bins]
    return {"columns": names, "data": [[_cell(matrix, name) for name in names]]}


def _cell(matrix: Any, name: str) -> float | str | None:
    value = float(matrix.column(name)[0])
    if math.isnan(value):
        return None
    return matrix.vocabularies[name][int(value)] if name in matrix.vocabularies else value
