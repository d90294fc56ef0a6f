"""The pages say what is so: links lead somewhere, commands, routes and codes are there, examples run."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import urllib.request
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import typer

import leadodds
from features.catalog.catalog_files import load_catalogue
from features.checks.checks import check_history
from features.findings.codes import CODES
from features.history.settings import HistorySettings
from features.imports.format.map_files import parse_map
from features.sources.history_settings import SETTINGS_FILE, parse_settings
from models.home.home import Home
from serving.app import api_routes
from serving.hooks.map_format import HookMap
from serving.hooks.setup import HooksFile
from serving.http.routes.documents import openapi_routes
from serving.outgoing.credentials import CREDENTIALS
from serving.page.routes import routes as page_routes
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.settings import ServerSettings
from tests.support.documents import (
    PAGES,
    ROOT,
    anchors,
    blocks,
    inline_codes,
    prose,
    shell_commands,
    subcommand,
)
from tests.support.homes import open_empty_registry
from tests.support.servers import running_server
from tests.support.small_business import small_business, write_business
from tests.support.small_models import home_with, small_bundle
from tests.test_leadodds import QUICK
from training.config import TrainingConfig

TUTORIAL, OPERATIONS, CRM = "docs/tutorial.md", "docs/operations.md", "docs/crm.md"
REVERSE_ETL = "docs/reverse-etl.md"
PYTHON = "docs/python.md"
# Codes up to it stop everything; it is not given yet.
ACCEPT = "--accept-missing"
END_OF_A_RANGE = {"D019", "D079", "D099"}
TARGETS = {*re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)}
ROUTES = [
    (method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", route.path)))
    for route in [*api_routes(), *page_routes, *openapi_routes([])]
    for method in getattr(route, "methods", None) or ["GET"]
]


@pytest.mark.parametrize("page", PAGES)
def test_page__links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", prose(page))

    for link in links:
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.is_file(), link
        if anchor:
            assert anchor in anchors(str(target.resolve().relative_to(ROOT.resolve()))), link


@pytest.mark.parametrize("page", PAGES)
def test_page__commands_are_understood(page: str) -> None:
    for words in shell_commands(page):
        if words[0] == "leadodds":
            command, arguments = subcommand(words)
            # Raises where an option or a value is not understood, or something needed is missing.
            command.make_context(words[1], arguments)
        else:
            assert_is_there(words)


@pytest.mark.parametrize("page", PAGES)
def test_page__commands_in_sentences_are_there(page: str) -> None:
    for code in inline_codes(page):
        words = code.split()
        if words[0] == "leadodds" and len(words) > 1:
            command, arguments = subcommand(words)
            options = {option for parameter in command.params for option in parameter.opts}
            assert {word for word in arguments if word.startswith("--")} <= options, code
        elif words[0] == "make" or code.startswith("python -m"):
            assert_is_there(words)


def test_pages__speak_of_every_subcommand() -> None:
    by_hand = [page for page in PAGES if page != "docs/commands.md"]
    told = {words[1] for page in by_hand for words in shell_commands(page) if words[0] == "leadodds"}
    told |= {
        code.split()[1] for page in by_hand for code in inline_codes(page) if code.startswith("leadodds ")
    }

    assert told == {*typer.main.get_command(leadodds.app).commands}


def assert_is_there(words: list[str]) -> None:
    """A target of the Makefile, or a module."""
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= TARGETS, words
    else:
        assert words[1] == "-m"
        assert importlib.util.find_spec(words[2]) is not None, words


@pytest.mark.parametrize("page", PAGES)
def test_page__routes_are_answered(page: str) -> None:
    text = PAGES[page]
    told = re.findall(r"\b(GET|POST|PUT|DELETE) (/[^\s`|)\]'\"]*)", text)
    told += [("", path) for path in re.findall(r"http://127\.0\.0\.1:8000(/[^\s`'\")]*)", text)]
    told += [("", path) for path in re.findall(r"`(/(?:v1|livez|readyz|metrics|openapi)[^`]*)`", text)]

    for method, path in told:
        plain = path.partition("?")[0].rstrip(".,")
        there = {known for known, pattern in ROUTES if pattern.fullmatch(plain)}
        assert method in there if method else there, f"{method} {path}"


@pytest.mark.parametrize("page", PAGES)
def test_page__codes_and_variables_are_there(page: str) -> None:
    settings = {f"LEADODDS_{name.upper()}" for name in ServerSettings.model_fields}
    variables = settings | {*CREDENTIALS, "LEADODDS_MODEL_NAME"}

    assert {*re.findall(r"\bD[01]\d\d\b", PAGES[page])} <= {*CODES} | END_OF_A_RANGE
    named = {*re.findall(r"\bLEADODDS_[A-Z_]+\b", PAGES[page])}
    hooks = {name for name in named if re.fullmatch(r"LEADODDS_ALERTS_[A-Z]+_(URL|SECRET)(_FILE)?", name)}
    assert named - hooks <= variables


@pytest.mark.parametrize("page", PAGES)
def test_page__toml_is_read(page: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(page, "toml")):
        path = tmp_path / f"{number}.toml"
        path.write_text(block, encoding="utf-8")
        if "[[feature]]" in block:
            assert load_catalogue(path).features
        elif block.startswith("# history.toml"):
            assert parse_settings(block, SETTINGS_FILE) != HistorySettings()
        elif block.startswith("missing = "):
            assert parse_settings(block, SETTINGS_FILE).missing
        elif block.startswith("# hooks.toml"):
            assert HooksFile.model_validate(tomllib.loads(block)) != HooksFile()
        elif block.startswith("crm = "):
            assert HookMap.model_validate(tomllib.loads(block)).leads
        elif "[leads" in block:
            assert parse_map(block, page).leads
        else:
            assert TrainingConfig.from_toml(path)


@pytest.mark.parametrize("page", PAGES)
def test_page__python_imports_what_is_there(page: str) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom):
                module = importlib.import_module(node.module or "")
                assert [alias.name for alias in node.names if not hasattr(module, alias.name)] == []


def test_tutorial__tables_are_read(tmp_path: Path) -> None:
    for name, block in zip(("leads", "interactions", "outcomes"), blocks(TUTORIAL, "csv"), strict=True):
        (tmp_path / f"{name}.csv").write_text(block, encoding="utf-8")

    report = check_history(tmp_path)

    assert report.can_score
    assert "D052" in str(report)


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
    """A working folder that holds the history the tutorial speaks of, small."""
    folder = tmp_path_factory.mktemp("tutorial")
    write_business(folder / "mine", small_business())
    (folder / "leadodds.toml").write_text(QUICK)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder that holds a history and a model."""
    folder = tmp_path_factory.mktemp("trained")
    write_business(folder / "mine", small_business(leads_count=20))
    home_with(folder / "home", small_bundle())
    return folder


