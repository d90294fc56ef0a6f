"""No request whatever gives a 500: every route against everything that is wrong, on both databases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.http.openapi.problem_answers import Problem
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, new_database, running_postgresql

SECRET = "Erika-Mustermann-4711"
JSON = {"Content-Type": "application/json"}
TIME = "2026-01-05T00:00:00Z"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.all)])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("home")
    home = home_with(folder, small_bundle())
    if request.param == "sqlite":
        with client_of(home, clock=HandClock(at(10))) as client:
            yield client
        return
    with (
        running_postgresql() as server,
        client_of(home, clock=HandClock(at(10)), database=new_database(server, folder)) as client,
    ):
        yield client


SCORE = {"lead_id": "a", "created_at": TIME}
MEETING = {"interaction_id": "1", "lead_id": "a", "kind": "meeting_held", "occurred_at": TIME}
TRACK = {"type": "track", "event": "x", "messageId": "1", "userId": "a", "timestamp": TIME}
IDENTIFY = {"type": "identify", "messageId": "2", "userId": "b", "timestamp": TIME, "traits": {"x": 1}}
LOST = {"lead_id": "a", "outcome": "lost", "occurred_at": TIME}

SEGMENT = "/v1/interactions?segment"
# Every route with a body, and a sound one.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/score"): SCORE,
    ("POST", "/v1/score/batch"): {"leads": [SCORE]},
    ("PUT", "/v1/leads/a"): {"created_at": TIME, "attributes": {"x": 1}},
    ("PATCH", "/v1/leads/a"): {"attributes": {"x": 1}},
    ("POST", "/v1/leads/scores"): {"lead_ids": ["a", "none"]},
    ("POST", "/v1/interactions"): {"source": "crm", "interactions": [MEETING]},
    ("POST", SEGMENT): {"batch": [TRACK, IDENTIFY]},
    ("POST", "/v1/outcomes"): {"source": "crm", "outcomes": [LOST]},
    ("POST", "/v1/aliases"): {"aliases": [{"lead_id": "a", "alias_id": "v"}]},
}
GETS = ("/v1/leads/{}", "/v1/leads/{}/score", "/v1/model", "/readyz", "/livez", "/metrics", "/openapi.json")


def refused(answer: httpx.Response, *statuses: int) -> None:
    """Holds that it was refused by problem details that do not repeat what was sent."""
    assert answer.status_code in (statuses or range(400, 500)), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.request_id == answer.headers["X-Request-ID"]
    assert SECRET not in answer.text


def nested(opening: str, closing: str, levels: int) -> bytes:
    return (opening * levels + closing * levels).encode()


NOT_JSON: dict[str, bytes] = {
    "nothing": b"",
    "blanks": b" \n",
    "not UTF-8": b'{"source": "\xff"}',
    "UTF-16": json.dumps(SCORE).encode("utf-16"),
    "surrogate in UTF-8": b'{"x": "\xed\xa0\x80"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "cut off": b'{"source": "crm", ',
    "two documents": b"{}{}",
    "comment": b"{} // x",
    "single quotes": b"{'a': 1}",
    "raw NUL": b'{"a": "\x00"}',
    "NUL bytes": b"\x00" * 100,
    "lists without end": b"[" * 500_000,
    "a text without end in lists": b"[" * 5_000 + b'"' + rb"\"" * 250_000,
    "too many levels": nested("[", "]", 65),
    "far too many levels": nested("[", "]", 200_000),
    "objects without end": b'{"a":' * 100_000,
    "huge integer": b"9" * 500_000,
    "huge exponent": b"1e" + b"9" * 500_000,
    "form": b"a=b&c=d",
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__refuses_what_is_not_json(client: Client, method: str, path: str, body: bytes) -> None:
    refused(client.request(method, path, content=body, headers=JSON), 400)


# Put at the end of a sound body: the value of a further member, wherever one can stand.
MEMBERS: dict[str, tuple[str, str]] = {
    "NaN": ("NaN", "finite_number"),
    "Infinity": ("Infinity", "finite_number"),
    "-Infinity": ("-Infinity", "finite_number"),
    "1e999": ("1e999", "finite_number"),
    "-1e999": ("-1e999", "finite_number"),
    "huge integer": ("1" * 400, "integer_range"),
    "half a pair": (r'"\ud800"', "unicode"),
    "other half": (r'"\udfff\ud800"', "unicode"),
    "NUL": (r'"a\u0000b"', "no_nul"),
    "half a pair in a key": (r'{"\ud800": 1}', "unicode"),
    "NUL in a key": (r'{"\u0000": 1}', "no_nul"),
    "duplicate key": ('{"a": 1, "a": 1}', "duplicate_key"),
    "duplicate key, escaped": (r'{"a": 1, "\u0061": 1}', "duplicate_key"),
}


@pytest.mark.parametrize(("value", "rule"), MEMBERS.values(), ids=MEMBERS)
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__refuses_a_value_of_no_meaning_anywhere(
    client: Client, method: str, path: str, value: str, rule: str
) -> None:
    bodies = list(placed(BODIES[method, path], value))
    for place, body in enumerate(bodies):
        answer = client.request(method, path, content=body, headers=JSON)

        # The last object to close is the body itself.
        if path == SEGMENT:
            # A message, or a batch, goes on without a part that it does not need.
            faults = [fault for item in stored_items(answer) for fault in item.get("errors", [])]
        elif path in LIST_OF and place < len(bodies) - 1:
            # Inside an item the fault is the item's own.
            faults = refused_item(answer, LIST_OF[path])
        else:
            refused(answer, 400)
            faults = answer.json()["errors"]
        assert rule in {fault["rule"] for fault in faults}, (place, faults)
        assert any(fault["path"].startswith("/") for fault in faults)


# The list of items in the answer of a route that judges each item by itself.
LIST_OF = {
    "/v1/score/batch": "scores",
    "/v1/interactions": "interactions",
    SEGMENT: "batch",
    "/v1/outcomes": "outcomes",
    "/v1/aliases": "aliases",
}


def refused_item(answer: httpx.Response, list_name: str) -> list[dict[str, Any]]:
    """Gives the faults of the one item of an answer that was refused."""
    assert answer.status_code == 200, answer.text
    items = [item for item in answer.json()[list_name] if item["status"] in ("refused", "failed")]
    assert len(items) == 1
    faults: list[dict[str, Any]] = items[0]["errors"]
    return faults


def stored_items(answer: httpx.Response) -> list[dict[str, Any]]:
    """Gives the items of an answer to Segment, none of which was refused."""
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["batch"]
    assert "refused" not in {item["status"] for item in items}
    return items


DEEP: dict[str, str] = {
    "a little too many levels": nested("[", "]", 70).decode(),
    "thousands of levels": nested("[", "]", 20_000).decode(),
    "objects in thousands of levels": '{"a":' * 20_000 + r'"]\"["' + "}" * 20_000,
    "thousands of levels, twice": "[" + ",".join([nested("[", "]", 5_000).decode()] * 2) + "]",
}


@pytest.mark.parametrize(
    ("value", "rule"),
    [*MEMBERS.values(), *((value, "nesting") for value in DEEP.values())],
    ids=[*MEMBERS, *DEEP],
)
@pytest.mark.parametrize(("method", "path"), [key for key in BODIES if key[1] in LIST_OF])
def test_items__one_of_no_meaning_costs_no_other(
    client: Client, method: str, path: str, value: str, rule: str
) -> None:
    (list_name, (sound, *others)) = next(
        (name, items) for name, items in BODIES[method, path].items() if isinstance(items, list)
    )
    bad = json.dumps(sound).replace("{", f'{{"lead_id": "bad", "x": {value}, ', 1)
    bad = (
        bad.replace('"lead_id": "a", ', "")
        if "userId" not in sound
        else bad.replace('"lead_id": "bad", ', "")
    )
    rest = {name: text for name, text in BODIES[method, path].items() if name != list_name}
    body = json.dumps({**rest, list_name: [sound, "BAD", *others, sound]}).replace('"BAD"', bad)

    answer = client.request(method, path, content=body.encode(), headers=JSON)

    items = answer.json()[LIST_OF[path]]
    if path == SEGMENT:
        faults = stored_items(answer)[1]["errors"]
    else:
        faults = refused_item(answer, LIST_OF[path])
        is_refused = [item["status"] in ("refused", "failed") for item in items]
        assert is_refused == [False, True] + [False] * (len(items) - 2)
    assert {fault["rule"] for fault in faults} == {rule}
    if path != SEGMENT:
        assert items[1]["lead_id"] == "bad"
    if path != "/v1/score/batch":
        assert all(fault["path"].startswith(f"/{list_name}/1") for fault in faults)


def placed(body: Any, value: str) -> Iterator[bytes]:
    """The body with a value put into each of its objects in turn."""
    whole = json.dumps(body)
    for position, sign in enumerate(whole):
        if sign == "}":
            yield f'{whole[:position]}, "further": {value}{whole[position:]}'.encode()


@pytest.mark.parametrize("size", [1_048_577, 10 * 1_048_576])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__refuses_a_body_that_is_too_large(client: Client, method: str, path: str, size: int) -> None:
    async def pieces() -> Any:
        for _ in range(0, size, 65536):
            yield b" " * 65536

    refused(client.request(method, path, content=b" " * size, headers=JSON), 413)
    refused(client.request(method, path, content=pieces(), headers=JSON), 413)


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 18, "1_0", "-1", "x", "٣"])
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__trusts_no_content_length(client: Client, method: str, path: str, length: str) -> None:
    body = json.dumps(BODIES[method, path]).encode()
    headers = {b"Content-Type": b"application/json", b"Content-Length": length.encode()}

    assert client.request(method, path, content=body, headers=headers).status_code in (200, 409, 413)


@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "\xff", "json"],
)
@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__refuses_another_media_type(
    client: Client, method: str, path: str, media_type: str | None
) -> None:
    headers = {} if media_type is None else {b"Content-Type": media_type.encode("latin-1")}

    refused(client.request(method, path, content=json.dumps(BODIES[method, path]), headers=headers), 415)


SCALARS = [None, True, 0, -1, 2**63, 1e300, "", " ", SECRET, "\u202e", "x" * 100_000, [], {}, [[]], [None]]
TIMES = [
    *("2026-01-05", "2026-01-05T00:00:00", "2026-13-01T00:00:00Z", "0000-01-01T00:00:00Z", TIME * 2),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z"),
    *("2026-01-05T00:00:00+24:00", "2026-01-05T24:00:01Z", "1767571200", "now"),
]


@pytest.mark.parametrize(("method", "path"), BODIES)
def test_route__answers_whatever_stands_where_something_belongs(
    client: Client, method: str, path: str
) -> None:
    for value in [*SCALARS, *TIMES]:
        for body in exchanged(BODIES[method, path], value):
            answer = client.request(method, path, content=json.dumps(body), headers=JSON)

            assert answer.status_code in (200, 409, 422), (body, answer.text)
            if answer.status_code != 200:
                refused(answer)
                assert answer.json()["errors"], answer.text


def exchanged(body: Any, value: object) -> Iterator[Any]:
    """The body with each of its parts in turn exchanged for a value, and with one part more."""
    yield value
    if isinstance(body, dict):
        yield {**body, "further": value}
        for name, member in body.items():
            yield from ({**body, name: other} for other in exchanged(member, value))
    elif isinstance(body, list):
        for other in exchanged(body[0], value):
            yield [other, *body[1:]]


@pytest.mark.parametrize("sent", TIMES)
def test_items__with_a_time_of_no_moment_are_refused_one_by_one(client: Client, sent: str) -> None:
    items = [{**MEETING, "interaction_id": sent, "occurred_at": sent}, {**MEETING, "available_at": sent}]

    answer = client.post("/v1/interactions", json={"source": "crm", "interactions": items}).json()

    assert [item["status"] for item in answer["interactions"]] == ["refused", "refused"]
    assert [item["errors"][0]["path"] for item in answer["interactions"]] == [
        "/interactions/0/occurred_at",
        "/interactions/1/available_at",
    ]


IDS = [
    *("%00", "a%00b", "%FF", "%ED%A0%80", "%C0%80", "..%2F..", "x" * 501, "%0A", "'--", '";'),
    *("a/b", "a//", "%2F", "%25", "*", "{lead_id}", "%F0%9F%99%82" * 400),
]
QUERIES = [
    *("as_of=", "as_of=now", "as_of=2026-01-05", "as_of=0000-01-01T00:00:00Z", "as_of=%00", "as_of=%FF"),
    *("as_of=9999-12-31T23:59:59Z", "horizon_days=NaN", "horizon_days=1e999", "horizon_days=-0"),
    *("horizon_days=" + "9" * 5000, "reasons=" + "9" * 5000, "reasons=1_0", "reasons=%D9%A3", "reasons=all"),
    *("interactions=-1", "interactions=1e3", "interactions=" + "9" * 30, "x=1&x=2", "%00=%00", "&&&=", "="),
    *("as_of=" + quote(TIME) + "&as_of=" + quote(TIME), "?", "a" * 10_000, "%ED%A0%80=%ED%A0%80"),
]


def test_route__answers_any_id(client: Client) -> None:
    for id_ in IDS:
        for path in ("/v1/leads/{}", "/v1/leads/{}/score"):
            for method in ("GET", "DELETE", "PUT", "POST", "PATCH"):
                answer = client.request(method, path.format(id_), content=b"{}", headers=JSON)
                refused(answer, 404, 405, 422)


def test_route__answers_any_query(client: Client) -> None:
    client.put("/v1/leads/a", json={"created_at": TIME})
    for query in QUERIES:
        # A running server does so every second; without it the database counts as away.
        client.server.access.keys.refresh()
        for path in GETS:
            answer = client.get(f"{path.format('a')}?{query}")

            assert answer.status_code in (200, 422), (path, query, answer.text)
            if answer.status_code == 422:
                refused(answer)


@pytest.mark.parametrize(
    "name", ["X-Request-ID", "X-API-Key", "Authorization", "Accept", "Cookie", "Range", "If-Match"]
)
def test_route__answers_any_header(client: Client, name: str) -> None:
    for value in (b"", b"\xff\xfe", b"x" * 20_000, b"Bearer", b"Bearer \xff", b"\t", b'";'):
        assert client.get("/v1/model", headers={name.encode(): value}).status_code == 200


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.sampled_from(TIMES),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(max_size=6), parts, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(route=st.sampled_from([*BODIES]), value=ANYTHING, which=st.integers(0, 30))
def test_route__no_body_gives_a_500(
    client: Client, route: tuple[str, str], value: object, which: int
) -> None:
    bodies = [*exchanged(BODIES[route], value)]
    content = json.dumps(bodies[which % len(bodies)]).encode("utf-8", "surrogatepass")

    answer = client.request(*route, content=content, headers=JSON)

    assert answer.status_code in (200, 400, 409, 410, 422), answer.text
