"""Libraries of Segment and RudderStack deliver here, unchanged but for host and key: each event once.

Whoever sends is a process of its own, as their users have it; `send.py` and `send.js` call the libraries.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from serving.clock import SteadyClock
from serving.keys.commands import create
from tests.support.documents import ROOT
from tests.support.http_client import client_of
from tests.support.processes import free_port, running_server
from tests.support.small_models import home_with, small_bundle

FOLDER = ROOT / "tests" / "support" / "tracking"
SENDERS = {"python": [sys.executable, str(FOLDER / "send.py")], "node": ["node", str(FOLDER / "send.js")]}
# The modules of Node that `make setup-all` installs.
MODULES = {**os.environ, "NODE_PATH": str(ROOT / ".venv" / "node" / "node_modules")}


def write_key(home: Path) -> str:
    key: str = create("site", "write", home=home, now=SteadyClock()())["key"]
    return key


def start(
    language: str, library: str, port: int, key: str, *, count: int, seconds: float
) -> subprocess.Popen[str]:
    """Starts a process that says who a lead is, and then sends events of it, evenly over some seconds."""
    address = f"http://127.0.0.1:{port}"
    command = [*SENDERS[language], library, address, key, str(count), str(seconds)]
    return subprocess.Popen(command, env=MODULES, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(senders: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Waits until every sender has delivered; how many events each says have failed."""
    ended = [sender.communicate(timeout=300) for sender in senders]
    assert [sender.returncode for sender in senders] == [0] * len(senders), ended
    return [out.strip() for out, _ in ended]


def kept(home: Path) -> list[tuple[str, str, int]]:
    """Lead, id and number of every event in the store."""
    engine = open_engine(sqlite_url(home / "service.db"))
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT lead_id, interaction_id, further FROM interactions")).all()
    engine.dispose()
    return [(row[0], row[1], json.loads(row[2])["properties"]["number"]) for row in rows]


# The longer proof sends as many events as a library's queue holds, over half a minute.
@pytest.mark.parametrize(
    ("count", "seconds"),
    [pytest.param(1_000, 6, marks=pytest.mark.all), pytest.param(5_000, 30, marks=pytest.mark.long)],
)
def test_libraries__deliver_every_event_once_though_the_server_restarts_twice(
    tmp_path: Path, count: int, seconds: float
) -> None:
    home = home_with(tmp_path, small_bundle()).path
    key, port = write_key(home), free_port()
    with running_server(home, port) as (process, _), ExitStack() as running:
        senders = [
            start(language, "segment", port, key, count=count, seconds=seconds) for language in SENDERS
        ]
        # Whatever fails below, no sender goes on.
        for sender in senders:
            running.callback(sender.kill)
        time.sleep(seconds / 3)
        # As if the machine went down: what was not acknowledged has to come again.
        process.kill()
        process.wait()
        with running_server(home, port):
            time.sleep(seconds / 3)
        with running_server(home, port):
            assert finish(senders) == ["0", "0"]

    found = kept(home)
    assert len({(lead, id_) for lead, id_, _ in found}) == len(found) == 2 * count
    assert {(lead, number) for lead, _, number in found} == {
        (f"{language} segment", number) for language in SENDERS for number in range(count)
    }


@pytest.mark.all
def test_libraries__say_who_a_lead_is_and_give_a_wrong_key_up_at_once(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    key = write_key(home.path)
    both = [(language, library) for language in SENDERS for library in ("segment", "rudderstack")]
    with running_server(home.path) as (_, port):
        began = time.monotonic()
        refused = finish([start(*each, port, "not-a-key", count=1, seconds=0) for each in both])
        # Ten attempts would take minutes.
        assert time.monotonic() - began < 60
        assert all(int(failed) > 0 for failed in refused)
        assert finish([start(*each, port, key, count=50, seconds=0.5) for each in both]) == ["0"] * 4

    assert len(kept(home.path)) == 4 * 50
    reading = {"X-API-Key": create("reader", "score", home=home.path, now=SteadyClock()())["key"]}
    with client_of(home, clock=SteadyClock()) as client:
        for language, library in both:
            lead = client.get(f"/v1/leads/{language} {library}", headers=reading).json()
            assert lead["account_id"] == "A-1"
            assert lead["attributes"] == {"plan": "pro", "seats": 7.0, "account.industry": "steel"}
