"""A killed server loses and doubles nothing; one whose model is exchanged under load fails no request."""

from __future__ import annotations

import http.client
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine, sqlite_url
from models.errors import NoChampionError
from models.home.home import Home
from serving.server import serve
from tests.serving.rescoring.test_process import wait_for
from tests.support.processes import Caller, running_server
from tests.support.small_models import home_with, small_bundle

# KILL_ROUNDS=100 makes the longer proof longer.
LONG_ROUNDS = int(os.environ.get("KILL_ROUNDS", "30"))
LEAD = {"created_at": "2026-01-01T00:00:00Z", "attributes": {"country": "DE"}}


@dataclass
class Journal:
    """What a client sent, and what was acknowledged; it outlives every server."""

    name: str
    sent: int = 0
    acknowledged: list[int] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    under_way: list[int] = field(default_factory=list)

    def send_until_gone(self, port: int) -> None:
        """Sends batches, first the interrupted one, until the server is gone."""
        caller = Caller(port)
        try:
            while True:
                self.under_way = self.under_way or list(range(self.sent, self.sent + 20))
                self.sent = max(self.sent, self.under_way[-1] + 1)
                items = [self._item(number) for number in self.under_way]
                body = {"source": self.name, "interactions": items}
                status, answer = caller.call("POST", "/v1/interactions", body)
                assert status == 200, answer
                self.statuses += [item["status"] for item in answer["interactions"]]
                self.acknowledged += self.under_way
                self.under_way = []
        except (OSError, http.client.HTTPException, ValueError):
            caller.close()

    def _item(self, number: int) -> dict[str, Any]:
        occurred_at = "2026-01-05T00:00:00Z"
        return {"interaction_id": str(number), "lead_id": "a", "kind": "k", "occurred_at": occurred_at}


def kill_during_ingestion(
    folder: Path, *, rounds: int, seed: int
) -> tuple[list[Journal], list[tuple[str, str]]]:
    """Kills a server in the middle of writing, again and again; gives the journals and the rows kept."""
    home = home_with(folder, small_bundle()).path
    journals, chance = [Journal("crm"), Journal("shop")], np.random.default_rng(seed)
    for _ in range(rounds):
        with running_server(home) as (process, port):
            clients = [threading.Thread(target=journal.send_until_gone, args=(port,)) for journal in journals]
            for client in clients:
                client.start()
            _wait_for_more(journals)
            time.sleep(chance.uniform(0.0, 0.5))
            process.kill()
            for client in clients:
                client.join()
    return journals, _kept_in(home)


def _wait_for_more(journals: list[Journal]) -> None:
    """Waits until each client has a batch more acknowledged, however busy the machine is."""
    before = [len(journal.acknowledged) for journal in journals]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if all(len(journal.acknowledged) > count for journal, count in zip(journals, before, strict=True)):
            return
        time.sleep(0.005)
    raise TimeoutError("nothing was acknowledged")


def _kept_in(home: Path) -> list[tuple[str, str]]:
    engine = open_engine(sqlite_url(home / "service.db"))
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT source, interaction_id FROM interactions")).all()
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        counts = dict(connection.execute(sa.text("SELECT status, count FROM ingestion")).all())
    engine.dispose()
    # What the service counted is what it kept, and every item has a status.
    assert counts["stored"] == len(kept)
    assert counts["received"] == counts["stored"] + counts.get("duplicate", 0)
    return [(row[0], row[1]) for row in kept]


@pytest.mark.parametrize(
    "rounds", [pytest.param(3, marks=pytest.mark.all), pytest.param(LONG_ROUNDS, marks=pytest.mark.long)]
)
def test_server__loses_and_doubles_nothing_when_killed(tmp_path: Path, rounds: int) -> None:
    journals, kept = kill_during_ingestion(tmp_path, rounds=rounds, seed=rounds)

    assert len(kept) == len({*kept})
    for journal in journals:
        acknowledged = {(journal.name, str(number)) for number in journal.acknowledged}
        under_way = {(journal.name, str(number)) for number in journal.under_way}
        own = {row for row in kept if row[0] == journal.name}
        assert len(acknowledged) >= 20 * rounds
        # All that was acknowledged, and at most the one call that was under way at the end.
        assert acknowledged <= own <= acknowledged | under_way
        assert {*journal.statuses} <= {"stored", "duplicate"}


