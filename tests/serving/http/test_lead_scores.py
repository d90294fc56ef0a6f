"""Scores of several stored leads in one call, and the current score where it is recent enough."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from features.times import US_PER_SECOND, format_time
from serving.database.score_tables import AUDIT
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

COUNT = sa.select(sa.func.count()).select_from(AUDIT)
OF_A_RESPONSE = ("request_id", "score_id")


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2", average=-1.0))
    with client_of(home, clock=clock, database=database) as client:
        for lead_id in "abc":
            put(client, lead_id, account_id="A" if lead_id != "c" else None, attributes={"country": "DE"})
        yield client


def day(when: float) -> str:
    return format_time(at(when))


def put(client: Client, lead_id: str = "a", **fields: Any) -> None:
    assert client.put(f"/v1/leads/{lead_id}", json={"created_at": day(1), **fields}).status_code == 200


def score(client: Client, lead_id: str = "a", **query: Any) -> Any:
    answer = client.get(f"/v1/leads/{lead_id}/score", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def own(answer: Any) -> Any:
    return {name: value for name, value in answer.items() if name not in (*OF_A_RESPONSE, "errors")}


def test_lead_scores__are_those_of_each_alone(client: Client) -> None:
    body = {"lead_ids": ["a", "none", "c", "a"], "reasons": "all", "horizon_days": 7.5, "as_of": day(9)}
    query = {name: value for name, value in body.items() if name != "lead_ids"}

    answer = client.post("/v1/leads/scores", json=body)

    alone = {lead_id: own(score(client, lead_id, **query)) for lead_id in "ac"}
    scores = answer.json()["scores"]
    assert answer.status_code == 200
    assert [own(scores[place]) for place in (0, 2, 3)] == [alone["a"], alone["c"], alone["a"]]
    assert len({scores[place]["score_id"] for place in (0, 2, 3)}) == 3
    assert (scores[1]["lead_id"], scores[1]["status"], scores[1]["score_id"]) == ("none", "failed", None)
    assert [(fault["path"], fault["rule"]) for fault in scores[1]["errors"]] == [
        ("/lead_ids/1", "lead_unknown")
    ]


def test_lead_scores__of_a_moment_before_a_lead_fail_for_it_alone(client: Client) -> None:
    put(client, "late", created_at=day(8))

    scores = client.post("/v1/leads/scores", json={"lead_ids": ["late", "a"], "as_of": day(5)}).json()[
        "scores"
    ]

    assert [row["status"] for row in scores] == ["failed", "scored"]
    assert [fault["path"] for fault in scores[0]["errors"]] == ["/as_of"]


@pytest.mark.parametrize(
    ("body", "path", "rule"),
    [
        ({}, "/lead_ids", "missing"),
        ({"lead_ids": [""]}, "/lead_ids/0", "string_too_short"),
        ({"lead_ids": ["a"] * 201}, "/lead_ids", "too_long"),
        ({"lead_ids": ["a"], "as_of": day(11)}, "/as_of", "not_ahead"),
        ({"lead_ids": ["a"], "horizon_days": 1000.0}, "/horizon_days", "horizon_too_long"),
        ({"lead_ids": ["a"], "max_age": 5}, "/max_age", "extra_forbidden"),
    ],
)
def test_lead_scores__refuses(client: Client, body: Any, path: str, rule: str) -> None:
    answer = client.post("/v1/leads/scores", json=body)

    assert answer.status_code == 422
    assert (path, rule) in [(fault["path"], fault["rule"]) for fault in answer.json()["errors"]]


def test_lead_scores__does_not_take_the_address_of_a_lead(client: Client) -> None:
    put(client, "scores")

    assert client.get("/v1/leads/scores").json()["lead_id"] == "scores"
    assert client.post("/v1/leads/a").status_code == 405


def test_score__with_max_age_is_the_current_one(client: Client, clock: HandClock) -> None:
    then = score(client)
    client.rescorer.catch_up()
    clock.now += 200 * US_PER_SECOND

    recent = score(client, max_age=200)

    assert "score_id" not in recent
    assert own(recent) == own(then)
    assert (recent["as_of"], list(own(recent))) == (day(10), list(own(then)))
    exact = score(client, max_age=199)
    assert exact["as_of"] == format_time(clock.now)
    assert exact["score_id"]


def _interaction(lead_id: str) -> Callable[[Client], object]:
    met = {"interaction_id": "1", "lead_id": lead_id, "kind": "meeting_held", "occurred_at": day(5)}
    return lambda client: client.post("/v1/interactions", json={"source": "crm", "interactions": [met]})


def _outcome(client: Client) -> object:
    lost = {"lead_id": "a", "outcome": "lost", "occurred_at": day(5)}
    return client.post("/v1/outcomes", json={"source": "crm", "outcomes": [lost]})


def _link(alias: str, lead_id: str) -> Callable[[Client], object]:
    return lambda client: client.post(
        "/v1/aliases", json={"aliases": [{"alias_id": alias, "lead_id": lead_id}]}
    )


def _promote(client: Client) -> None:
    client.server.live.home.swap_champion("2")
    client.server.live.refresh()


NEWER: dict[str, Callable[[Client], object]] = {
    "interaction": _interaction("a"),
    "interaction of the account": _interaction("b"),
    "outcome": _outcome,
    "attribute": lambda client: put(client, attributes={"country": "FR"}),
    "account": lambda client: put(client, account_id="B"),
    "creation": lambda client: put(client, created_at=day(2)),
    "another joins the account": lambda client: put(client, "c", account_id="A"),
    "another leaves the account": lambda client: put(client, "b", account_id="B"),
    "another of the account is erased": lambda client: client.delete("/v1/leads/b"),
    "alias": _link("v", "a"),
    "alias of the account": _link("v", "b"),
    "it becomes an alias": _link("a", "c"),
    "version": _promote,
}


@pytest.mark.parametrize("change", NEWER.values(), ids=NEWER)
def test_score__with_max_age_is_exact_once_something_newer_is_stored(
    client: Client, clock: HandClock, change: Callable[[Client], object]
) -> None:
    client.rescorer.catch_up()
    clock.now += US_PER_SECOND
    assert score(client, max_age=300)["as_of"] == day(10)

    change(client)

    assert score(client, max_age=300)["as_of"] == format_time(clock.now)
    client.rescorer.catch_up()
    if change is not NEWER["it becomes an alias"]:
        assert "score_id" not in score(client, max_age=300)


def test_score__with_max_age_stays_while_others_change(client: Client, clock: HandClock) -> None:
    client.rescorer.catch_up()
    clock.now += US_PER_SECOND

    _interaction("c")(client)

    assert "score_id" not in score(client, max_age=300)
    assert score(client, "c", max_age=300)["as_of"] == format_time(clock.now)


def test_score__with_max_age_sees_what_comes_under_an_alias(client: Client, clock: HandClock) -> None:
    _link("w", "v")(client)
    _link("v", "a")(client)
    client.rescorer.catch_up()
    clock.now += US_PER_SECOND
    assert "score_id" not in score(client, max_age=300)

    _interaction("w")(client)

    assert score(client, max_age=300)["as_of"] == format_time(clock.now)


@pytest.mark.parametrize(
    "query", ["as_of=2026-01-05T00:00:00Z", "horizon_days=7", "reasons=3", "reasons=all"]
)
def test_score__refuses_max_age_with_what_the_current_score_lacks(client: Client, query: str) -> None:
    answer = client.get(f"/v1/leads/a/score?max_age=300&{query}")

    assert answer.status_code == 422
    assert [(fault["path"], fault["rule"]) for fault in answer.json()["errors"]] == [
        (f"?{query.partition('=')[0]}", "not_with_max_age")
    ]


@pytest.mark.parametrize("age", ["-1", "2678401", "1.5", "x", ""])
def test_score__refuses_another_max_age(client: Client, age: str) -> None:
    assert client.get(f"/v1/leads/a/score?max_age={age}").status_code == 422


def test_lead_score__of_head_is_not_recorded(client: Client) -> None:
    def recorded() -> int:
        client.server.store.audit.flush()
        return client.server.store.read(lambda connection: connection.scalar(COUNT) or 0)

    asked = client.request("HEAD", "/v1/leads/a/score")

    assert (asked.status_code, recorded()) == (200, 0)
    score(client)
    assert recorded() == 1
