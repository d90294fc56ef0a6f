"""The routes of tracking libraries: their addresses, keys and bodies, and the answers that they look at."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from features.times import US_PER_HOUR, format_time
from serving.http.openapi.intake_answers import TrackingAnswer
from serving.http.openapi.problem_answers import Problem
from serving.http.route_scopes import TRACKING
from serving.keys.key_store import add_key
from serving.keys.keys import make_key
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle

NOW = at(10)
HOUR_AGO = format_time(NOW - US_PER_HOUR)
TRACK = {"type": "track", "event": "Demo Requested", "messageId": "m1", "userId": "a", "timestamp": HOUR_AGO}
IDENTIFY = {"type": "identify", "messageId": "m2", "userId": "a", "timestamp": HOUR_AGO, "traits": {"x": 1}}
GROUP = {"type": "group", "messageId": "m3", "userId": "a", "timestamp": HOUR_AGO, "groupId": "A-1"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with client_of(home_with(tmp_path, small_bundle()), clock=lambda: NOW) as client:
        yield client


def call(client: Client, path: str, body: Any, **headers: str) -> Any:
    answer = client.post(path, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    TrackingAnswer.model_validate_json(answer.text)
    return answer.json()


def statuses(answer: Any) -> list[str]:
    return [item["status"] for item in answer["batch"]]


def basic(user: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:".encode()).decode()}


def test_batch__stores_each_message_once(client: Client) -> None:
    body = {"batch": [TRACK, IDENTIFY, GROUP], "sentAt": format_time(NOW), "writeKey": "k"}

    first, again = call(client, "/v1/batch", body), call(client, "/v1/import", body)

    assert (first["success"], statuses(first)) == (True, ["stored"] * 3)
    assert (again["success"], statuses(again)) == (True, ["duplicate"] * 3)
    lead = client.get("/v1/leads/a").json()
    assert (lead["created_at"], lead["account_id"], lead["attributes"]) == (HOUR_AGO, "A-1", {"x": 1.0})
    assert lead["interactions"][0]["occurred_at"] == HOUR_AGO


def test_batch__corrects_the_clock_of_its_sender_and_still_knows_what_it_sent(client: Client) -> None:
    # Sent at 22:00 by a clock that is two hours behind: what happened an hour before that, did so at 23:00.
    sent_at = format_time(NOW - 2 * US_PER_HOUR)
    track, identify = (
        {**message, "timestamp": format_time(NOW - 3 * US_PER_HOUR)} for message in (TRACK, IDENTIFY)
    )

    call(client, "/v1/batch", {"batch": [track, identify], "sentAt": sent_at})
    # Sent again a minute later by the same clock; received, says ours, at the same moment.
    again = call(client, "/v1/batch", {"batch": [track, identify], "sentAt": format_time(NOW - US_PER_HOUR)})

    lead = client.get("/v1/leads/a").json()
    assert (lead["interactions"][0]["occurred_at"], lead["created_at"]) == (HOUR_AGO, HOUR_AGO)
    assert statuses(again) == ["duplicate"] * 2


def test_batch__leaves_a_time_that_was_corrected_before(client: Client) -> None:
    settled = {**TRACK, "originalTimestamp": format_time(at(2)), "sentAt": format_time(at(2))}

    call(client, "/v1/batch", {"batch": [settled], "sentAt": format_time(at(3))})

    assert len(client.get("/v1/quarantine").json()["items"]) == 0
    call(client, "/v1/batch", {"batch": [IDENTIFY]})
    assert client.get("/v1/leads/a").json()["interactions"][0]["occurred_at"] == HOUR_AGO


def test_batch__holds_its_context_for_all_its_messages(client: Client) -> None:
    other = {**TRACK, "messageId": "m9", "context": {"campaign": {"name": "own"}}}

    call(
        client, "/v1/batch", {"batch": [TRACK, other, IDENTIFY], "context": {"campaign": {"name": "spring"}}}
    )

    shown = client.get("/v1/leads/a").json()["interactions"]
    assert {entry["campaign"] for entry in shown} == {"spring", "own"}


def test_calls__without_a_time_happened_when_they_were_received(client: Client) -> None:
    track = {**TRACK, "timestamp": None}
    identify = {name: said for name, said in IDENTIFY.items() if name != "timestamp"}
    second = {**TRACK, "messageId": "m9", "timestamp": None, "originalTimestamp": HOUR_AGO}

    answers = [call(client, "/v1/batch", {"batch": [track, identify, second]}) for _ in range(2)]

    assert [statuses(answer) for answer in answers] == [["stored"] * 3, ["duplicate"] * 3]
    lead = client.get("/v1/leads/a").json()
    assert lead["created_at"] == format_time(NOW)
    assert {touch["occurred_at"] for touch in lead["interactions"]} == {HOUR_AGO, format_time(NOW)}


@pytest.mark.parametrize(
    ("path", "kind"), [("track", "demo_requested"), ("page", "page_view"), ("screen", "screen_view")]
)
def test_calls__name_the_type_of_their_message(client: Client, path: str, kind: str) -> None:
    body = {name: cell for name, cell in TRACK.items() if name != "type"}

    assert statuses(call(client, f"/v1/{path}", body)) == ["stored"]

    call(client, "/v1/identify", {**IDENTIFY, "type": "track"})
    (entry,) = client.get("/v1/leads/a").json()["interactions"]
    assert (entry["source"], entry["kind"]) == ("segment", kind)


def test_group__is_the_account(client: Client) -> None:
    traits = {"industry": "steel", "createdAt": "2019-01-01T00:00:00Z", "tags": ["x"]}

    first = call(client, "/v1/group", {**GROUP, "groupId": 17, "traits": traits})

    assert first["batch"][0]["errors"][0]["path"] == "/batch/0/traits/tags"
    lead = client.get("/v1/leads/a").json()
    assert (lead["account_id"], lead["created_at"]) == ("17", HOUR_AGO)
    assert lead["attributes"] == {"account.industry": "steel"}
    # Another account is news, the same with the same traits is none.
    assert statuses(call(client, "/v1/group", {**GROUP, "messageId": "n1"})) == ["stored"]
    assert statuses(call(client, "/v1/group", {**GROUP, "messageId": "n2"})) == ["duplicate"]
    assert statuses(call(client, "/v1/group", {**GROUP, "messageId": "n2", "groupId": "B"})) == [
        "quarantined"
    ]
    assert client.get("/v1/leads/a").json()["account_id"] == "A-1"


@pytest.mark.parametrize("group_id", [None, "", True, ["a"], "x" * 501])
def test_group__without_an_account_is_refused(client: Client, group_id: Any) -> None:
    item = call(client, "/v1/group", {**GROUP, "groupId": group_id})["batch"][0]

    assert (item["status"], item["errors"][0]["path"]) == ("refused", "/batch/0/groupId")


def test_identify__takes_the_traits_of_the_context_as_rudderstack_sends_them(client: Client) -> None:
    body = {**IDENTIFY, "traits": None, "context": {"traits": {"plan": "pro"}}}

    call(client, "/v1/identify", body)

    assert client.get("/v1/leads/a").json()["attributes"] == {"plan": "pro"}


def test_calls__of_a_message_that_cannot_be_stored_are_done(client: Client) -> None:
    answer = call(client, "/v1/track", {"event": "x"})

    assert (answer["success"], answer["refused"]) == (True, 1)
    assert answer["batch"][0]["errors"]


@pytest.mark.parametrize("media_type", ["application/json", "application/x-www-form-urlencoded", ""])
def test_body__may_be_packed_with_any_media_type(client: Client, media_type: str) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": media_type}
    packed = gzip.compress(json.dumps({"batch": [TRACK]}).encode())

    answer = client.post("/v1/batch", content=packed, headers=headers)

    assert (answer.status_code, statuses(answer.json())) == (200, ["stored"])


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_body__that_a_foreign_page_could_send_is_refused(client: Client, media_type: str) -> None:
    answer = client.post(
        "/v1/batch", content=json.dumps({"batch": [TRACK]}), headers={"Content-Type": media_type}
    )

    assert answer.status_code == 415
    preflight = client.request("OPTIONS", "/v1/batch", headers={"Origin": "https://example.org"})
    assert preflight.status_code == 405
    assert not any(name.startswith("access-control") for name in preflight.headers)


PACKED = gzip.compress(b'{"batch": []}', mtime=0)


@pytest.mark.parametrize(("encoding", "status"), [("deflate", 415), ("gzip, gzip", 415), ("identity", 400)])
def test_body__packed_by_another_method_is_refused(client: Client, encoding: str, status: int) -> None:
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}

    answer = client.post("/v1/batch", content=PACKED, headers=headers)

    assert answer.status_code == status


@pytest.mark.parametrize("packed", [b"", b"{}", PACKED[:-1], PACKED + b"x", PACKED + PACKED])
def test_body__that_is_no_gzip_is_refused(client: Client, packed: bytes) -> None:
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}

    answer = client.post("/v1/batch", content=packed, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["rule"]) == (400, "gzip")


def test_body__unpacks_up_to_the_limit(client: Client) -> None:
    limit = client.server.settings.body_limit_bytes
    headers = {"Content-Encoding": "gzip"}
    fits, bursts = (gzip.compress(b'{"batch": []}' + b" " * (limit - 13 + more)) for more in (0, 1))

    assert client.post("/v1/batch", content=fits, headers=headers).status_code == 200
    assert client.post("/v1/batch", content=bursts, headers=headers).status_code == 413


@pytest.mark.parametrize("body", [[], "x", {}, {"batch": 5}, {"batch": [None] * 1001}])
def test_batch__of_another_shape_is_given_up(client: Client, body: Any) -> None:
    answer = client.post("/v1/batch", json=body)

    # The libraries of Python look for code and message: one of RudderStack repeats the call without them.
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_body")
    assert problem["message"] == problem["detail"]
    Problem.model_validate(problem)


def test_admit__takes_the_write_key_as_user_name_on_these_routes_only(client: Client) -> None:
    made, write_key = make_key("tracking", ["write"], created_at=NOW)
    _, other = make_key("tracking", ["write"], created_at=NOW)
    client.server.store.write(partial(add_key, key=made)).result()
    client.server.access.keys.refresh()

    for path in sorted(TRACKING):
        body = {"batch": []} if path in ("/v1/batch", "/v1/import") else TRACK
        assert client.post(path, json=body, headers=basic(write_key)).status_code == 200
    for headers in (basic(other), basic(""), {"Authorization": "Basic %%%"}, {"Authorization": "Basic"}):
        problem = client.post("/v1/track", json=TRACK, headers=headers).json()
        assert (problem["status"], problem["message"]) == (401, problem["detail"])
    elsewhere = client.post("/v1/interactions", json=TRACK, headers=basic(write_key)).json()
    assert (elsewhere["status"], elsewhere["code"]) == (401, "key_missing")
    assert "message" not in elsewhere
