"""Switching without MLflow writes what MLflow would, and a kill at any moment leaves the old or the new."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bundle.bundle import read_bundle
from models.errors import AnotherModelError, NothingToRollBackError, UnknownVersionError
from models.home.decisions import read_decisions, user_name
from models.home.home import Home, resolve_model
from models.registry import switching
from models.registry.local_model import open_local_model
from models.registry.registry import Registry, open_registry
from models.scorecard.prediction import predict
from tests.leadodds_cli.test_app import loaded_by
from tests.support.homes import open_empty_registry
from tests.support.processes import Caller, running_server
from tests.support.scorecards import bundle_with, random_scorecard

VERDICT = ({"rule": "slope", "value": 1.0, "limit": "1", "passed": True, "sentence": "The slope is 1."},)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose versions 1, 2 and 3 became the champion one after the other."""
    registry = open_empty_registry(tmp_path_factory.mktemp("three") / "home")
    for seed in range(3):
        with registry.run("training") as run:
            scorecard = random_scorecard(seed=seed, features=4, pairs=1)
            registry.promote(registry.register(run, bundle_with(scorecard, verdict=VERDICT)))
    return registry.home.path


@pytest.fixture
def home(three: Path, tmp_path: Path) -> Home:
    return Home(Path(shutil.copytree(three, tmp_path / "home", copy_function=shutil.copy2)))


def mlflow_of(home: Home) -> Registry:
    return open_registry(home)


def state_of(home: Home) -> tuple[object, ...]:
    registry = mlflow_of(home)
    model = registry.client.get_registered_model(registry.model.name)
    tags = registry.client.get_model_version(registry.model.name, "1").tags
    past = [promotion.version for promotion in registry.past_promotions()]
    return registry.champion(), home.champion(), past, {*model.tags}, tags


@pytest.mark.parametrize("steps", ["promote 1", "rollback", "rollback rollback", "promote 1 rollback"])
def test_switch__leaves_what_mlflow_would(three: Path, tmp_path: Path, steps: str) -> None:
    by_mlflow, by_hand = (
        Home(Path(shutil.copytree(three, tmp_path / name, copy_function=shutil.copy2))) for name in "ab"
    )
    assert open_local_model(by_hand) is not None

    for step in steps.replace("promote 1", "1").split():
        if step == "rollback":
            assert mlflow_of(by_mlflow).rollback() == switching.rollback(by_hand)
        else:
            assert mlflow_of(by_mlflow).promote(step) == switching.promote(by_hand, step)

    assert state_of(by_hand) == state_of(by_mlflow)


def test_switch__loads_neither_mlflow_nor_sqlalchemy() -> None:
    loaded = loaded_by("import models.registry.switching")

    assert loaded & {"mlflow", "sqlalchemy", "pandas", "sklearn"} == set()


def test_switch__says_what_it_refuses_as_mlflow_does(home: Home) -> None:
    with pytest.raises(UnknownVersionError, match="9"):
        switching.promote(home, "9")
    shutil.rmtree(home.bundle_folder("2"))
    shutil.copytree(home.bundle_folder("1"), home.bundle_folder("2"))
    with pytest.raises(AnotherModelError, match="2"):
        switching.promote(home, "2")
    assert home.champion() == "3"


def test_switch__fetches_a_bundle_that_the_home_lacks(home: Home) -> None:
    shutil.rmtree(home.bundle_folder("2"))

    assert switching.rollback(home) == "2"
    assert read_bundle(resolve_model(home)).version == "2"


def test_rollback__beyond_the_first_is_refused(home: Home) -> None:
    switching.rollback(home)
    switching.rollback(home)

    with pytest.raises(NothingToRollBackError, match="1"):
        switching.rollback(home)


def test_switch__notes_who_when_and_why(home: Home) -> None:
    began = time.time_ns() // 1_000

    switching.rollback(home, reason="Calls by version 3 win less.")

    last, first, *_ = read_decisions(home)
    assert (last.action, last.version, last.before, last.by) == ("rollback", "2", "3", user_name())
    assert last.reason == "Calls by version 3 win less."
    assert began <= last.at <= time.time_ns() // 1_000
    assert (first.action, first.version, last.is_done, first.is_done) == ("promote", "3", True, True)
    listing = mlflow_of(home).list_versions()
    assert listing.summary()["decisions"][0]["reason"] == last.reason  # type: ignore[index]
    assert "rollback 2, by" in str(listing)


def test_read_decisions__tells_a_switch_that_never_came(home: Home) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Home, "swap_champion", _die)
        with pytest.raises(KeyboardInterrupt):
            switching.rollback(home, reason="first try")
    assert [decision.is_done for decision in read_decisions(home)][:1] == [False]

    switching.rollback(home, reason="second try")

    found = [(decision.reason, decision.is_done) for decision in read_decisions(home)][:2]
    assert found == [("second try", True), ("first try", False)]


def _die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.all
def test_server__follows_promote_and_rollback_within_two_seconds(home: Home) -> None:
    seconds = []
    with running_server(home.path) as (_, port):
        caller = Caller(port)
        for version in ("2", "3", "2", "3"):
            switching.rollback(home) if version == "2" else switching.promote(home, version)
            began = time.perf_counter()
            while caller.call("GET", "/readyz")[1]["model_version"] != version:
                assert time.perf_counter() - began < 20
                time.sleep(0.01)
            seconds.append(time.perf_counter() - began)
        caller.close()

    assert max(seconds) <= 2.0


def killed_after(command: Callable[[], object], seconds: float) -> None:
    """Runs a command in a process of its own and kills it after some time, unless it has ended."""
    child = os.fork()
    if child == 0:
        command()
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def answers(home: Home) -> list[float]:
    """Predictions of whatever answers, on fixed leads."""
    return answers_of(home, str(home.champion()))


def answers_of(home: Home, version: str) -> list[float]:
    """Predictions of a version, on fixed leads."""
    bundle = read_bundle(resolve_model(home, version))
    codes = np.random.default_rng(1).integers(0, 2, (50, len(bundle.scorecard.bins)), dtype=np.uint8)
    return list(predict(bundle.scorecard, codes, 30.0).probability.tolist())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.long)])
def test_rollback__killed_at_random_moments_leaves_the_old_or_the_new(home: Home, kills: int) -> None:
    chance = random.Random(kills)
    began = time.perf_counter()
    switching.rollback(home)
    lasts = time.perf_counter() - began
    expected = {"2": answers(home)}
    switching.promote(home, "3")
    expected["3"] = answers(home)
    seen: dict[str | None, int] = {}

    for _ in range(kills):
        killed_after(lambda: switching.rollback(home), chance.uniform(0, 1.5 * lasts))

        champion = home.champion()
        seen[champion] = seen.get(champion, 0) + 1
        assert champion in {"2", "3"}
        assert answers(home) == expected[str(champion)]
        # Repeated, it is finished and goes no further; where it had ended, the next goes back to version 1.
        if champion == "3" or open_local_model(home).past().endswith('"2"]]'):  # type: ignore[union-attr]
            assert switching.rollback(home) == "2"
        switching.promote(home, "3")
        assert answers(home) == expected["3"]

    assert sum(seen.values()) == kills
    state = state_of(home)
    assert state[:2] == ("3", "3")
