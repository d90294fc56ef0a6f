"""Promotions and rollbacks that are killed between two steps, and repeated: they are done once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

import models.home.home
import models.home.promotions
from models.home.home import Home
from models.home.promotions import Promotion
from models.registry.registry import Registry, open_registry
from tests.support.builders import at
from tests.support.homes import open_empty_registry
from tests.support.scorecards import bundle_with, plain_scorecard

# Tag, alias, file of the past, pointer; a rollback ends with the tag once more.
PROMOTION_STEPS = 4
ROLLBACK_STEPS = 5


class Killed(BaseException):
    """Stands for a kill: nothing of ours catches it."""


@pytest.fixture(scope="module")
def champions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with versions 1 to 4, of which 1, 2, 3 became the champion one after the other."""
    registry = open_empty_registry(tmp_path_factory.mktemp("champions") / "home")
    for _ in range(4):
        with registry.run("training") as run:
            registry.register(run, bundle_with(plain_scorecard()))
    for day, version in enumerate(("1", "2", "3"), start=1):
        registry.promote(version)
        os.utime(registry.home.champion_file, ns=(at(day) * 1_000, at(day) * 1_000))
    return registry.home.path


@pytest.fixture
def registry(champions: Path, tmp_path: Path) -> Registry:
    shutil.copytree(champions, tmp_path / "home", copy_function=shutil.copy2)
    return open_registry(tmp_path / "home")


def kill_before(step: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lets the write of that number, counted from 0, never happen. Returns the names of those that did."""
    done: list[str] = []

    def counted(name: str, write: Callable[..., Any]) -> Callable[..., Any]:
        def write_or_die(*args: Any, **options: Any) -> Any:
            if len(done) == step:
                raise Killed("before the next write")
            done.append(name)
            return write(*args, **options)

        return write_or_die

    for place, name in (
        (MlflowClient, "set_registered_model_tag"),
        (MlflowClient, "set_registered_model_alias"),
        (models.home.promotions, "replace_text"),
        (models.home.home, "replace_text"),
    ):
        monkeypatch.setattr(place, name, counted(f"{place.__name__}.{name}", getattr(place, name)))
    return done


def killed(command: Callable[[], str], *, step: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        kill_before(step, patch)
        with pytest.raises(Killed, match="before the next write"):
            command()


def answering(registry: Registry) -> tuple[str | None, str | None]:
    return registry.champion(), registry.home.champion()


@pytest.mark.parametrize("step", range(ROLLBACK_STEPS))
def test_rollback__killed_at_any_step_and_repeated_is_one_step_back(registry: Registry, step: int) -> None:
    killed(registry.rollback, step=step)

    repeated = registry.rollback()

    assert (repeated, *answering(registry)) == ("2", "2", "2")
    assert registry.rollback() == "1"


# What is written stays written: the second time fewer writes are left.
@pytest.mark.parametrize(("first", "second"), [(0, 2), (1, 0), (2, 1), (3, 1), (4, 1)])
def test_rollback__killed_twice_and_repeated_is_one_step_back(
    registry: Registry, first: int, second: int
) -> None:
    killed(registry.rollback, step=first)
    killed(registry.rollback, step=second)

    assert registry.rollback() == "2"
    assert answering(registry) == ("2", "2")


@pytest.mark.parametrize("step", range(PROMOTION_STEPS))
def test_promote__killed_at_any_step_and_repeated_is_one_promotion(registry: Registry, step: int) -> None:
    killed(partial(registry.promote, "4"), step=step)

    registry.promote("4")

    assert answering(registry) == ("4", "4")
    assert [registry.rollback() for _ in range(3)] == ["3", "2", "1"]


@pytest.mark.parametrize("step", range(ROLLBACK_STEPS))
def test_promote__after_a_rollback_that_was_killed(registry: Registry, step: int) -> None:
    killed(registry.rollback, step=step)
    champion = registry.champion()

    registry.promote("4")

    assert answering(registry) == ("4", "4")
    # Back to what was the champion when 4 became it.
    assert [registry.rollback() for _ in range(2)] == [champion, {"3": "2", "2": "1"}[str(champion)]]


@pytest.mark.parametrize("step", range(PROMOTION_STEPS))
def test_rollback__after_a_promotion_that_was_killed(registry: Registry, step: int) -> None:
    killed(partial(registry.promote, "4"), step=step)
    champion = registry.champion()

    registry.rollback()

    assert answering(registry) == ({"3": "2", "4": "3"}[str(champion)],) * 2


def test_steps__are_all_that_a_promotion_and_a_rollback_write(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = kill_before(100, monkeypatch)
    tag, alias, file, pointer = (
        "MlflowClient.set_registered_model_tag",
        "MlflowClient.set_registered_model_alias",
        "models.home.promotions.replace_text",
        "models.home.home.replace_text",
    )

    registry.promote("4")
    promoted = list(done)
    registry.rollback()

    assert promoted == [tag, alias, file, pointer]
    assert done[PROMOTION_STEPS:] == [tag, alias, file, pointer, tag]


def test_rollback__killed_by_the_system_between_alias_and_pointer(registry: Registry) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from models.home.home import Home; from models.registry.registry import open_registry\n"
        "Home.swap_champion = lambda *args, **options: os.kill(os.getpid(), signal.SIGKILL)\n"
        "open_registry(Path(sys.argv[1])).rollback()\n"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(registry.home.path)], cwd=Path.cwd(), check=False
    )
    between = answering(registry)

    assert killed.returncode == -signal.SIGKILL
    assert between == ("2", "3")
    assert registry.rollback() == "2"
    assert answering(registry) == ("2", "2")


def test_past_champions__the_file_is_derived_from_the_tag(registry: Registry) -> None:
    registry.home.past_champions_file.unlink()

    registry.promote("4")

    assert json.loads(registry.client.get_registered_model("leadodds").tags["past_champions"]) == [
        ["1", at(1)],
        ["2", at(2)],
        ["3", at(3)],
    ]
    assert registry.home.promotions()[1:] == (
        Promotion("3", at(3)),
        Promotion("2", at(2)),
        Promotion("1", at(1)),
    )


def test_past_champions__a_home_of_before_keeps_its_lines(registry: Registry) -> None:
    # As homes were written before: the tag holds versions alone, the lines their dates.
    registry.client.set_registered_model_tag("leadodds", "past_champions", '["1", "2"]')
    lines = registry.home.past_champions_file.read_text()

    registry.promote("4")

    assert registry.home.past_champions_file.read_text().startswith(lines)
    assert [promotion.version for promotion in registry.home.promotions()] == ["4", "3", "2", "1"]
    assert [registry.rollback() for _ in range(3)] == ["3", "2", "1"]


def test_past_champions__the_oldest_are_forgotten_where_the_tag_is_full(registry: Registry) -> None:
    entries = [[str(number), at(1)] for number in range(1_000)]
    registry.client.set_registered_model_tag("leadodds", "past_champions", json.dumps(entries))

    registry.promote("4")

    text = registry.client.get_registered_model("leadodds").tags["past_champions"]
    assert 4_900 < len(text) <= 5_000
    assert json.loads(text)[-2:] == [["999", at(1)], ["3", at(3)]]


def test_past_champions__a_home_that_follows_tells_the_same_past(registry: Registry, tmp_path: Path) -> None:
    follower = Home(tmp_path / "follower")
    shutil.copytree(registry.home.bundles, follower.bundles)

    follower.swap_champion("3", past=registry.past_promotions())

    assert follower.promotions()[1:] == registry.home.promotions()[1:]
