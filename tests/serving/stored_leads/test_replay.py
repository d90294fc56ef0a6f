"""A score from the store can be computed again, to the last bit, from what was stored when it was given."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine
from features.times import format_time
from serving.database.score_tables import AUDIT
from serving.stored_leads.replay import (
    ModelGoneError,
    Replay,
    ScoreErasedError,
    ScoreUnknownError,
    replay_score,
)
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, random_bundle, small_bundle
from tests.support.stores import HandClock, secret_file
from tests.test_parity import CATEGORIES, FEATURES, KINDS


@dataclass
class Service:
    """A service on a database, whose clock stands still."""

    client: Client
    clock: HandClock
    database: str
    home: Path

    def put(self, lead_id: str = "a", **fields: Any) -> None:
        body = {"created_at": format_time(at(1)), **fields}
        assert self.client.put(f"/v1/leads/{lead_id}", json=body).status_code == 200

    def meet(self, interaction_id: str, lead_id: str = "a", kind: str = "meeting_held") -> None:
        item = {
            "interaction_id": interaction_id,
            "lead_id": lead_id,
            "kind": kind,
            "occurred_at": format_time(at(5)),
        }
        answer = self.client.post("/v1/interactions", json={"source": "crm", "interactions": [item]}).json()
        assert answer["stored"] == 1

    def score(self, lead_id: str = "a", **query: Any) -> Any:
        answer = self.client.get(f"/v1/leads/{lead_id}/score", params=query).json()
        self.client.server.store.audit.flush()
        return answer

    def replay(self, answer: Any, **options: Any) -> Replay:
        given = {"database": self.database, "home": self.home, "now": at(900), **options}
        return replay_score(answer["score_id"], **given)


@pytest.fixture
def service(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Service]:
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2", average=-1.0))
    with client_of(home, clock=clock, database=database) as client:
        yield Service(client, clock, database, home.path)


def test_replay__gives_the_same_bits_whatever_was_written_since(service: Service) -> None:
    service.put(attributes={"country": "DE"}, account_id="A")
    service.put("b", account_id="A")
    service.meet("1", "b")
    answers = [
        service.score(),
        service.score(reasons="all", horizon_days=7.5),
        service.score(as_of=format_time(at(9))),
    ]
    # The clock stands still, so that all of this is known at the moment of the prediction, too.
    service.put(attributes={"country": "FR"}, account_id="B")
    service.put("b", account_id=None)
    service.put("c", account_id="A")
    service.meet("2")
    outcome = {"lead_id": "a", "outcome": "lost", "occurred_at": format_time(at(6))}
    service.client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]})

    now, replays = service.score(), [service.replay(answer) for answer in answers]

    assert (now["status"], answers[0]["status"]) == ("lost", "scored")
    assert all(replay.is_same and replay.exit_code == 0 for replay in replays)
    assert [replay.given["probability"] for replay in replays] == [
        answer["probability"] for answer in answers
    ]
    assert "the same to the last bit" in str(replays[0])


def test_replay__of_a_model_with_everything_in_it(database: str, tmp_path: Path, clock: HandClock) -> None:
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    with client_of(home, clock=clock, database=database) as client:
        service = Service(client, clock, database, home.path)
        service.put(attributes={"country": "DE", "size": 2.5}, account_id="A")
        service.meet("1", kind=KINDS[0])
        before = service.score(reasons="all")
        service.meet("2", kind=KINDS[1])
        after = service.score(reasons="all")

        assert service.replay(before).is_same
        assert service.replay(after).is_same
        assert before["probability"] != after["probability"]


def test_replay__shows_what_differs(service: Service) -> None:
    service.put(attributes={"country": "DE"})
    answer = service.score()
    engine = open_engine(service.database)
    with engine.begin() as connection:
        connection.execute(sa.update(AUDIT).values(probability=0.25, digest=b"x" * 16))
    engine.dispose()

    replay = service.replay(answer)

    assert (replay.is_same, replay.exit_code) == (False, 1)
    assert f"probability: given 0.25, computed {answer['probability']!r}" in str(replay)


def test_replay__answers_with_the_version_that_gave_the_score(service: Service) -> None:
    service.put()
    first = service.score()
    service.client.server.live.home.swap_champion("2")
    service.client.server.live.refresh()
    second = service.score()

    assert (first["model_version"], second["model_version"]) == ("1", "2")
    assert service.replay(first).is_same
    assert service.replay(second).is_same
    assert first["probability"] != second["probability"]


def test_replay__says_when_the_lead_was_erased(service: Service) -> None:
    service.put()
    written, waiting = service.score(), service.client.get("/v1/leads/a/score").json()
    service.client.delete("/v1/leads/a")
    service.client.server.store.audit.flush()

    for answer in (written, waiting):
        with pytest.raises(ScoreErasedError, match=f"The lead of score {answer['score_id']} was erased"):
            service.replay(answer)


def test_replay__says_when_the_model_is_gone(service: Service, tmp_path: Path) -> None:
    service.put()
    answer = service.score()

    with pytest.raises(ModelGoneError, match=r"given by version 1, and .* no longer holds it"):
        service.replay(answer, home=tmp_path / "elsewhere")
    with pytest.raises(ModelGoneError, match="given by version 1"):
        service.replay(answer, model=str(service.home / "bundles" / "2"))
    elsewhere = service.replay(answer, home=tmp_path / "elsewhere", model=str(service.home / "bundles" / "1"))
    assert elsewhere.is_same


def test_replay__names_a_score_that_it_does_not_know(service: Service) -> None:
    with pytest.raises(ScoreUnknownError, match="holds no score nonsense"):
        service.replay({"score_id": "nonsense"})


def test_score__of_a_body_is_not_recorded(service: Service) -> None:
    body = {"lead_id": "a", "created_at": format_time(at(1))}

    answer = service.client.post("/v1/score", json=body).json()

    assert "score_id" not in answer


def test_replay_command__writes_for_people_and_machines(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home) as client:
        service = Service(client, HandClock(0), "", home.path)
        service.put()
        answer = service.score()
    command = [sys.executable, "-m", "leadodds", "replay", answer["score_id"], "--json"]
    environment = {"LEADODDS_HOME": str(home.path), "LEADODDS_SECRET_FILE": str(secret_file()), "PATH": ""}

    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    other = subprocess.run(
        [*command[:-1], "--database", "sqlite:////no/such.db"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    replayed = json.loads(printed)
    assert replayed["same"] is True
    assert replayed["given"] == replayed["computed"]
    assert replayed["given"]["probability"] == answer["probability"]
    assert (other.returncode, "there is no file /no/such.db" in other.stderr) == (2, True)
