"""`leadodds pull` keeps a home at the champion of a registry elsewhere, and lets nothing but data through."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from features.times import DurationError, parse_duration
from models.bundle.bundle import read_bundle, write_bundle
from models.errors import (
    AnotherModelError,
    BundleFileError,
    ForeignModelError,
    NoRemoteChampionError,
    RegistryError,
)
from models.home.home import Home
from models.registry.pull import Pulled, follow_registry, pull_champion
from models.registry.registry import Registry, open_registry
from serving.scoring.live_model import LiveModel
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard
from tests.support.small_models import small_bundle


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A registry elsewhere, which commands here are pointed to."""
    registry = open_empty_registry(tmp_path / "elsewhere")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.tracking_uri)
    return registry


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "here")


def champion(registry: Registry, *, average: float = -2.0) -> str:
    """Registers a version and makes it the champion over there."""
    with registry.run("training") as run:
        version = registry.register(run, bundle_with(plain_scorecard(average=average)))
    return registry.promote(version)


def test_pull_champion__sets_the_champion_down_and_lets_it_answer(registry: Registry, home: Home) -> None:
    champion(registry)
    first = pull_champion(home.path)
    again = pull_champion(home.path)
    champion(registry, average=-1.0)
    second = pull_champion(home.path)

    assert (first, again) == (Pulled("1", None), Pulled("1", "1"))
    assert second.summary() == {"champion": "2", "previous": "1", "changed": True}
    assert (home.champion(), home.versions()) == ("2", ("1", "2"))
    assert {path.name for path in home.path.iterdir()} == {
        "bundles",
        "champion",
        "decisions.jsonl",
        "past_champions.jsonl",
    }
    theirs, ours = (read_bundle(place.bundle_folder("2")) for place in (registry.home, home))
    assert theirs.content_digest == ours.content_digest
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ


def test_pull_champion__follows_a_rollback(registry: Registry, home: Home) -> None:
    champion(registry)
    champion(registry)
    pull_champion(home.path)
    registry.rollback()

    assert pull_champion(home.path) == Pulled("1", "2")
    assert home.champion() == "1"


def test_pull_champion__without_one_changes_nothing(registry: Registry, home: Home) -> None:
    with pytest.raises(NoRemoteChampionError, match="no champion to fetch"):
        pull_champion(home.path)

    assert home.champion() is None


