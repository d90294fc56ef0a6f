"""Segment's messages become interactions and leads, exactly once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
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
    # A clock that moves: two values of an attribute in one microsecond are put one after the other.
    ticks = count(at(10), 1_000)
    with client_of(home_with(tmp_path, small_bundle()), clock=lambda: next(ticks)) as client:
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

    other = {**IDENTIFY, "traits": {"country": "FR"}, "timestamp": "2026-01-07T00:00:00Z"}
    later = {**other, "messageId": "m3"}
    again = send(client, TRACK, IDENTIFY, {**TRACK, "event": "Other"}, other, later)

    statuses = [item["status"] for item in again["batch"]]
    assert statuses == ["duplicate", "duplicate", "quarantined", "quarantined", "stored"]
    assert attributes(client)["country"] == "FR"


def attributes(client: Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/leads/a").json()["attributes"]
    return found


def identify(number: int, **traits: Any) -> dict[str, Any]:
    """An identify message with an id of its own, written on this day of January."""
    return {
        **IDENTIFY,
        "messageId": f"i{number}",
        "timestamp": f"2026-01-{number:02}T00:00:00Z",
        "traits": traits,
    }


def test_add_messages__identify_that_comes_again_changes_nothing(client: Client) -> None:
    old, new = identify(3, plan="old"), identify(4, plan="new")
    send(client, old)
    send(client, new)

    again = send(client, {**old, "timestamp": "2026-01-09T00:00:00Z"})

    assert again["batch"][0]["status"] == "duplicate"
    assert attributes(client) == {"plan": "new"}


def test_add_messages__of_each_attribute_the_newest_message_counts(client: Client) -> None:
    send(client, identify(4, plan="fourth", seats=4))
    # The same value again is newer all the same.
    send(client, identify(8, plan="fourth"))

    late = send(client, identify(6, plan="sixth", seats=6, country="DE"), identify(2, plan="second"))

    assert [item["status"] for item in late["batch"]] == ["stored", "duplicate"]
    assert [item["reason"] for item in late["batch"]] == ["Newer values stay: plan."] * 2
    assert attributes(client) == {"plan": "fourth", "seats": 6.0, "country": "DE"}
    send(client, identify(8, plan="eighth") | {"messageId": "tie"})
    assert attributes(client)["plan"] == "eighth"


def test_add_messages__what_was_put_counts_from_its_receipt_on(client: Client) -> None:
    # The clock of the server stands at the tenth day after 2026-01-01.
    send(client, identify(9, plan="ninth"))
    put = {"created_at": "2026-01-09T00:00:00Z", "attributes": {"plan": "put"}}
    assert client.put("/v1/leads/a", json=put).status_code == 200

    send(client, identify(10, plan="tenth"))

    assert attributes(client) == {"plan": "put"}


def group(number: int, account_id: str) -> dict[str, Any]:
    """A group message with an id of its own, written on this day of January."""
    return {**identify(number), "messageId": f"g{number}", "type": "group", "groupId": account_id}


def test_add_messages__what_was_put_again_is_newer_than_a_message_before(tmp_path: Path) -> None:
    put = {
        "created_at": "2026-01-09T00:00:00Z",
        "account_id": "acme",
        "attributes": {"plan": "put", "a": None},
    }
    clock = HandClock(at(9))
    with client_of(home_with(tmp_path, small_bundle()), clock=clock) as client:
        for day in (9, 19):
            clock.now = at(day)
            assert client.put("/v1/leads/a", json=put).status_code == 200

        between = send(client, identify(15, plan="between", a="x"), group(15, "between"))
        lead = client.get("/v1/leads/a").json()
        clock.now = at(30)
        send(client, identify(25, plan="after", a="x"), group(25, "after"))
        later = client.get("/v1/leads/a").json()

    reasons = [item["reason"] for item in between["batch"]]
    assert reasons == ["Newer values stay: a, plan.", "Newer values stay: account_id."]
    assert (lead["attributes"], lead["account_id"]) == ({"plan": "put"}, "acme")
    assert (later["attributes"], later["account_id"]) == ({"a": "x", "plan": "after"}, "after")


def test_add_messages__an_older_group_does_not_overwrite_a_newer_account(client: Client) -> None:
    send(client, identify(3), group(6, "new"))

    (late,) = send(client, group(4, "old"))["batch"]

    assert (late["status"], late["reason"]) == ("duplicate", "Newer values stay: account_id.")
    assert client.get("/v1/leads/a").json()["account_id"] == "new"


def test_add_messages__leaves_out_traits_that_can_be_no_attribute(client: Client) -> None:
    traits = {"tags": ["x"], "address": {"city": "Ulm", "geo": {"lat": 1}}, "account_id": "A", "": 1}

    item = send(client, identify(5, **traits))["batch"][0]

    assert item["status"] == "stored"
    assert [(fault["path"], fault["rule"]) for fault in item["errors"]] == [
        ("/batch/0/traits/tags", "attribute_value"),
        ("/batch/0/traits/address/geo", "attribute_value"),
        ("/batch/0/traits/account_id", "reserved_name"),
        ("/batch/0/traits/", "string_too_short"),
    ]
    assert item["reason"].startswith("Traits that can be no attribute are left out")
    assert attributes(client) == {"address.city": "Ulm"}


NO_MEANING = {
    "NUL": (r'"a\u0000b"', "no_nul"),
    "30 digits": ("1" * 30, "integer_range"),
    "half a pair": (r'"\ud83d"', "unicode"),
    "beyond a double": ("1e400", "finite_number"),
    "too deep": ("[" * 70 + "]" * 70, "nesting"),
}


def send_raw(client: Client, path: str, message: Any, value: str) -> Any:
    """Sends a message in which a text stands for the value, and gives its item of the answer."""
    is_batch = path in ("/v1/batch", "/v1/interactions")
    text = json.dumps({"batch": [message]} if is_batch else message).replace('"VALUE"', value)
    answer = client.post(path, content=text.encode(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 200, answer.text
    (item,) = answer.json()["batch"]
    return item


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/interactions", "/v1/identify", "/v1/interactions?"])
def test_add_messages__leaves_out_the_one_trait_of_no_meaning(client: Client, path: str) -> None:
    traits = {"country": "DE", "serial": "VALUE", "address": {"city": "Ulm", "floor": "VALUE"}}
    for name, (value, rule) in NO_MEANING.items():
        message = {**identify(5, **traits), "userId": name, "messageId": name}

        first, again = (send_raw(client, path, message, value) for _ in range(2))

        assert (first["status"], again["status"]) == ("stored", "duplicate")
        assert {fault["rule"] for fault in first["errors"]} == {rule}
        places = sorted(fault["path"] for fault in first["errors"])
        # Deep objects are left out as a whole.
        floor = "/batch/0/traits/address" + "/floor" * (rule != "nesting")
        assert places == [floor, "/batch/0/traits/serial"]
        shown = client.get(f"/v1/leads/{name}").json()["attributes"]
        assert (shown["country"], "serial" in shown) == ("DE", False)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/interactions", "/v1/track", "/v1/interactions?"])
def test_add_messages__leaves_out_the_one_property_of_no_meaning(client: Client, path: str) -> None:
    told = {**TRACK, "properties": {"room": "x", "value": "VALUE"}, "context": {"page": {"title": "VALUE"}}}
    for name, (value, rule) in NO_MEANING.items():
        message = {**told, "messageId": name}

        first = send_raw(client, path, message, value)
        other = send_raw(client, path, {**message, "event": "Other"}, value)

        assert (first["status"], other["status"]) == ("stored", "quarantined")
        assert {fault["rule"] for fault in first["errors"]} == {rule}
        places = sorted(fault["path"] for fault in first["errors"])
        assert places[0].startswith("/batch/0/context/page")
        assert places[1].startswith("/batch/0/properties/value")
    # What is kept is JSON, without the part at fault.
    kept = client.get("/v1/quarantine").json()["items"]
    assert [item["sent"]["properties"] for item in kept] == [{"room": "x"}] * len(NO_MEANING)


@pytest.mark.parametrize("name", ["messageId", "userId", "timestamp", "type", "event", "createdAt"])
def test_add_messages__without_a_meaning_where_it_is_needed_is_refused(client: Client, name: str) -> None:
    message = identify(5, createdAt="VALUE") if name == "createdAt" else {**TRACK, name: "VALUE"}

    item = send_raw(client, "/v1/batch", message, "1e400")

    assert (item["status"], item["errors"][0]["rule"]) == ("refused", "finite_number")


def test_add_messages__takes_a_batch_whose_context_has_no_meaning_somewhere(client: Client) -> None:
    body = b'{"batch": [%s], "context": {"page": {"title": "a\\u0000"}, "campaign": {"name": "spring"}}}'
    content = body % json.dumps(TRACK | {"context": {}}).encode()

    answer = client.post("/v1/batch", content=content, headers={"Content-Type": "application/json"})

    (item,) = answer.json()["batch"]
    assert (item["status"], item["errors"][0]["path"]) == ("stored", "/batch/0/context/page/title")
    refused = client.post(
        "/v1/batch", content=b'{"batch": [], "sentAt": 1e999}', headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 400


def test_add_messages__refuses_an_identify_without_a_moment_or_with_a_strange_id(client: Client) -> None:
    answer = send(client, {**identify(5), "timestamp": "yesterday"}, {**identify(5), "messageId": 7})

    assert [item["errors"][0]["path"] for item in answer["batch"]] == [
        "/batch/0/timestamp",
        "/batch/1/messageId",
    ]


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
        {**IDENTIFY, "timestamp": 5},
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
