"""The wheel holds all that the rooms hold, and works in an environment that has never seen the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest

from tests.support.servers import RunningServer, free_port, wait_until_alive
from tests.test_layers import ORDER
from tests.test_leadodds import QUICK

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).with_name("uv")
AS_OF = "2026-05-04T00:00:00Z"  # the end of the made-up company

SHIPPED = (*ORDER, "leadodds.py")
USER_CODE = """
import leadodds
reveal_type(leadodds.score("history"))
reveal_type(leadodds.load_model().card)
reveal_type(leadodds.train("history").model_version)
leadodds.score("history", asof="2026-05-04T00:00:00Z")
leadodds.learn("history")
"""


def tracked(*places: str) -> list[str]:
    """Files that git tracks or would track, below some folders of the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *places],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for path in listed.stdout.splitlines() if (ROOT / path).is_file()]


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment without what would lead back to the checkout."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LEADODDS_"))}
    return kept | settings


def run(*command: str | Path, folder: Path, **settings: str) -> str:
    """Runs a command in a folder; what it printed.

    Raises:
        RuntimeError: it failed; the text is what it said.
    """
    done = subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env=clean_environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what is tracked, so that nothing is left in the checkout."""
    source = tmp_path_factory.mktemp("source")
    for path in tracked(*SHIPPED, "pyproject.toml", "README.md", "LICENSE"):
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    # Builds with the setuptools that is installed: no network.
    build = (UV, "build", "--quiet", "--offline", "--wheel", "--no-build-isolation")
    run(*build, "--python", sys.executable, "--out-dir", source / "dist", source, folder=source)
    (built,) = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel; libraries are those of this environment, by a path file.

    Path files of a folder that was itself added by one are not read: the checkout, which is installed here
    by such a file, stays out of sight.
    """
    environment = tmp_path_factory.mktemp("fresh") / "env"
    run(
        UV, "venv", "--quiet", "--offline", "--python", sys.executable, environment, folder=environment.parent
    )
    install = (UV, "pip", "install", "--quiet", "--offline", "--no-deps")
    run(*install, "--python", environment / "bin" / "python", wheel, folder=environment.parent)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return environment


def test_wheel__holds_every_file_of_the_rooms_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as content:
        held = {name for name in content.namelist() if ".dist-info/" not in name}

    assert held == {*tracked(*SHIPPED)}
    others = {name for name in held if not name.endswith(".py")}
    assert {f"{room}/py.typed" for room in ORDER} <= others
    assert "serving/page/web/index.html" in others


@pytest.mark.all
def test_wheel__runs_every_step_where_no_checkout_is(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "leadodds"
    home = {"LEADODDS_HOME": str(tmp_path / "home")}
    (tmp_path / "leadodds.toml").write_text(QUICK, encoding="utf-8")

    found = run(
        installed / "bin" / "python",
        "-c",
        f"import {', '.join(ORDER)}\nfor room in ({', '.join(ORDER)}): print(room.__file__)",
        folder=tmp_path,
    )
    run(command, "simulate", "made", "--leads", "1200", folder=tmp_path)
    checked = run(command, "check", "made/history", folder=tmp_path)
    trained = run(command, "train", "made/history", "--quick", "--promote", folder=tmp_path, **home)
    scored = run(
        command, "score", "made/history", "--as-of", AS_OF, "--out", "scores.csv", folder=tmp_path, **home
    )

    assert all(Path(path).is_relative_to(installed) for path in found.split())
    assert "made/history can be trained on and scored." in checked
    assert "Version 1, the champion now" in trained
    assert "version 1, as of 2026-05-04T00:00:00Z" in scored
    report = Path(re.findall(r"^Report: (.*)$", trained, flags=re.MULTILINE)[0])
    assert report.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert_served(command, tmp_path, home)


def assert_served(command: Path, folder: Path, home: dict[str, str]) -> None:
    """Starts the server and asks for the page, all that the page needs, and the model."""
    port = free_port()
    process = subprocess.Popen(
        [str(command), "serve", "--port", str(port)],
        cwd=folder,
        env=clean_environment(**home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = RunningServer(process, port)
    try:
        wait_until_alive(server)
        page = read(server, "/")
        for path in re.findall(r'(?:src|href)="(/[^"]+)"', page):
            assert read(server, path), path
        assert '"model_version":"1"' in read(server, "/v1/model").replace(" ", "")
    finally:
        server.stop()


def read(server: RunningServer, path: str) -> str:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=20) as answer:
        return str(answer.read(), "utf-8")


@pytest.mark.all
def test_wheel__gives_types_to_those_who_import_it(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "user.py").write_text(USER_CODE, encoding="utf-8")

    checked = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")),
            # leadodds is one module, which cannot carry the marker of typed packages (PEP 561).
            "--follow-untyped-imports",
            *("--python-executable", str(installed / "bin" / "python"), "user.py"),
        ],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    ).stdout

    assert re.findall(r'Revealed type is "(.*)"', checked) == [
        "pandas.core.frame.DataFrame",
        "dict[str, Any]",
        "str",
    ]
    assert re.findall(r"error: (.*)  \[", checked) == [
        'Unexpected keyword argument "asof" for "score"; did you mean "as_of"?',
        'Module has no attribute "learn"',
    ]
