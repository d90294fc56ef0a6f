"""Many leads in one call, and rows of the past by a key that may send them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.keys.commands import create
from tests.serving.store.test_store import day, log_odds, put, score
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    with client_of(home_with(tmp_path / "home", small_bundle()), clock=clock, database=database) as client:
        yield client


def told(answer: Any) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_add_leads__has_a_status_for_each(client: Client) -> None:
    put(client, "a", attributes={"country": "DE"})
    put(client, "gone")
    client.delete("/v1/leads/gone")
    leads = [
        {"lead_id": "a", "created_at": day(1), "attributes": {"country": "DE"}},
        {"lead_id": "a", "created_at": day(1), "account_id": "A"},
        {"lead_id": "b", "created_at": day(1), "attributes": {"country": "FR"}},
        {"lead_id": "gone", "created_at": day(1)},
        {"lead_id": "late", "created_at": day(11)},
        {"created_at": day(1)},
        "b",
    ]

    answer = told(client.post("/v1/leads", json={"leads": leads}))

    assert [lead["status"] for lead in answer["leads"]] == ["duplicate", "stored", "stored", *["refused"] * 4]
    assert (answer["received"], answer["stored"], answer["refused"]) == (7, 2, 4)
    assert [lead["errors"][0]["path"] for lead in answer["leads"][3:6]] == [
        "/leads/3",
        "/leads/4/created_at",
        "/leads/5/lead_id",
    ]
    assert client.get("/v1/leads/b").json()["attributes"] == {"country": "FR"}


def test_backfill__counts_from_the_rows_own_moment(client: Client) -> None:
    lead = {"lead_id": "a", "created_at": day(0), "attributes": {"country": "DE"}}
    touches = [
        {"interaction_id": "1", "lead_id": "a", "kind": "meeting_held", "occurred_at": day(2)},
        {
            "interaction_id": "2",
            "lead_id": "a",
            "kind": "meeting_held",
            "occurred_at": day(3),
            "available_at": day(5),
        },
        {"interaction_id": "3", "lead_id": "a", "kind": "x", "occurred_at": day(3), "available_at": day(11)},
    ]

    told(client.post("/v1/leads", json={"leads": [lead], "backfill": True}))
    stored = told(
        client.post("/v1/interactions", json={"source": "crm", "interactions": touches, "backfill": True})
    )

    # Log-odds: average -2, DE 0.5, one meeting 1 from day 2 on, two meetings 2 from day 5 on.
    assert [item["status"] for item in stored["interactions"]] == ["stored", "stored", "refused"]
    logits = [log_odds(score(client, "a", as_of=day(when))) for when in (1, 2, 4.9, 5)]
    assert logits == [-1.5, -0.5, -0.5, 0.5]


def test_backfill__takes_the_beginning_of_1970_for_a_moment(client: Client) -> None:
    epoch, before = "1970-01-01T00:00:00Z", "1969-12-31T00:00:00Z"
    put(client, "a")
    touches = [
        {"interaction_id": "1", "lead_id": "a", "kind": "x", "occurred_at": epoch},
        {"interaction_id": "2", "lead_id": "a", "kind": "x", "occurred_at": before, "available_at": epoch},
    ]
    body = {"source": "crm", "interactions": touches}

    stored = told(client.post("/v1/interactions", json={**body, "backfill": True}))
    again = told(client.post("/v1/interactions", json=body))

    assert (stored["stored"], again["duplicate"]) == (2, 2)
    found = client.get("/v1/leads/a").json()["interactions"]
    assert {row["occurred_at"]: row["available_at"] for row in found} == {epoch: epoch, before: epoch}


def test_backfill__keeps_every_correction_of_an_outcome_once(client: Client) -> None:
    sent = [
        {"lead_id": "a", "outcome": "converted", "occurred_at": day(2), "outcome_id": "o"},
        {"lead_id": "a", "outcome": "lost", "occurred_at": day(2), "available_at": day(4), "outcome_id": "o"},
        {"lead_id": "a", "outcome": "reopened", "occurred_at": day(6)},
    ]
    body = {"source": "crm", "outcomes": sent, "backfill": True}
    put(client, "a")

    first, second = (told(client.post("/v1/outcomes", json=body)) for _ in range(2))

    assert [item["status"] for item in first["outcomes"]] == ["stored"] * 3
    assert [item["status"] for item in second["outcomes"]] == ["duplicate"] * 3
    states = [score(client, "a", as_of=day(when))["status"] for when in (1, 3, 5, 7)]
    assert states == ["scored", "converted", "lost", "scored"]


def test_backfill__of_a_link_brings_its_rows_along_from_its_own_moment_on(client: Client) -> None:
    lead = {"lead_id": "a", "created_at": day(0)}
    touch = {"interaction_id": "1", "lead_id": "v", "kind": "meeting_held", "occurred_at": day(1)}
    links = [{"alias_id": "v", "lead_id": "a", "available_at": day(3)}]
    links += [{"alias_id": "w", "lead_id": "a", "available_at": day(11)}, {"alias_id": "x", "lead_id": "a"}]

    told(client.post("/v1/leads", json={"leads": [lead], "backfill": True}))
    sent = {"source": "web", "interactions": [touch], "backfill": True}
    told(client.post("/v1/interactions", json=sent))
    answer = told(client.post("/v1/aliases", json={"aliases": links, "backfill": True}))

    assert [item["status"] for item in answer["aliases"]] == ["stored", "refused", "stored"]
    # Log-odds: average -2, one meeting 1.
    assert [log_odds(score(client, "a", as_of=day(when))) for when in (2.9, 3)] == [-2, -1]


@pytest.mark.parametrize("path", ["leads", "interactions", "outcomes", "aliases"])
def test_backfill__needs_a_key_with_the_scope_admin(
    tmp_path: Path, database: str, clock: HandClock, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    monkeypatch.setenv("LEADODDS_DATABASE", database)
    keys = {
        scope: create(scope, scope, home=tmp_path, now=at(1), requests_per_second=9)["key"]
        for scope in ("write", "admin")
    }
    own = {} if path in ("leads", "aliases") else {"source": "crm"}
    body = {**own, path: [], "backfill": True}

    with client_of(home, clock=clock, database=database) as client:
        answers = {
            scope: client.post(f"/v1/{path}", json=body, headers={"X-API-Key": key})
            for scope, key in keys.items()
        }
        plain = client.post(
            f"/v1/{path}", json={**body, "backfill": False}, headers={"X-API-Key": keys["write"]}
        )

    assert {scope: answer.status_code for scope, answer in answers.items()} == {"write": 403, "admin": 200}
    assert "backfill needs a key with the scope admin" in answers["write"].json()["detail"]
    assert plain.status_code == 200
