"""A request with an Idempotency-Key is answered once: sent again, it writes nothing and has that answer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from features.sources.connections import open_engine
from features.times import US_PER_DAY, format_time
from serving.database.schema import STORED_ANSWER_LEADS, STORED_ANSWERS
from serving.intake import stored_answers
from serving.intake.stored_answers import drop_old_answers
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

TIME = format_time(at(2))
INTERACTION = {"interaction_id": "1", "lead_id": "a", "kind": "page_view", "occurred_at": TIME}
TRACK = {"type": "track", "event": "x", "messageId": "m", "userId": "a", "timestamp": TIME}
WRITES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "PUT": ("PUT", "/v1/leads/a", {"created_at": TIME, "attributes": {"size": 5}}),
    "PATCH": ("PATCH", "/v1/leads/b", {"attributes": {"size": 5}}),
    "leads": ("POST", "/v1/leads", {"leads": [{"lead_id": "c", "created_at": TIME}]}),
    "interactions": ("POST", "/v1/interactions", {"source": "crm", "interactions": [INTERACTION]}),
    "Segment": ("POST", "/v1/interactions", {"batch": [TRACK]}),
    "outcomes": (
        "POST",
        "/v1/outcomes",
        {"source": "crm", "outcomes": [{"lead_id": "a", "outcome": "lost", "occurred_at": TIME}]},
    ),
    "aliases": ("POST", "/v1/aliases", {"aliases": [{"alias_id": "v", "lead_id": "a"}]}),
}


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    with client_of(home_with(tmp_path / "home", small_bundle()), clock=clock, database=database) as client:
        client.put("/v1/leads/b", json={"created_at": TIME})
        yield client


def ask(client: Client, write: tuple[str, str, Any], key: str | None = "k-1") -> httpx.Response:
    method, path, body = write
    return client.request(method, path, json=body, headers={} if key is None else {"Idempotency-Key": key})


def content(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.pop("request_id") == answer.headers["X-Request-ID"]
    return body


def stored(database: str) -> tuple[int, int]:
    engine = open_engine(database)
    with engine.connect() as connection:
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
            for table in (STORED_ANSWERS, STORED_ANSWER_LEADS)
        ]
    engine.dispose()
    return counts[0], counts[1]


def test_key__gives_the_same_answer_again(client: Client, clock: HandClock) -> None:
    for name, write in WRITES.items():
        first = ask(client, write, key=name)
        clock.now += 1

        again, without = ask(client, write, key=name), ask(client, write, key=None)

        assert content(again) == content(first), name
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert content(without) != content(first), name
    # Three times sent, twice counted: what was answered before was not received again.
    assert client.get("/v1/health").json()["ingestion"]["outcomes"]["received"] == 2


def test_key__of_a_body_in_parts_has_the_whole_answer(client: Client) -> None:
    # The last is the first again.
    items = [{**INTERACTION, "interaction_id": str(number % 209)} for number in range(210)]
    write = "POST", "/v1/interactions", {"source": "crm", "interactions": items}

    first, again = (content(ask(client, write)) for _ in range(2))

    assert first == again
    statuses = [item["status"] for item in first["interactions"]]
    assert statuses == ["stored"] * 209 + ["duplicate"]
    assert [item["status"] for item in content(ask(client, write, "k-2"))["interactions"]] == [
        "duplicate"
    ] * 210


def test_key__of_another_request_is_refused(client: Client) -> None:
    method, path, body = WRITES["PUT"]
    ask(client, (method, path, body))

    for other in (
        (method, path, {**body, "attributes": {"size": 6}}),
        (method, "/v1/leads/d", body),
        ("PATCH", path, body),
        WRITES["leads"],
    ):
        answer = ask(client, other)
        assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert client.get("/v1/leads/a").json()["attributes"] == {"size": 5.0}


def test_key__is_stored_for_a_day_and_after_a_restart(
    database: str, tmp_path: Path, clock: HandClock
) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    answers = []
    for moment in (at(10), at(11) - 1, at(11), at(11)):
        clock.now = moment
        with client_of(home, clock=clock, database=database) as client:
            answers.append(content(ask(client, WRITES["leads"]))["leads"][0]["status"])

    # A day later it counts as new, and its answer of then is given from there on.
    assert answers == ["stored", "stored", "duplicate", "duplicate"]


def test_key__of_a_request_that_is_not_done_is_refused(client: Client) -> None:
    held, waits = threading.Event(), threading.Event()

    def hold(*_: object) -> None:
        waits.set()
        held.wait(timeout=30)

    holding = client.server.store.write(hold)
    waits.wait(timeout=30)
    threading.Timer(0.2, held.set).start()
    headers = {"Idempotency-Key": "k"}

    method, path, body = WRITES["leads"]
    first, second = client.at_once([(method, path, {"json": body, "headers": headers})] * 2)

    holding.result()
    assert content(first)["stored"] == 1
    assert (second.status_code, second.json()["code"]) == (409, "in_progress")
    assert second.json()["retry_after_seconds"] == 1
    assert content(ask(client, WRITES["leads"], key="k")) == content(first)


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é".encode()])
def test_key__that_is_none_is_refused(client: Client, key: Any) -> None:
    method, path, body = WRITES["leads"]

    answer = client.request(method, path, json=body, headers={b"Idempotency-Key": key})

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key")
    assert client.get("/v1/leads/c").status_code == 404


def test_key__of_a_request_that_failed_stores_nothing(client: Client, database: str) -> None:
    unknown = ("PATCH", "/v1/leads/nobody", {"attributes": {"size": 5}})

    assert [ask(client, unknown).status_code for _ in range(2)] == [404, 404]
    assert stored(database) == (0, 0)
    client.put("/v1/leads/nobody", json={"created_at": TIME})
    assert content(ask(client, unknown))["changed"] == ["size"]


def test_erasure__takes_the_answers_that_name_the_lead(client: Client, database: str) -> None:
    ask(client, WRITES["aliases"], key="1")
    ask(client, WRITES["Segment"], key="2")
    ask(client, WRITES["PATCH"], key="3")
    ask(client, WRITES["PUT"], key="4")
    assert stored(database)[0] == 4

    client.delete("/v1/leads/v")

    assert stored(database) == (1, 1)
    # Refused, and not stored: it names the erased lead.
    lead = ("POST", "/v1/leads", {"leads": [{"lead_id": "a", "created_at": TIME}]})
    (refused,) = content(ask(client, lead, key="5"))["leads"]
    assert (refused["status"], stored(database)) == ("refused", (1, 1))


def test_drop_old_answers__keeps_the_newest(
    client: Client, clock: HandClock, monkeypatch: pytest.MonkeyPatch, database: str
) -> None:
    monkeypatch.setattr(stored_answers, "MOST_ANSWERS", 3)
    for number in range(5):
        clock.now += 1
        ask(client, WRITES["leads"], key=str(number))

    client.server.store.write(lambda connection, _: drop_old_answers(connection, now=clock.now)).result()
    assert stored(database) == (3, 3)
    client.server.store.write(
        lambda connection, _: drop_old_answers(connection, now=clock.now - 1 + US_PER_DAY)
    ).result()
    assert stored(database) == (1, 1)
