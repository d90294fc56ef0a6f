"""`leadodds hooks`: what came, what could not be mapped, and mapping it once more; tokens stand in no log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

import leadodds
from serving.keys.commands import create
from tests.support.crm.hooks import NOW, body_of, hooked_server
from tests.support.http_client import secret_of
from tests.support.servers import running_server
from tests.support.small_models import home_with, small_bundle


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any]:
    """Exit code and JSON of a command."""
    with pytest.raises(SystemExit, match=r"\d") as ended:
        leadodds.main([*arguments, "--json"])
    printed = capsys.readouterr().out
    return int(str(ended.value)), json.loads(printed) if printed else None


def test_hooks__lists_and_replays_what_was_not_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with hooked_server(tmp_path) as server:
        server.take("odoo", "odoo_lead.json")
        server.send("odoo", b'{"_model": "x_prospect", "_id": 9}')
        server.client.server.hooks.worker.run_once()
        home = server.client.server.settings.home
    monkeypatch.setenv("LEADODDS_HOME", str(home))

    _, listed = run(capsys, "hooks", "list")
    stays = run(capsys, "hooks", "replay")
    (home / "mine.toml").write_text(
        'crm = "odoo"\ntype = "_model"\nignored = ["x_prospect"]\n'
        '[leads]\nfrom = "crm.lead"\nlead_id = "_id"\n'
    )
    hooks = home / "hooks.toml"
    hooks.write_text(hooks.read_text() + '[odoo]\nmap = "mine.toml"\n')
    mapped = run(capsys, "hooks", "replay", "odoo")

    assert listed["counts"] == {"odoo": {"mapped": 1, "quarantined": 1}}
    assert [item["crm"] for item in listed["unmapped"]] == ["odoo"]
    assert stays == (3, {"mapped": 0, "quarantined": 1})
    assert mapped == (0, {"mapped": 1, "quarantined": 0})


def test_hooks__prints_the_shipped_map(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = run(capsys, "hooks", "map", "pipedrive")

    assert code == 0
    assert 'crm = "pipedrive"' in shown["map"]


def test_keys__token_of_a_hook_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(tmp_path))

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["keys", "create", "crm", "--scope", "hook:odoo,write"])

    assert "has that one scope and no other" in capsys.readouterr().err


def test_serve__logs_no_token(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    token = create("odoo", "hook:odoo", home=home.path, now=NOW)["key"]

    with running_server(home) as server:
        for wrong in ("", "x"):
            address = f"{server.url}/v1/hooks/odoo/{token}{wrong}?event=stage"
            httpx.post(address, content=body_of("odoo_lead.json"), timeout=20)
        httpx.post(f"{server.url}/v1/hooks/odoo/{token}/more", content=b"{}", timeout=20)
        server.stop()

    assert '"route":"/v1/hooks/{crm}/{token}"' in server.log
    assert '"status":200' in server.log
    assert '"status":401' in server.log
    assert token not in server.log
    assert secret_of(token) not in server.log
