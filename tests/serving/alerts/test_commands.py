"""`leadodds alerts`: what waits, what was given up, and whether a hook is reached."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from features.sources.connections import sqlite_url
from leadodds_cli.app import run
from models.home.home import Home
from serving.alerts.events import message_event
from serving.alerts.queue import NewAlert, add_alerts, give_up
from tests.support.builders import at
from tests.support.crm.hook_receiver import SECRET, HookReceiver
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, open_store


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = home_with(tmp_path / "home", small_bundle()).path
    monkeypatch.setenv("LEADODDS_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    Path("leadodds.toml").write_text("[alerts.hooks.crm]\n")
    return home


def add_given_up(home: Path) -> None:
    """A message that was given up, and one that waits."""
    store = open_store(sqlite_url(home / "service.db"), clock=HandClock(at(10)))
    event = message_event("crm", now=at(10))
    for lead_id, expires_at in (("a", at(10)), ("b", at(11))):
        own = [NewAlert("entered", lead_id, event, ["crm"])]
        store.write(
            lambda connection, receipt, own=own, end=expires_at: add_alerts(
                connection, own, now=receipt.at, expires_at=end
            )
        ).result()
    store.write(lambda connection, receipt: give_up(connection, now=receipt.at)).result()
    store.close()


def asked(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    """Runs a subcommand; gives its JSON."""
    with pytest.raises(SystemExit) as ended:
        run(["alerts", *arguments, "--json"])
    assert ended.value.code == code
    return json.loads(capsys.readouterr().out)


def test_list__shows_what_was_not_taken_and_retry_sends_it_anew(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    add_given_up(home)

    listed = asked(capsys, "list")
    given_up = asked(capsys, "list", "--given-up", "--hook", "crm")["alerts"]
    others = asked(capsys, "list", "--hook", "other")["alerts"]
    with client_of(Home(home)) as client:
        health = client.get("/v1/health").json()["alerts"]
        client.server.staleness.refresh()
        ready, metrics = client.get("/readyz").json()["alerts"], client.get("/metrics").text
    retried = asked(capsys, "retry", "--alert", given_up[0]["alert_id"])

    assert [(own["lead_id"], own["state"]) for own in listed["alerts"]] == [
        ("a", "given up"),
        ("b", "pending"),
    ]
    assert [own["lead_id"] for own in given_up] == ["a"]
    assert others == []
    assert listed["hooks"] == health
    assert (health[0]["hook"], health[0]["pending"], health[0]["given_up"]) == ("crm", 1, 1)
    assert health[0]["fault"] == "it was not taken in time"
    assert ready == {"pending": 1, "given_up": 1}
    assert 'leadodds_alerts_pending{hook="crm"} 1.0' in metrics
    assert 'leadodds_alerts_given_up{hook="crm"} 1.0' in metrics
    assert retried == {"retried": 1}
    assert asked(capsys, "list", "--given-up")["alerts"] == []


def test_list__is_a_table_for_people(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_given_up(home)

    with pytest.raises(SystemExit):
        run(["alerts", "list"])

    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:4] == ["crm", "0", "1", "1"]
    assert lines[-1].split()[3:6] == ["b", "pending", "0"]


def test_test__sends_one_signed_message(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADODDS_ALERTS_CRM_SECRET", SECRET)
    with HookReceiver(records={}, failures={1: (410, {})}) as receiver:
        monkeypatch.setenv("LEADODDS_ALERTS_CRM_URL", receiver.url)

        taken = asked(capsys, "test", "crm")
        refused = asked(capsys, "test", "crm", code=3)

    assert home.exists()
    assert (taken["taken"], taken["status"]) == (True, 204)
    assert (refused["taken"], refused["fault"]) == (False, "it answered 410")
    assert receiver.calls[0].json["type"] == "test"
    assert receiver.calls[0].headers["webhook-id"] == taken["message_id"]


def test_test__of_a_hook_that_is_not_there_names_those_that_are(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["alerts", "test", "sales"])

    assert (home.exists(), ended.value.code) == (True, 2)
    assert "There is no hook sales" in capsys.readouterr().err
