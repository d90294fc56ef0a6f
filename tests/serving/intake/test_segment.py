"""Segment's messages become interactions and leads, exactly once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.http.openapi.intake_answers import InteractionsAnswer
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

TRACK = {
    "type": "track",
    "event": "Meeting Held",
    "messageId": "m1",
    "userId": "a",
    "timestamp": "2026-01-05T00:00:00.000Z",
    "properties": {"revenue": 7, "room": "x"},
    "context": {"campaign": {"name": "spring"}, "ip": "10.0.0.1"},
}
IDENTIFY = {
    "type": "identify",
    "messageId": "m2",
    "userId": "a",
    "timestamp": "2026-01-06T00:00:00Z",
    "traits": {"createdAt": "2026-01-02T00:00:00Z", "country": "DE", "address": {"city": "Ulm"}},
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with client_of(home_with(tmp_path, small_bundle()), clock=HandClock(at(10))) as client:
        yield client


def send(client: Client, *messages: Any) -> Any:
    answer = client.post("/v1/interactions", json={"batch": messages, "sentAt": "2026-01-06T00:00:00Z"})
    assert answer.status_code == 200, answer.text
    InteractionsAnswer.model_validate_json(answer.text)
    return answer.json()


def test_add_messages__stores_a_lead_and_what_it_did(client: Client) -> None:
    answer = send(client, TRACK, IDENTIFY)

    lead = client.get("/v1/leads/a").json()
    shown = lead["interactions"][0]
    assert [item["status"] for item in answer["batch"]] == ["stored", "stored"]
    assert (lead["created_at"], lead["attributes"]) == (
        "2026-01-02T00:00:00Z",
        {"address.city": "Ulm", "country": "DE"},
    )
    assert (shown["source"], shown["kind"], shown["value"], shown["campaign"]) == (
        "segment",
        "meeting_held",
        7.0,
        "spring",
    )
    assert shown["properties"] == {"revenue": 7, "room": "x"}


def test_add_messages__takes_each_once(client: Client) -> None:
    send(client, TRACK, IDENTIFY)

    later = {**IDENTIFY, "traits": {"country": "FR"}, "timestamp": "2026-01-07T00:00:00Z"}
    again = send(client, TRACK, IDENTIFY, {**TRACK, "event": "Other"}, later)

    statuses = [item["status"] for item in again["batch"]]
    assert statuses == ["duplicate", "duplicate", "quarantined", "stored"]


def test_add_messages__takes_one_message(client: Client) -> None:
    answer = client.post("/v1/interactions", json={**TRACK, "type": "page", "event": None}).json()

    assert (answer["received"], answer["stored"]) == (1, 1)
    assert answer["batch"][0]["messageId"] == "m1"


@pytest.mark.parametrize(
    "message",
    [
        7,
        {},
        {"type": "alias"},
        {**TRACK, "timestamp": None},
        {**TRACK, "userId": None},
        {**TRACK, "messageId": 5},
        {**TRACK, "event": " "},
        {**IDENTIFY, "userId": ["a"]},
        {**IDENTIFY, "traits": {"list": [1], "createdAt": 5}},
        {**IDENTIFY, "traits": {"lead_id": "b"}},
    ],
)
def test_add_messages__refuses_a_message_by_itself(client: Client, message: Any) -> None:
    answer = send(client, message, TRACK)

    assert [item["status"] for item in answer["batch"]] == ["refused", "stored"]
    assert answer["batch"][0]["errors"]


@pytest.mark.parametrize("body", [{"batch": 5}, {"batch": [None] * 1001}, {"batch": None}])
def test_add_messages__refuses_another_envelope(client: Client, body: Any) -> None:
    assert client.post("/v1/interactions", json=body).status_code == 422


def test_add_messages__of_an_erased_lead_are_refused(client: Client) -> None:
    send(client, TRACK, IDENTIFY)
    client.delete("/v1/leads/a")

    assert send(client, TRACK, IDENTIFY)["refused"] == 2
