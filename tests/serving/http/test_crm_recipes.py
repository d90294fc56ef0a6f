"""The recipes of the CRMs: every call of curl in them is answered by a running server, in their order."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shlex
import time
import tomllib
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.hooks.map_format import CRMS
from serving.keys.commands import create
from tests.support.documents import PAGES, blocks
from tests.support.servers import RunningServer, running_server
from tests.support.small_models import home_with, small_bundle

RECIPES = sorted(page for page in PAGES if page.startswith("docs/crm/"))
HOOKS_FILE = "".join(
    block for page in RECIPES if page != "docs/crm/hooks.md" for block in blocks(page, "toml")
)
SETUP = tomllib.loads(HOOKS_FILE)
HERE = re.compile(r"https?://(127\.0\.0\.1:8000|leads\.example\.com)")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, dict[str, str]]]:
    """A server with what the recipes set up, and its keys by name."""
    home = home_with(tmp_path_factory.mktemp("home"), small_bundle())
    (home.path / "hooks.toml").touch(mode=0o600)
    (home.path / "hooks.toml").write_text(HOOKS_FILE, encoding="utf-8")
    now = time.time_ns() // 1000
    scopes = {"admin": "admin", **{crm: f"hook:{crm}" for crm in CRMS}}
    keys = {name: create(name, scope, home=home.path, now=now)["key"] for name, scope in scopes.items()}
    with running_server(home) as running:
        yield running, keys


def calls(page: str) -> list[str]:
    """Every call of curl on a page, each on one line."""
    text = "\n".join(blocks(page, "sh", "bash")).replace("\\\n", " ")
    return re.findall(r"^curl (?:[^'\n]|'[^']*')+", text, flags=re.MULTILINE)


def option(words: list[str], name: str) -> list[str]:
    """The values of an option of curl."""
    return [words[place + 1] for place, word in enumerate(words) if word == name]


def request_of(line: str, crm: str, keys: dict[str, str]) -> dict[str, Any]:
    """What a call of curl sends, with the reader's own keys and secrets put in."""
    body = "".join(option(shlex.split(line), "-d")).encode()
    own = {"KEY": keys["admin"], "TOKEN": keys.get(crm, ""), "SIGNATURE": signature(crm, body)}
    own["PASSWORD"] = SETUP["pipedrive"]["password"]
    words = [re.sub(r"\$([A-Z]+)", lambda found: own[found[1]], word) for word in shlex.split(line)]
    (address,) = (word for word in words if HERE.match(word))
    request: dict[str, Any] = {
        "method": "".join(option(words, "-X")) or ("POST" if body else "GET"),
        "url": HERE.sub("", address),
        "headers": dict(header.split(": ", 1) for header in option(words, "-H")),
        "content": body,
    }
    if user := "".join(option(words, "-u")):
        request["auth"] = tuple(user.split(":", 1))
    return request


def signature(crm: str, body: bytes) -> str:
    """What the CRM signs with."""
    if crm == "espocrm":
        webhook_id, secret = next(iter(SETUP["espocrm"]["secrets"].items()))
        digest = hmac.new(secret.encode(), body, "sha256").hexdigest()
        return b64encode(f"{webhook_id}:{digest}".encode()).decode()
    return hashlib.sha256(SETUP["hubspot"]["client_secret"].encode() + body).hexdigest()


@pytest.mark.parametrize("page", [page for page in RECIPES if page != "docs/crm/hooks.md"])
def test_recipe__calls_are_answered_in_their_order(
    page: str, server: tuple[RunningServer, dict[str, str]]
) -> None:
    running, keys = server
    lines = calls(page)

    assert lines, "a recipe shows how to try it"
    with httpx.Client(base_url=running.url, timeout=30) as client:
        for line in lines:
            answer = ask(client, request_of(line, Path(page).stem, keys))
            assert answer.status_code == 200, (line, answer.text)
            told = answer.json()
            if "/hooks/" in line:
                assert told["status"] == "stored", line
            elif "/score" in line and "/scores" not in line:
                assert told["status"] in ("scored", "converted"), (line, told)
            elif "outcomes" in line:
                assert told["stored"] == 1, told
        held = client.get("/v1/quarantine", headers={"X-API-Key": keys["admin"]}).json()["items"]
    assert held == [], json.dumps(held)


def ask(client: httpx.Client, request: dict[str, Any]) -> httpx.Response:
    """Sends a request; asks again for a lead whose hook is acknowledged, and being mapped."""
    deadline = time.monotonic() + 20
    while (answer := client.request(**request)).status_code == 404 and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer
