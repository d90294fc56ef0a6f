"""Aliases over HTTP: what is asked or said of one is about its survivor, whose id is in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.times import format_time
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock(at(10))


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=clock, database=database) as client:
        yield client


def put(client: Client, lead_id: str, created: float, **attributes: Any) -> Any:
    body = {"created_at": format_time(at(created)), "attributes": attributes}
    answer = client.put(f"/v1/leads/{lead_id}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def link(client: Client, *pairs: tuple[str, str]) -> list[Any]:
    sent = [{"alias_id": alias, "lead_id": lead} for alias, lead in pairs]
    answer = client.post("/v1/aliases", json={"aliases": sent})
    assert answer.status_code == 200, answer.text
    items: list[Any] = answer.json()["aliases"]
    return items


def touch(client: Client, lead_id: str, number: str) -> Any:
    item = {"interaction_id": number, "lead_id": lead_id, "kind": "meeting_held"}
    sent = {"source": "web", "interactions": [{**item, "occurred_at": format_time(at(5))}]}
    return client.post("/v1/interactions", json=sent).json()["interactions"][0]


def test_aliases__are_taken_once_and_the_first_link_counts(client: Client) -> None:
    put(client, "a", 1)

    items = link(client, ("v", "a"), ("v", "a"), ("v", "b"), ("a", "v"), ("x", "x"), ("nan", "a"), ("w", "v"))

    assert [item["status"] for item in items] == ["stored", "duplicate", *["refused"] * 4, "stored"]
    rules = [item["errors"][0]["rule"] for item in items if item["status"] == "refused"]
    assert rules == ["alias_taken", "alias_circle", "own_alias", "missing_text"]
    assert [items[0]["lead_id"], items[-1]["lead_id"]] == ["a", "a"]
    assert client.get("/v1/health").json()["ingestion"]["aliases"]["stored"] == 2


def test_alias__what_is_asked_and_said_of_it_is_about_the_survivor(client: Client, clock: HandClock) -> None:
    put(client, "a", 3, country="DE")
    put(client, "b", 1, size=4)
    touch(client, "b", "1")
    clock.now = at(12)
    link(client, ("b", "a"))
    clock.now = at(13)

    assert touch(client, "b", "2")["lead_id"] == "a"
    assert touch(client, "b", "1") == {"interaction_id": "1", "lead_id": "a", "status": "duplicate"}
    assert put(client, "b", 1, country="FR")["lead_id"] == "a"
    # Whoever reads the lead may send back what it is told.
    assert put(client, "a", 1)["changed"] == []
    lead = client.get("/v1/leads/b").json()
    assert (lead["lead_id"], lead["created_at"]) == ("a", format_time(at(1)))
    assert lead["attributes"] == {"country": "FR", "size": 4.0}
    known = {entry["interaction_id"]: entry["available_at"] for entry in lead["interactions"]}
    assert known == {"1": format_time(at(12)), "2": format_time(at(13))}
    assert client.get("/v1/leads/b/score").json()["lead_id"] == "a"
    assert client.get("/v1/leads/b/life").json()["lead_id"] == "a"


@pytest.mark.parametrize(
    ("as_of", "lead_id"), [(at(12) - 1, "b"), (at(12), "a"), (at(12) + 1, "a")], ids=["before", "on", "after"]
)
def test_alias__has_its_own_row_until_the_link(
    client: Client, clock: HandClock, as_of: int, lead_id: str
) -> None:
    put(client, "a", 3)
    put(client, "b", 1)
    clock.now = at(12)
    link(client, ("b", "a"))
    clock.now = at(20)

    answer = client.get(f"/v1/leads/b/score?as_of={format_time(as_of)}").json()

    assert answer["lead_id"] == lead_id


def test_visitor__is_unknown_until_the_link(client: Client, clock: HandClock) -> None:
    put(client, "a", 3)
    assert client.get("/v1/leads/v").status_code == 404
    clock.now = at(12)
    link(client, ("v", "a"))

    assert client.get("/v1/leads/v").json()["lead_id"] == "a"
    assert client.get(f"/v1/leads/v/score?as_of={format_time(at(11))}").status_code == 404


def test_outcome__of_an_alias_closes_the_survivor(client: Client, clock: HandClock) -> None:
    put(client, "a", 3)
    link(client, ("contact", "a"))
    clock.now = at(12)
    outcome = {"lead_id": "contact", "outcome": "converted", "occurred_at": format_time(at(11))}

    item = client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]}).json()["outcomes"][0]

    assert item["lead_id"] == "a"
    assert client.get("/v1/leads/a").json()["outcome"]["outcome"] == "converted"


def test_list__shows_a_merged_lead_once(client: Client) -> None:
    put(client, "a", 3)
    put(client, "b", 1, country="Utopia")
    client.rescorer.catch_up()
    before = [row["lead_id"] for row in client.get("/v1/leads").json()["leads"]]

    link(client, ("b", "a"))
    at_once = [row["lead_id"] for row in client.get("/v1/leads").json()["leads"]]
    client.rescorer.catch_up()
    (after,) = client.get("/v1/leads").json()["leads"]

    assert sorted(before) == ["a", "b"]
    assert at_once == ["a"]
    assert (after["lead_id"], after["created_at"]) == ("a", format_time(at(1)))
    assert after["probability"] == client.get("/v1/leads/a/score").json()["probability"]
    assert client.get("/v1/leads?text=utopia").json()["total"] == 1
    assert client.get("/v1/health").json()["leads"]["not_yet_scored"] == 0


def test_delete__erases_all_aliases(client: Client) -> None:
    put(client, "a", 3)
    put(client, "b", 1)
    touch(client, "v", "1")
    link(client, ("b", "a"), ("v", "b"))

    erased = client.delete("/v1/leads/v").json()

    assert erased["lead_id"] == "a"
    counts = erased["erased"]
    assert (counts["leads"], counts["interactions"], counts["lead_aliases"]) == (2, 1, 2)
    assert [client.get(f"/v1/leads/{id_}").status_code for id_ in "abv"] == [410] * 3
    assert [touch(client, id_, f"later-{id_}")["status"] for id_ in "abv"] == ["refused"] * 3
    assert link(client, ("w", "b"))[0]["errors"][0]["rule"] == "erased"


IDENTIFY = {
    "type": "identify",
    "messageId": "m1",
    "userId": "a",
    "anonymousId": "v",
    "timestamp": "2026-01-05T00:00:00Z",
    "traits": {"country": "DE"},
}
PAGE = {"type": "page", "messageId": "m0", "anonymousId": "v", "timestamp": "2026-01-03T00:00:00Z"}


def send(client: Client, *messages: dict[str, Any]) -> list[Any]:
    items: list[Any] = client.post("/v1/interactions", json={"batch": [*messages]}).json()["batch"]
    return items


def test_segment__identify_with_both_ids_brings_the_visits_along(client: Client) -> None:
    items = send(client, PAGE, IDENTIFY, IDENTIFY, {**PAGE, "messageId": "m2"})

    assert [item["status"] for item in items] == ["stored", "stored", "duplicate", "stored"]
    lead = client.get("/v1/leads/v").json()
    assert (lead["lead_id"], len(lead["interactions"])) == ("a", 2)


def test_segment__a_shared_device_stays_with_the_first(client: Client) -> None:
    other = {**IDENTIFY, "messageId": "m3", "userId": "c"}

    items = send(client, IDENTIFY, other)

    assert [item["status"] for item in items] == ["stored", "stored"]
    assert client.get("/v1/leads/v").json()["lead_id"] == "a"
    assert client.get("/v1/leads/c").json()["lead_id"] == "c"


def test_segment__alias_links_the_previous_id(client: Client) -> None:
    put(client, "a", 3)
    message = {"type": "alias", "messageId": "m4", "previousId": "v", "userId": "a"}

    items = send(client, message, message, {"type": "alias", "userId": "a"})

    assert [item["status"] for item in items] == ["stored", "duplicate", "refused"]
    assert items[0]["lead_id"] == "a"
    assert client.get("/v1/leads/v").json()["lead_id"] == "a"
