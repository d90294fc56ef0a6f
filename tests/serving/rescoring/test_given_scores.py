"""A service without nights keeps its scores, too, and those of the home lose who is erased."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from serving.batch.given_scores import Keeping, keep_files, kept_parts
from serving.batch.run import score_history
from serving.database.score_tables import SCORES_HISTORY
from serving.rescoring import given_scores
from serving.rescoring.given_scores import GivenScores
from tests.serving.store.test_store import put
from tests.support.builders import at, history_folder, lead
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=clock, database=database) as client:
        yield client


def rows(client: Client) -> list[Any]:
    own = SCORES_HISTORY.c
    query = sa.select(own.lead_id, own.scored_at, own.probability).order_by(own.scored_at, own.lead_id)
    return client.server.store.read(lambda connection: connection.execute(query).all())


def all_steps(given: GivenScores) -> int:
    steps = 1
    while given.step():
        steps += 1
    return steps


def test_step__adds_the_current_scores_once_a_day(
    client: Client, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(given_scores, "_ROWS", 2)
    for name in "abc":
        put(client, name)
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [won_now("c", clock)]})
    client.rescorer.catch_up()
    given = GivenScores(client.server.store, tmp_path / "home", clock=clock)

    steps = all_steps(given)
    all_steps(given)

    # The third lead has converted and has no probability.
    assert [row.lead_id for row in rows(client)] == ["a", "b"]
    assert steps == 2
    first = clock.now
    clock.now += at(1) - at(0)
    client.rescorer.catch_up()
    all_steps(given)
    assert [(row.lead_id, row.scored_at > first) for row in rows(client)] == [
        ("a", False),
        ("b", False),
        ("a", True),
        ("b", True),
    ]
    assert client.delete("/v1/leads/a").status_code == 200
    assert [row.lead_id for row in rows(client)] == ["b", "b"]


def won_now(lead_id: str, clock: HandClock) -> dict[str, Any]:
    moment = "2026-01-02T00:00:00Z"
    assert clock.now > at(1)
    return {"lead_id": lead_id, "outcome": "converted", "occurred_at": moment}


def test_step__removes_erased_leads_from_the_home(client: Client, clock: HandClock, tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "s.parquet"
    folder = history_folder(tmp_path / "history", [lead("keep"), lead("forget-me")], [], [])
    for name in ("keep", "forget-me"):
        put(client, name)
    given = GivenScores(client.server.store, home, clock=clock)
    score_history(folder, home=home, out=out, scored_at=at(12), as_of=at(10), workers=1)
    all_steps(given)
    all_steps(given)
    assert b"forget-me" in kept_parts(home)[0].read_bytes()

    assert client.delete("/v1/leads/forget-me").status_code == 200
    all_steps(given)
    # A night of a history that still holds the lead.
    keep_files(out, Keeping(home, at(13), None), target="s")
    all_steps(given)

    found = [part.read_bytes() for part in kept_parts(home)]
    assert [b"keep" in content for content in found] == [True, True]
    assert [b"forget-me" in content for content in found] == [False, False]
