"""What a CRM says again and otherwise: merged leads, corrected creations and outcomes, erased leads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.sources.service_tables import OUTCOMES
from features.times import US_PER_DAY, format_time
from serving.stored_leads.replay import replay_score
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock


@pytest.fixture
def home(tmp_path: Path) -> Any:
    return home_with(tmp_path / "home", small_bundle())


@pytest.fixture
def client(database: str, home: Any, clock: HandClock) -> Iterator[Client]:
    with client_of(home, clock=clock, database=database) as client:
        yield client


def day(when: float) -> str:
    return format_time(at(when))


def put(client: Client, lead_id: str = "a", **fields: Any) -> Any:
    answer = client.put(f"/v1/leads/{lead_id}", json={"created_at": day(1), **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def outcome(client: Client, outcome: str, outcome_id: str | None = None, when: float = 6, **more: Any) -> Any:
    own = {"lead_id": "a", "outcome": outcome, "occurred_at": day(when), **more}
    item = own if outcome_id is None else {**own, "outcome_id": outcome_id}
    answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": [item]})
    assert answer.status_code == 200, answer.text
    return answer.json()["outcomes"][0]["status"]


def status(client: Client, **query: str) -> Any:
    return client.get("/v1/leads/a/score", params=query).json()["status"]


def test_patch_lead__merges_what_it_names(client: Client, clock: HandClock) -> None:
    put(client, account_id="A", attributes={"country": "DE", "size": 5})
    clock.now += 1

    answer = client.patch("/v1/leads/a", json={"attributes": {"size": 7, "country": "DE"}})

    lead = client.get("/v1/leads/a").json()
    assert (answer.status_code, answer.json()["changed"], answer.json()["lead_id"]) == (200, ["size"], "a")
    assert lead["attributes"] == {"country": "DE", "size": 7.0}
    assert (lead["account_id"], lead["created_at"]) == ("A", day(1))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_put_lead__says_what_the_model_reads_as_another_type(client: Client, method: str) -> None:
    put(client)
    sent = {"has_budget": "perhaps", "country": 5, "more": "x"}

    answer = client.request(method, "/v1/leads/a", json={"created_at": day(1), "attributes": sent})

    notes = ["The attribute has_budget is neither true nor false, so it counts as missing."]
    assert (answer.status_code, answer.json()["notes"]) == (200, notes)
    assert notes[0] in client.get("/v1/leads/a/score").json()["notes"]


@pytest.mark.parametrize("body", [{}, {"attributes": {"x": 1}}, {"created_at": day(1)}])
def test_patch_lead__creates_none(client: Client, body: dict[str, Any]) -> None:
    answer = client.patch("/v1/leads/a", json=body)

    assert (answer.status_code, answer.json()["code"]) == (404, "lead_unknown")
    assert client.get("/v1/leads/a").status_code == 404


@pytest.mark.parametrize(
    ("body", "path"),
    [({"created_at": day(11)}, "/created_at"), ({"lead_id": "a"}, "/lead_id"), ([], "")],
)
def test_patch_lead__refuses(client: Client, body: Any, path: str) -> None:
    put(client)

    answer = client.patch("/v1/leads/a", json=body)

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, path)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_put_lead__corrects_the_creation(client: Client, clock: HandClock, method: str) -> None:
    put(client)
    clock.now = at(12)

    answer = client.request(method, "/v1/leads/a", json={"created_at": day(4)})

    assert answer.json()["changed"] == ["created_at"]
    assert client.get("/v1/leads/a").json()["created_at"] == day(4)
    # It says when the lead really was created: before, there is no score.
    assert client.get("/v1/leads/a/score", params={"as_of": day(3)}).status_code == 422
    assert status(client, as_of=day(5)) == "scored"
    assert client.request(method, "/v1/leads/a", json={"created_at": day(4)}).json()["changed"] == []


def test_add_leads__corrects_the_creation(client: Client) -> None:
    leads = [{"lead_id": "a", "created_at": day(when)} for when in (1, 2, 2)]

    answer = client.post("/v1/leads", json={"leads": leads}).json()

    assert [item["status"] for item in answer["leads"]] == ["stored", "stored", "duplicate"]
    assert client.get("/v1/leads/a").json()["created_at"] == day(2)


def test_replay__has_the_creation_that_was_known_when_the_score_was_given(
    client: Client, clock: HandClock, database: str, home: Any
) -> None:
    for lead_id in "ab":
        put(client, lead_id, account_id="A")
    client.post("/v1/aliases", json={"aliases": [{"alias_id": "v", "lead_id": "a"}]})
    met = {"interaction_id": "1", "lead_id": "b", "kind": "meeting_held", "occurred_at": day(1.5)}
    client.post("/v1/interactions", json={"source": "crm", "interactions": [met]})
    answers = []
    # Of the lead itself, of the other of the account, and of a lead that is an alias now.
    for lead_id, when in (("a", 3.0), ("b", 0.5), ("a", 2.0), ("v", 1.25)):
        answers.append(client.get("/v1/leads/a/score", params={"reasons": "all", "as_of": day(9)}).json())
        put(client, lead_id, created_at=day(when))
        clock.now += US_PER_DAY
    client.server.store.audit.flush()

    replays = [
        replay_score(answer["score_id"], database=database, home=home.path, now=clock.now)
        for answer in answers
    ]

    assert [replay.is_same for replay in replays] == [True] * 4
    assert client.get("/v1/leads/a").json()["created_at"] == day(2)


def test_correction__of_a_creation_has_its_leads_scored_again(client: Client, clock: HandClock) -> None:
    put(client, account_id="A")
    put(client, "b", account_id="A")
    client.rescorer.catch_up()
    clock.now += US_PER_DAY

    client.patch("/v1/leads/a", json={"created_at": day(2)})
    client.rescorer.catch_up()

    rows = client.get("/v1/leads").json()["leads"]
    assert {row["as_of"] for row in rows} == {format_time(clock.now)}
    assert {row["lead_id"]: row["created_at"] for row in rows} == {"a": day(2), "b": day(1)}


def test_outcome__is_reopened_and_corrected(client: Client, clock: HandClock) -> None:
    put(client)
    seen = [status(client)]
    steps = [
        ("lost", "o1", 5.0),
        ("converted", "o1", 6.0),
        ("reopened", "o2", 7.0),
        ("lost", "o1", 5.0),
        ("lost", "o1", 5.0),
    ]
    stored = []
    for name, outcome_id, when in steps:
        clock.now += 1
        stored.append(outcome(client, name, outcome_id, when))
        seen.append(status(client))

    assert stored == ["stored"] * 4 + ["duplicate"]
    # The same id with other content corrects: a corrected conversion never happened, and the last holds.
    assert seen == ["scored", "lost", "converted", "scored", "lost", "lost"]
    assert [status(client, as_of=format_time(at(10) + i)) for i in range(5)] == seen[:5]


def kept_versions(client: Client, outcome_id: str) -> list[tuple[str, int]]:
    """Outcomes that came with an id, by when they are known."""
    own = OUTCOMES.c
    found = sa.select(own.outcome, own.available_at).where(own.outcome_id == outcome_id)
    return client.server.store.read(
        lambda connection: [tuple(row) for row in connection.execute(found.order_by(own.available_at))]
    )


def test_outcome__is_corrected_while_the_clock_stands_or_was_set_back(
    client: Client, clock: HandClock
) -> None:
    put(client)
    began = clock.now
    item = {"lead_id": "a", "outcome_id": "o1", "occurred_at": day(5)}

    # In one transaction of the writer, too, where all have one moment of receipt.
    sent = [
        ("POST", "/v1/outcomes", {"json": {"source": "crm", "outcomes": [{**item, "outcome": name}]}})
        for name in ("lost", "converted")
    ]
    answers = client.at_once(sent)
    clock.now -= US_PER_DAY
    again = [outcome(client, name, "o1", 5.0) for name in ("lost", "lost", "converted")]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert again == ["stored", "duplicate", "stored"]
    names = ("lost", "converted", "lost", "converted")
    assert kept_versions(client, "o1") == [(name, began + place) for place, name in enumerate(names)]


def test_outcome__backfilled_twice_is_stored_once(client: Client) -> None:
    put(client)
    item = {"lead_id": "a", "outcome_id": "o1", "occurred_at": day(5)}
    items = [{**item, "outcome": "lost"}, {**item, "outcome": "converted"}, {**item, "outcome": "lost"}]
    body = {"source": "crm", "backfill": True, "outcomes": items}

    answers = [client.post("/v1/outcomes", json=body).json()["outcomes"] for _ in range(2)]

    statuses = [[own["status"] for own in answered] for answered in answers]
    assert statuses == [["stored", "stored", "duplicate"], ["duplicate"] * 3]
    assert kept_versions(client, "o1") == [("lost", at(5)), ("converted", at(5) + 1)]


def test_add_outcomes__corrects_across_the_parts_of_a_body(client: Client, clock: HandClock) -> None:
    put(client)
    item = {"lead_id": "a", "outcome_id": "o1", "occurred_at": day(5)}
    items = [{**item, "outcome": ("lost", "converted")[number % 2]} for number in range(250)]

    answer = client.post("/v1/outcomes", json={"source": "crm", "outcomes": items}).json()

    clock.now += len(items)
    assert {own["status"] for own in answer["outcomes"]} == {"stored"}
    assert status(client) == "converted"
    assert len(kept_versions(client, "o1")) == 250


def erased(client: Client) -> None:
    put(client)
    client.post("/v1/aliases", json={"aliases": [{"alias_id": "v", "lead_id": "a"}]})
    assert client.delete("/v1/leads/a").status_code == 200


def test_erased_lead__is_gone_on_every_route(client: Client) -> None:
    erased(client)
    routes = [(method, "/v1/leads/{}") for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE")]
    routes += [(method, f"/v1/leads/{{}}/{part}") for method in ("GET", "HEAD") for part in ("score", "life")]
    routes += [("GET", "/v1/leads/{}/score?max_age=300"), ("GET", "/v1/leads/{}?interactions=500")]

    for method, path in routes:
        for lead_id in ("a", "v"):
            body = {"json": {"created_at": day(1)}} if method in ("PUT", "PATCH") else {}
            answer = client.request(method, path.format(lead_id), **body)
            assert answer.status_code == 410, (method, path, lead_id)
            assert method == "HEAD" or answer.json()["code"] == "lead_erased"


def test_erased_lead__is_refused_among_others(client: Client) -> None:
    erased(client)
    item = {"lead_id": "a", "occurred_at": day(2)}
    sent = {
        "interactions": {**item, "interaction_id": "1", "kind": "page_view"},
        "outcomes": {**item, "outcome": "lost"},
        "aliases": {"alias_id": "w", "lead_id": "a"},
        "leads": {"lead_id": "a", "created_at": day(1)},
    }

    for name, one in sent.items():
        source = {"source": "crm"} if name in ("interactions", "outcomes") else {}
        (answered,) = client.post(f"/v1/{name}", json={**source, name: [one]}).json()[name]
        assert (answered["status"], answered["errors"][0]["rule"]) == ("refused", "erased"), name
    (scored,) = client.post("/v1/leads/scores", json={"lead_ids": ["a"]}).json()["scores"]
    assert (scored["status"], scored["errors"][0]["rule"]) == ("failed", "lead_erased")