@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "nonsense://x"])
def test_pull_champion__of_a_registry_that_is_away_leaves_the_last_good_bundle(
    registry: Registry, home: Home, monkeypatch: pytest.MonkeyPatch, uri: str
) -> None:
    champion(registry)
    pull_champion(home.path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(RegistryError, match="cannot be used"):
        pull_champion(home.path)

    assert home.champion() == "1"
    assert read_bundle(home.bundle_folder("1")).version == "1"


def described(registry: Registry) -> Path:
    (folder,) = (registry.home.artifacts / "models").glob("*/artifacts")
    return folder / "MLmodel"


def exchanges(old: str, new: str) -> Callable[[Path], object]:
    def change(described: Path) -> None:
        text = described.read_text()
        assert old in text
        described.write_text(text.replace(old, new))

    return change


def adds(name: str) -> Callable[[Path], object]:
    def add(described: Path) -> None:
        (described.parent / name).parent.mkdir(parents=True, exist_ok=True)
        (described.parent / name).write_text("raise SystemExit('this was run')")

    return add


FOREIGN = {
    "another loader": exchanges("loader_module: models.pyfunc", "loader_module: mlflow.pyfunc.model"),
    "code paths": exchanges("code: null", "code: code"),
    "a model from code": exchanges("streamable: false", "model_code_path: model.py"),
    "a pickled model": exchanges("streamable: false", "python_model: python_model.pkl"),
    "a field of another MLflow": exchanges("streamable: false", "model_config: {}"),
    "code that nothing names": adds("code/models/pyfunc.py"),
    "a pickle that nothing names": adds("python_model.pkl"),
    "a module beside the bundle": adds("data/sitecustomize.py"),
}


@pytest.mark.parametrize("make_foreign", FOREIGN.values(), ids=FOREIGN)
def test_pull_champion__refuses_what_could_run_code(
    registry: Registry, home: Home, make_foreign: Callable[[Path], object]
) -> None:
    champion(registry)
    make_foreign(described(registry))

    with pytest.raises(ForeignModelError, match=r"only data read by models\.pyfunc is taken"):
        pull_champion(home.path)

    assert (home.champion(), home.versions()) == (None, ())


def test_pull_champion__refuses_a_bundle_that_was_tampered_with(registry: Registry, home: Home) -> None:
    champion(registry)
    (described(registry).parent / "data" / "bundle" / "card.json").write_text("{}")

    with pytest.raises(BundleFileError, match=r"card\.json has the digest"):
        pull_champion(home.path)

    assert home.champion() is None


def test_pull_champion__refuses_another_model_under_the_number(registry: Registry, home: Home) -> None:
    champion(registry)
    write_bundle(home.bundle_folder("1"), small_bundle())

    with pytest.raises(AnotherModelError, match="another model than version 1"):
        pull_champion(home.path)

    assert home.champion() is None


@pytest.mark.parametrize("text", ["0s", "30", "-1m", "soon", "nand", "infd", "", "s", "1e9d"])
def test_parse_duration__refuses_what_is_none(text: str) -> None:
    with pytest.raises(DurationError, match=r"--every is .* Write it like 30s"):
        parse_duration(text, item="--every")


class StopError(Exception):
    """Ends what would go on for ever."""


def collected(home: Home, *between: Callable[[], object]) -> list[dict[str, Any]]:
    """Collects what is yielded over some requests, with changes of the registry between them."""
    steps = iter(between)
    yielded: list[dict[str, Any]] = []

    def wait(seconds: float) -> None:
        step = next(steps, None)
        if step is None:
            raise StopError
        step()

    looking = follow_registry(home.path, seconds=30, wait=wait)
    while True:
        try:
            yielded.append(next(looking))
        except StopError:
            return yielded


def test_follow_registry__goes_on_whatever_the_registry_does(registry: Registry, home: Home) -> None:
    yielded = collected(
        home,
        lambda: champion(registry),
        lambda: None,
        lambda: champion_without_files(registry),
        lambda: None,
        lambda: champion(registry),
    )

    assert [(facts["champion"], "refused" in facts) for facts in yielded] == [
        (None, True),
        ("1", False),
        ("1", True),
        ("3", False),
    ]


def champion_without_files(registry: Registry) -> None:
    champion(registry)
    shutil.rmtree(registry.home.artifacts)


def test_server__follows_what_was_pulled(registry: Registry, home: Home) -> None:
    champion(registry)
    pull_champion(home.path)
    live = LiveModel(home)
    champion(registry, average=-1.0)
    pull_champion(home.path)

    live.refresh()

    assert (live.predictor.model_version, live.refusal) == ("2", None)


@contextmanager
def tracking_server(folder: Path) -> Iterator[str]:
    """Runs MLflow's own server until the block ends."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    store = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    store += ["--artifacts-destination", f"{folder}/files"]
    command = [sys.executable, "-m", "mlflow", "server", *store, "--port", str(port), "--workers", "1"]
    log = (folder / "log").open("w")
    server = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{url}/health", timeout=5):
                    break
            except OSError:
                time.sleep(0.2)
        else:
            raise TimeoutError(url)
        yield url
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=30)
        log.close()


@pytest.mark.all
def test_pull_champion__over_http_from_mlflows_own_server(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(open_empty_registry(tmp_path / "elsewhere").home.path, tmp_path / "server")
    with tracking_server(tmp_path / "server") as url:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        champion(open_registry(tmp_path / "trainer"))
        pulled = pull_champion(home.path)
    # MLflow's client reads it at every call.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    with pytest.raises(RegistryError, match="cannot be used"):
        pull_champion(home.path)

    assert (pulled.version, home.champion()) == ("1", "1")
    assert LiveModel(home).predictor.model_version == "1"