@dataclass
class Answers:
    """What one client received while models were exchanged."""

    failures: list[Any] = field(default_factory=list)
    received: list[tuple[str, str, float, float]] = field(default_factory=list)

    @property
    def latest(self) -> str | None:
        """The version of the last answer."""
        return self.received[-1][1] if self.received else None

    def ask_until(self, port: int, done: threading.Event) -> None:
        """Asks for the score of a body and of the store in turns."""
        caller = Caller(port)
        body = {"lead_id": "b", **LEAD, "as_of": "2026-02-01T00:00:00Z"}
        while not done.is_set():
            for method, path, sent in [("POST", "/v1/score", body), ("GET", "/v1/leads/a/score", None)]:
                status, answer = caller.call(method, path, sent)
                if status != 200:
                    self.failures.append(answer)
                    continue
                version, points = (
                    answer["model_version"],
                    sum(reason["points"] for reason in answer["reasons"]),
                )
                odds = float(np.log(answer["probability"] / (1 - answer["probability"])))
                self.received.append((path, version, answer["base_log_odds"], round(odds - points, 9)))
        caller.close()


@pytest.mark.all
def test_server__exchanges_models_under_load_without_a_failed_request(tmp_path: Path) -> None:
    home: Home = home_with(tmp_path, small_bundle(), small_bundle(version="2", average=-1.0))
    done, clients = threading.Event(), [Answers() for _ in range(4)]
    with running_server(home.path) as (_, port):
        caller = Caller(port)
        assert caller.call("PUT", "/v1/leads/a", LEAD)[0] == 200
        caller.close()
        threads = [threading.Thread(target=client.ask_until, args=(port, done)) for client in clients]
        for thread in threads:
            thread.start()
        for version in ("2", "1", "2"):
            time.sleep(0.3)
            home.swap_champion(version)
            wait_for(lambda now=version: all(client.latest == now for client in clients), seconds=30)
        time.sleep(0.3)
        done.set()
        for thread in threads:
            thread.join()

    received = [row for client in clients for row in client.received]
    assert [failure for client in clients for failure in client.failures] == []
    for path in ("/v1/score", "/v1/leads/a/score"):
        assert {version for where, version, _, _ in received if where == path} == {"1", "2"}
    # Never mixed: base and the odds without their reasons are those of the version that is named.
    base = {"1": -2.0, "2": -1.0}
    for _, version, answered, rest in received:
        assert (round(answered, 9), rest) == (base[version], base[version])


def test_score__of_the_store_shows_every_write_at_once(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    with running_server(home.path) as (_, port):
        caller = Caller(port)
        caller.call("PUT", "/v1/leads/a", LEAD)
        seen = []
        for number in range(3):
            item = {"interaction_id": str(number), "lead_id": "a", "kind": "meeting_held"}
            item["occurred_at"] = "2026-01-05T00:00:00Z"
            caller.call("POST", "/v1/interactions", {"source": "crm", "interactions": [item]})
            seen.append(caller.call("GET", "/v1/leads/a/score")[1]["reasons"][0]["value"])
        caller.call("PUT", "/v1/leads/a", {**LEAD, "attributes": {"country": "FR"}})
        country = caller.call("GET", "/v1/leads/a/score")[1]["reasons"][1]
        caller.close()

    assert seen == ["1", "2", "3"]
    assert (country["value"], country["direction"]) == ("FR", "lowers")


def test_serve__without_a_model_says_so_and_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(
        NoChampionError, match=r"No version has been promoted in .*\. Train one with --promote"
    ):
        serve(home=tmp_path / "home", port=0)
    assert not (tmp_path / "home").exists()