def test_tutorial__commands_run_in_the_order_they_are_told(folder: Path) -> None:
    told = [words for words in shell_commands(TUTORIAL, "bash") if words[0] == "leadodds"]

    for command in [words for words in told if words[1] != "serve"]:
        # The same commands on a small history, where a training takes seconds.
        quick = ["--quick", "--config", "leadodds.toml"] if command[1] == "train" else []
        done = run([*command, *quick], folder)
        assert done.returncode == 0, f"{command}: {done.stderr}"

    assert {command[1] for command in told} == {"check", "train", "score", "serve"}
    assert (folder / "scores.parquet").is_file()


def test_python__examples_run_in_the_order_they_are_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_business(tmp_path / "mine", small_business())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADODDS_HOME", str(open_empty_registry(tmp_path / "home").home.path))
    # The same calls with few trees, where a training takes seconds.
    for name in ("train", "backtest"):
        monkeypatch.setattr(leadodds, name, partial(_quickly, getattr(leadodds, name)))
    names: dict[str, Any] = {}

    shown = [value for block in blocks(PYTHON, "python") if (value := exec_block(block, names)) is not None]

    assert [*names["scores"].columns] == [*SCORE_COLUMNS]
    assert names["model"].version == names["outcome"].model_version == "1"
    kinds = ["dict", "DataFrame", "dict", "DataFrame", "DataFrame", "DataFrame", "Series"]
    assert [type(value).__name__ for value in shown] == kinds
    assert [*shown[4].columns] == ["lead_id", "feature", "label", "value", "points", "direction"]
    assert "D037" in capsys.readouterr().out


