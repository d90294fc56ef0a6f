"""Where MLflow is, and under which names: as the environment says, and known at once where it is wrong."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import mlflow
import pytest

from features.sources.connections import sqlite_url
from models.errors import ExperimentError, RegistryError
from models.registry.connection import as_current
from models.registry.registry import open_registry
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard


def test_open_registry__a_server_that_is_not_there_shows_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://mia:secret@127.0.0.1:{port}")
    began = time.process_time()

    with pytest.raises(RegistryError, match=r"http://mia:\*\*\*@127\.0\.0\.1") as refused:
        open_registry(tmp_path)

    assert "secret" not in str(refused.value)
    assert time.process_time() - began < 5
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_open_registry__a_scheme_that_mlflow_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match=r"htpp://mlflow\.example cannot be used"):
        open_registry(tmp_path, tracking_uri="htpp://mlflow.example")


@pytest.mark.parametrize("variable", ["MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"])
def test_run__is_of_the_experiment_that_the_environment_names(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = open_empty_registry(tmp_path / "home")
    number = registry.client.create_experiment("spring")
    monkeypatch.setenv(variable, "spring" if variable.endswith("NAME") else number)

    with registry.run("training") as run:
        pass

    assert run.experiment_id == number


def test_run__of_an_experiment_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = open_empty_registry(tmp_path / "home")
    number = registry.client.create_experiment("spring")
    registry.client.delete_experiment(number)

    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "99")
    with pytest.raises(ExperimentError, match="The experiment 99 does not exist"), registry.run("training"):
        pass
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "spring")
    with pytest.raises(ExperimentError, match="The experiment spring was deleted"), registry.run("training"):
        pass


def test_registry__is_where_and_called_what_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = sqlite_url(open_empty_registry(tmp_path / "elsewhere").home.database)
    open_empty_registry(tmp_path / "home")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", elsewhere)
    monkeypatch.setenv("LEADODDS_MODEL_NAME", "odds_of_spring")

    registry = open_registry(tmp_path / "home")
    with registry.run("training") as run:
        version = registry.register(run, bundle_with(plain_scorecard()))
    registry.promote(version)

    assert registry.champion() == version == "1"
    kept = mlflow.MlflowClient(tracking_uri=elsewhere, registry_uri=elsewhere)
    assert [model.name for model in kept.search_registered_models()] == ["odds_of_spring"]
    # The run and the logged model are where the runs are.
    assert registry.client.get_run(run.run_id).info.status == "FINISHED"
    assert kept.search_logged_models(["0"]) == []


def test_as_current__leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")

    with as_current(sqlite_url(tmp_path / "other.db")):
        assert mlflow.get_tracking_uri().endswith("other.db")

    assert mlflow.get_tracking_uri() == os.environ["MLFLOW_TRACKING_URI"] == "http://mlflow.example"
