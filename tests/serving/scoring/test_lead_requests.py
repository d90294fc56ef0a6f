"""Leads that are scored at the same time: each gets the score that it gets alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput
from features.times import format_time
from serving.scoring.lead_requests import LeadRequest, score_each, score_single
from serving.scoring.predictor import Predictor
from serving.store.records import Evidence
from serving.stored_leads import score_lead as stored_lead
from tests.support.builders import START, at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, random_bundle, small_bundle
from tests.support.stores import HandClock
from tests.test_parity import CATEGORIES, FEATURES, KINDS

MINE = ("request_id", "score_id", "scored_at")


@pytest.fixture
def client(database: str, tmp_path: Path, clock: HandClock) -> Iterator[Client]:
    home = home_with(tmp_path / "home", random_bundle(FEATURES, CATEGORIES, seed=5))
    with client_of(home, clock=clock, database=database) as client:
        yield client


def test_score__requested_at_once_is_what_it_is_alone(client: Client) -> None:
    bodies = [_body(number) for number in range(40)]
    bodies += [{**bodies[0], "reasons": 1}, {**bodies[0], "horizon_days": 7}, bodies[0]]

    alone = [client.post("/v1/score", json=body).json() for body in bodies]
    together = client.at_once([("POST", "/v1/score", {"json": body}) for body in bodies])

    assert [_plain(answer.json()) for answer in together] == [_plain(answer) for answer in alone]
    assert len({answer.json()["request_id"] for answer in together}) == len(bodies)


def test_score__refused_at_once_with_others_costs_them_nothing(client: Client) -> None:
    bodies = [_body(1), {**_body(2), "horizon_days": 4000}, {**_body(3), "attributes": {"country": ["nl"]}}]

    answers = client.at_once([("POST", "/v1/score", {"json": body}) for body in [*bodies, _body(4)]])

    assert [answer.status_code for answer in answers] == [200, 422, 422, 200]


def test_lead_score__requested_at_once_is_what_it_is_alone(client: Client) -> None:
    for number in range(20):
        body = _body(number)
        fields = {name: body[name] for name in ("created_at", "account_id", "attributes")}
        assert client.put(f"/v1/leads/{number}", json=fields).status_code == 200
        items = [
            {**interaction, "lead_id": str(number), "interaction_id": str(i)}
            for i, interaction in enumerate(body["interactions"])
        ]
        sent = {"source": str(number), "interactions": items}
        assert client.post("/v1/interactions", json=sent).json()["refused"] == 0
    paths = [f"/v1/leads/{number % 20}/score?reasons={number % 3 + 1}" for number in range(50)]
    paths += ["/v1/leads/nobody/score", "/v1/leads/1/score?horizon_days=4000"]

    alone = [client.get(path) for path in paths]
    together = client.at_once([("GET", path, {}) for path in paths])

    assert [answer.status_code for answer in together] == [200] * 50 + [404, 422]
    assert [_plain(answer.json()) for answer in together] == [_plain(answer.json()) for answer in alone]
    assert len({answer.json()["score_id"] for answer in together[:50]}) == 50


def test_lead_score__a_lead_that_cannot_be_scored_costs_no_other_its_score(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        client.put(f"/v1/leads/{number}", json={"created_at": format_time(at(1))})
    read = stored_lead.read_evidence

    def fail_once(connection: Any, lead_id: str, **options: Any) -> Evidence:
        if lead_id == "1":
            raise ZeroDivisionError
        return read(connection, lead_id, **options)

    monkeypatch.setattr(stored_lead, "read_evidence", fail_once)

    answers = client.at_once([("GET", f"/v1/leads/{number}/score", {}) for number in range(3)])

    assert [answer.status_code for answer in answers] == [200, 500, 200]


def test_score_each__a_request_that_fails_costs_no_other_its_score() -> None:
    predictor = Predictor.from_bundle(small_bundle())
    good = LeadRequest(predictor, LeadInput("a", START), at(5), at(5))
    no_moment: Any = InteractionInputs(["call_held"], ["yesterday"], [None], [None], [None], [None], [None])
    bad = good._replace(lead=LeadInput("b", START, interactions=no_moment))

    answers = score_each([good, bad, good])

    assert answers[0] == answers[2] == score_single(good)
    assert isinstance(answers[1], Exception)


def _body(number: int) -> dict[str, Any]:
    chance = np.random.default_rng(number)
    days = np.sort(chance.uniform(0.1, 9.0, size=chance.integers(0, 30)))
    kinds = chance.choice(KINDS, size=len(days))
    channels = chance.choice(["web", "phone", ""], size=len(days))
    return {
        "lead_id": str(number),
        "created_at": format_time(at(0.05)),
        "as_of": format_time(at(9.5)),
        "account_id": [None, "A", "B"][number % 3],
        "attributes": {"country": ["DE", "FR", None][number % 3]},
        "interactions": [
            {"kind": str(kind), "occurred_at": format_time(at(float(day))), "channel": str(channel)}
            for kind, day, channel in zip(kinds, days, channels, strict=True)
        ],
    }


def _plain(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: cell for name, cell in answer.items() if name not in MINE}