def _quickly(call: Any, *arguments: Any, config: Any, **options: Any) -> Any:
    return call(*arguments, config={**config, **tomllib.loads(QUICK)}, quick=True, **options)


def exec_block(block: str, names: dict[str, Any]) -> Any:
    """Runs a block as a notebook would; the value of its last line, None where that has none."""
    *statements, last = ast.parse(block).body
    exec(compile(ast.Module(statements, []), "python.md", "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), "python.md", "eval"), names)
    exec(compile(ast.Module([last], []), "python.md", "exec"), names)
    return None


@pytest.mark.parametrize("language", ["cron", "ini"])
def test_operations__nightly_job_is_quiet_and_writes_scores(language: str, trained: Path) -> None:
    (job,) = [words for words in shell_commands(OPERATIONS, language) if words[1] == "score"]
    places = {"/srv/crm/history": "mine", "/srv/crm/scores.parquet": f"{language}.parquet"}

    # The small model reads what the small business does not have.
    lacks = [word for name in ("has_budget", "account_id", "country", "kind") for word in (ACCEPT, name)]
    done = run([*(places.get(word, word) for word in job), *lacks], trained)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (trained / f"{language}.parquet").is_file()


def test_crm__request_is_answered_with_the_fields_that_are_shown(trained: Path) -> None:
    shown_request, shown_answer = (json.loads(block) for block in blocks(CRM, "json"))

    with running_server(Home(trained / "home")) as server:
        sent, read = [line for line in curl_lines(CRM) if " -d " in line], curl_lines(CRM, REVERSE_ETL)
        answered = [ask(server.url, line, {"@request.json": shown_request}) for line in sent]
        gotten = [ask(server.url, line, {}) for line in read if line not in sent]

    assert list(answered[0]) == list(shown_answer)
    assert list(answered[0]["reasons"][0]) == list(shown_answer["reasons"][0])
    # Told of a lead, of its demo, of what came of it.
    assert answered[1]["changed"] == ["country", "employees"]
    assert [answered[2]["stored"], answered[3]["stored"]] == [1, 1]
    assert [gotten[0]["openapi"], "events" in gotten[1]] == ["3.0.3", True]


def curl_lines(*pages: str) -> list[str]:
    """Every call of curl that the pages show, in their order."""
    text = "\n".join(block for page in pages for block in blocks(page, "bash", "sh")).replace("\\\n", " ")
    return re.findall(r"^curl (?:[^'\n]|'[^']*')+", text, flags=re.MULTILINE)


def ask(url: str, line: str, files: dict[str, Any]) -> dict[str, Any]:
    """Does what a curl command does, at another address; curl itself need not be there."""
    words = shlex.split(line.replace("http://127.0.0.1:8000", url))
    address = next(word for word in words if word.startswith(url))
    header, body = words[words.index("-H") + 1], None
    if "-d" in words:
        sent = words[words.index("-d") + 1]
        body = (json.dumps(files[sent]) if sent in files else sent).encode()
    method = words[words.index("-X") + 1] if "-X" in words else "GET" if body is None else "POST"
    request = urllib.request.Request(address, body, dict([header.split(": ")]), method=method)
    with urllib.request.urlopen(request, timeout=30) as response:
        answered: dict[str, Any] = json.load(response)
    return answered


@pytest.mark.all
def test_readme__demo_ends_with_an_answer(tmp_path: Path) -> None:
    # What runs the tests is set up already.
    command = ["make", "-s", "-o", ".venv/.base", "demo", f"DEMO={tmp_path / 'demo'}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert '"probability":' in done.stdout
    assert " 10. lead-" in done.stdout
