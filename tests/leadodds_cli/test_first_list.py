"""The page `docs/first-list.md` as a new user follows it: from an export to names in a browser."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.home.home import Home
from tests.support.documents import shell_commands
from tests.support.servers import running_server
from tests.test_docs import run
from tests.test_page import Shown, browser  # noqa: F401 - a fixture

pytestmark = pytest.mark.all

PAGE = "docs/first-list.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which every command of the page but the server's was run in its order."""
    folder = tmp_path_factory.mktemp("first-list")
    told = [words for words in shell_commands(PAGE, "bash") if words[0] != "make"]
    for words in told:
        if words[1] == "serve":
            continue
        command = words[1:] if words[:2] == ["python", "-m"] else words
        done = run(command[1:] if command[0] == "-m" else command, folder)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert [words[1] for words in told if words[0] == "leadodds"] == [
        *("import", "check", "train", "load", "serve", "score", "import", "load")
    ]
    return folder


@pytest.fixture
def shown(browser: object, folder: Path) -> Iterator[Shown]:  # noqa: F811 - the fixture
    with running_server(Home(folder / "home")) as server:
        context = browser.new_context(viewport={"width": 1440, "height": 900})  # type: ignore[attr-defined]
        shown = Shown(context.new_page(), server.url)
        shown.watch()
        yield shown
        context.close()


def test_first_list__shows_names_lives_the_model_and_health(shown: Shown, folder: Path) -> None:
    with (folder / "export" / "Lead.csv").open(encoding="utf-8-sig", newline="") as file:
        names = {row["Id"]: row["Name"] for row in csv.DictReader(file)}

    shown.page.goto(f"{shown.url}/")
    shown.heading("Call list")
    rows = shown.page.locator(".leads tbody tr").all_inner_texts()
    first = re.search(r"00QA\d{11}AAA", rows[0])
    assert first is not None
    shown.page.get_by_role("link", name=first.group(), exact=True).click()
    shown.heading(first.group())
    life = shown.page.locator("main").inner_text()
    marks = shown.page.locator(".lane .mark").count()
    shown.show("#/model", "Model version 1")
    curves = shown.page.locator(".curves h3").all_inner_texts()
    shown.show("#/health", "Health")

    assert len(rows) == 50
    for row in rows:
        lead_id = re.search(r"00QA\d{11}AAA", row)
        assert lead_id is not None
        assert names[lead_id.group()] in row
        assert "Example" in row
    assert "What moved the probability" in life
    assert marks >= 1
    assert "Lead source" in curves
    assert shown.complaints == []
