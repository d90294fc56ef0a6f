"""Leads as they are told to the service: an id that spells a missing one is refused, a cell is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.checks.checked_history import read_history
from features.times import format_time
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

CREATED = {"created_at": format_time(at(1))}


@pytest.fixture
def client(database: str, tmp_path: Path) -> Iterator[Client]:
    home = home_with(tmp_path / "home", small_bundle())
    with client_of(home, clock=HandClock(at(10)), database=database) as client:
        yield client


def put(client: Client, lead_id: str, **fields: Any) -> None:
    answer = client.put(f"/v1/leads/{lead_id}", json={**CREATED, **fields})
    assert answer.status_code == 200, answer.text


def touch(interaction_id: str, lead_id: str, **columns: Any) -> dict[str, Any]:
    sent = {"interaction_id": interaction_id, "lead_id": lead_id, "kind": "meeting_held"}
    return {**sent, "occurred_at": format_time(at(5)), **columns}


def probability(client: Client, lead_id: str) -> float:
    answer = client.get(f"/v1/leads/{lead_id}/score").json()
    told: float = answer["probability"]
    return told


@pytest.mark.parametrize("lead_id", ["NULL", "none", "n%2Fa", "NaN"])
def test_put_lead__refuses_an_id_that_spells_a_missing_one(client: Client, lead_id: str) -> None:
    answer = client.put(f"/v1/leads/{lead_id}", json=CREATED)

    assert answer.status_code == 422
    assert [(fault["path"], fault["rule"]) for fault in answer.json()["errors"]] == [
        ("/lead_id", "missing_text")
    ]
    assert client.get(f"/v1/leads/{lead_id}").status_code == 404


def test_interactions__without_lead_id_or_kind_are_refused_however_it_is_spelled(client: Client) -> None:
    put(client, "a")
    items = [
        touch("1", "a"),
        touch("2", "None"),
        touch("n/a", "a"),
        touch("3", "a", kind="NULL"),
        touch("4", "a", campaign="n/a"),
    ]

    told = client.post("/v1/interactions", json={"source": "crm", "interactions": items}).json()

    assert [item["status"] for item in told["interactions"]] == ["stored", *["refused"] * 3, "stored"]
    faults = [item["errors"][0] for item in told["interactions"] if item["status"] == "refused"]
    assert [(fault["path"], fault["rule"]) for fault in faults] == [
        ("/interactions/1/lead_id", "missing_text"),
        ("/interactions/2/interaction_id", "missing_text"),
        ("/interactions/3/kind", "missing_text"),
    ]


def test_outcomes__of_a_lead_id_that_spells_a_missing_one_are_refused(client: Client) -> None:
    outcome = {"lead_id": "nan", "outcome": "converted", "occurred_at": format_time(at(5))}

    told = client.post("/v1/outcomes", json={"source": "crm", "outcomes": [outcome]}).json()

    assert [item["status"] for item in told["outcomes"]] == ["refused"]


def test_score__of_leads_without_an_account_shares_nothing(client: Client) -> None:
    for lead_id, account in (("a", "NULL"), ("b", "NULL"), ("c", "A-7"), ("d", "A-7")):
        put(client, lead_id, account_id=account)
    sent = [touch("1", "b"), touch("2", "d")]
    client.post("/v1/interactions", json={"source": "crm", "interactions": sent})
    put(client, "alone")

    # Of an account with an interaction 0.125 is added; a lead without one has none in common with another.
    assert probability(client, "a") == probability(client, "alone")
    assert probability(client, "c") > probability(client, "alone")


@pytest.mark.parametrize("spelling", ["n/a", "NULL", "\\N", "None", "nan", ""])
def test_score__of_an_attribute_that_spells_a_missing_one_is_that_without(
    client: Client, spelling: str
) -> None:
    put(client, "with", attributes={"country": spelling, "has_budget": spelling})
    put(client, "without")

    assert probability(client, "with") == probability(client, "without")


def test_read_history__of_the_store_takes_missing_cells_for_no_type(client: Client, database: str) -> None:
    for lead_id, size, code in (("a", 120, "-"), ("b", "-", "n/a"), ("c", "n/a", None)):
        put(client, lead_id, attributes={"size": size, "code": code})

    attributes = read_history(database).history.attributes

    assert {name: one.type for name, one in attributes.items()} == {"code": "category", "size": "number"}
    assert attributes["code"].categories == ("-",)


def test_put_lead__keeps_all_digits_of_a_whole_number(client: Client, database: str) -> None:
    put(client, "a", attributes={"customer": 12345678901234567})
    put(client, "b", attributes={"customer": 12345678901234568})

    made = read_history(database, attribute_types={"customer": "category"}).history

    assert made.attributes["customer"].categories == ("12345678901234567", "12345678901234568")
