"""The README does what it says: its commands run, its request is answered as shown, its links work."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from features.catalog import load_catalogue
from serving.ask import running_server
from tests.small_business import small_business, write_business
from tests.test_leadodds import QUICK

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The README's code blocks in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def commands() -> list[list[str]]:
    """Every `leadodds` command of the README, in order, without what follows a #."""
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("leadodds ")]


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs one command in a folder of its own."""
    environment = {**os.environ, "LEADODDS_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder that holds the history the README speaks of, small."""
    folder = tmp_path_factory.mktemp("readme")
    write_business(folder / "demo" / "history", small_business())
    (folder / "leadodds.toml").write_text(QUICK)
    return folder


def test_readme__commands_run_in_the_order_they_are_told(folder: Path) -> None:
    told = [command for command in commands() if command[1] != "serve"]

    for command in told:
        # The same commands on a small history, where a training takes seconds.
        quick = ["--quick", "--config", "leadodds.toml"] if command[1] == "train" else []
        done = run([*command, *quick], folder)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    assert {command[1] for command in told} >= {"check", "train", "score", "models"}
    assert (folder / "scores.parquet").is_file()


@pytest.mark.parametrize("language", ["cron", "ini"])
def test_readme__nightly_job_is_quiet_and_writes_scores(language: str, folder: Path) -> None:
    (job,) = re.findall(r"leadodds (score .*)", blocks(language)[0])
    told = job.replace("/srv/crm/history", "demo/history").replace("/srv/crm/scores", language)

    done = run(["leadodds", *shlex.split(told)], folder)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (folder / f"{language}.parquet").is_file()


def test_readme__request_is_answered_with_the_fields_that_are_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_request, shown_answer = (json.loads(block) for block in blocks("json")[:2])
    monkeypatch.setenv("LEADODDS_HOME", str(folder / "home"))
    monkeypatch.chdir(ROOT)

    with running_server() as url:
        answered = ask(url, shown_request)

    assert list(answered) == list(shown_answer)
    assert list(answered["reasons"][0]) == list(shown_answer["reasons"][0])


def ask(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Does what the README's curl command does, at another address; curl itself need not be there."""
    (line,) = [line for block in blocks("bash") for line in block.splitlines() if line.startswith("curl ")]
    words = shlex.split(line.replace("http://127.0.0.1:8000", url))
    address, header = words[2], words[words.index("-H") + 1]
    request = urllib.request.Request(address, json.dumps(body).encode(), dict([header.split(": ")]))
    with urllib.request.urlopen(request, timeout=30) as response:
        answered: dict[str, Any] = json.load(response)
    return answered


def test_readme__targets_are_those_of_the_makefile() -> None:
    named = {
        target for block in blocks("bash") for target in re.findall(r"^make ([a-z-]+)", block, flags=re.M)
    }

    for target in named:
        dry = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
        assert dry.returncode == 0, dry.stderr
    assert named >= {"demo", "test"}


@pytest.mark.all
def test_readme__demo_ends_with_an_answer(tmp_path: Path) -> None:
    # What runs the tests is set up already.
    command = ["make", "-s", "-o", ".venv/.base", "demo", f"DEMO={tmp_path / 'demo'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert '"probability":' in done.stdout
    assert " 10. lead-" in done.stdout


def test_readme__declared_features_load(tmp_path: Path) -> None:
    for number, block in enumerate(blocks("toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        assert load_catalogue(path).features


def test_readme__links_lead_to_files_that_are_there() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)

    assert [link for link in links if not (ROOT / link).exists()] == []
