"""Keys: what they open, how long, how often, and that no route is left without a scope."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from features.times import US_PER_DAY, US_PER_SECOND, format_time
from models.home.home import Home
from serving.access_errors import KeylessHostError, KeyRefusedError
from serving.app import create_app
from serving.http.auth import _address_of
from serving.http.openapi.problem_answers import Problem
from serving.http.rate_limits import RateLimits
from serving.http.route_scopes import OPEN, has_scope_of_its_own, scope_of
from serving.http.routes.strict_route import StrictRoute
from serving.keys.commands import create, list_all, revoke
from serving.keys.key_store import KeyNameError, UnknownScopeError
from serving.keys.keys import SCOPES, KeyRing, Scope, make_key
from serving.settings import ServerSettings, SettingsError
from tests.support.builders import at
from tests.support.http_client import Client, client_of, secret_of
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock

NOW = at(10)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path, small_bundle())


def made(home: Home, scope: str, **options: Any) -> str:
    """Makes a key as the command does; what a caller sends."""
    key: str = create(
        options.pop("name", scope), scope, home=home.path, now=options.pop("now", NOW), **options
    )["key"]
    return key


@pytest.fixture
def keys(home: Home) -> dict[str, str]:
    return {scope: made(home, scope) for scope in SCOPES}


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW)


@pytest.fixture
def client(home: Home, keys: dict[str, str], clock: HandClock) -> Iterator[Client]:
    with client_of(home, clock=clock) as client:
        yield client


def request(client: Client, key: str | None, path: str = "/v1/model", method: str = "GET") -> httpx.Response:
    headers = {} if key is None else {"X-API-Key": key}
    return client.request(method, path, headers=headers)


def routes(client: Client) -> list[tuple[str, str, Any]]:
    """Every method and path that the application serves."""
    return [
        (method, route.path, route)
        for route in client.app.routes
        for method in sorted(getattr(route, "methods", None) or {"GET"})
        if method != "HEAD"
    ]


def test_routes__each_has_a_scope_of_its_own_and_is_guarded(client: Client) -> None:
    walked = routes(client)

    assert len(walked) >= 13
    for method, path, route in walked:
        assert has_scope_of_its_own(method, path), f"{method} {path} needs a row in route_scopes.py"
        if path not in OPEN:
            assert isinstance(route, StrictRoute), f"{method} {path} needs no key"
            assert route.needed == scope_of(method, path)


def test_routes__admit_keys_with_the_scope_and_no_others(client: Client, keys: dict[str, str]) -> None:
    for method, path, _ in routes(client):
        needed = scope_of(method, path)
        where = path.replace("{lead_id:path}", "a")

        statuses = {scope: request(client, key, where, method).status_code for scope, key in keys.items()}
        without = request(client, None, where, method)

        allowed = {*SCOPES} if needed is None else {needed, "admin"}
        assert {scope for scope, status in statuses.items() if status not in (401, 403)} == allowed
        assert {scope for scope, status in statuses.items() if status == 403} == {*SCOPES} - allowed
        assert (without.status_code == 401) == (needed is not None), (method, path)


def test_scope_of__a_route_that_was_forgotten_is_for_admin_alone() -> None:
    assert scope_of("GET", "/v1/forgotten") == "admin"
    assert not has_scope_of_its_own("GET", "/v1/forgotten")


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "{}"},
        {"X-API-Key": " {} "},
        {"Authorization": "Bearer {}"},
        {"Authorization": "bearer  {}"},
        {"Authorization": "Basic eDp5", "X-API-Key": "{}"},
        # A server with keys answers to any name.
        {"X-API-Key": "{}", "Host": "leads.example.org"},
    ],
)
def test_admit__takes_a_key_from_either_header(
    client: Client, keys: dict[str, str], headers: dict[str, str]
) -> None:
    sent = {name: value.format(keys["score"]) for name, value in headers.items()}

    assert client.get("/v1/model", headers=sent).status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"x",
        b"lo",
        b"lo_",
        b"lo__",
        b"lo_\xff_\x00",
        b"_" * 100,
        b"lo_0123456789ab_" + b"A" * 43,
        b"x" * 9000,
    ],
)
def test_admit__refuses_what_is_no_key(client: Client, sent: bytes) -> None:
    for headers in ({b"X-API-Key": sent}, {b"Authorization": b"Bearer " + sent}):
        answer = client.get("/v1/model", headers=headers)

        assert (answer.status_code, answer.json()["code"]) == (401, "key_refused")
        assert answer.headers["www-authenticate"] == "Bearer"
        Problem.model_validate_json(answer.content)


def test_admit__refuses_half_a_key(client: Client, keys: dict[str, str]) -> None:
    key = keys["admin"]
    prefix, key_id, secret = key.split("_", 2)
    others = [key[:-1], key + "A", f"{prefix}_{key_id}_{secret[::-1]}", f"xx_{key_id}_{secret}", key.upper()]

    assert {request(client, other).status_code for other in others} == {401}


def test_admit__shows_nothing_of_a_key_that_is_sent(client: Client, keys: dict[str, str]) -> None:
    refused = request(client, keys["write"])

    assert (refused.status_code, refused.json()["code"]) == (403, "scope")
    assert "scope score" in refused.json()["detail"]
    assert keys["write"] not in refused.text


def test_admit__refuses_a_key_from_its_end_on(client: Client, home: Home, clock: HandClock) -> None:
    key = made(home, "score", name="short", expires_at=NOW + US_PER_DAY)
    client.server.access.keys.refresh()

    statuses = {}
    for after in (-1, 0, 1):
        clock.now = NOW + US_PER_DAY + after
        statuses[after] = request(client, key).status_code

    assert statuses == {-1: 200, 0: 401, 1: 401}
    assert "The key is expired." in request(client, key).json()["detail"]


def test_revoke__closes_a_running_server(client: Client, home: Home, keys: dict[str, str]) -> None:
    before = request(client, keys["score"]).status_code
    revoke("score", home=home.path)
    client.server.access.keys.refresh()

    after = request(client, keys["score"])

    assert (before, after.status_code) == (200, 401)
    assert "revoked" in after.json()["detail"]


def test_revoke__of_the_last_key_does_not_open_the_server(home: Home) -> None:
    key = made(home, "admin")
    revoke("admin", home=home.path)

    with client_of(home) as client:
        assert [request(client, sent).status_code for sent in (key, None)] == [401, 401]


def test_live_keys__the_first_key_closes_a_running_server(home: Home) -> None:
    with client_of(home) as client:
        open_before = request(client, None).status_code
        key = made(home, "score")
        client.server.access.keys.refresh()

        after = [request(client, sent).status_code for sent in (None, key)]
        assert (open_before, after) == (200, [401, 200])


def test_create_app__with_a_key_may_listen_anywhere(home: Home) -> None:
    with pytest.raises(KeylessHostError, match="no key"):
        create_app(ServerSettings(home=home.path, host="0.0.0.0"))
    made(home, "score")

    app = create_app(ServerSettings(home=home.path, host="0.0.0.0"))

    app.state.server.store.close()


def test_admit__limits_the_rate_of_a_key(client: Client, home: Home, keys: dict[str, str]) -> None:
    slow = made(home, "score", name="slow", requests_per_second=0.5)
    client.server.access.keys.refresh()

    first, second = request(client, slow), request(client, slow)

    assert (first.status_code, second.status_code, second.json()["code"]) == (200, 429, "rate")
    # A bucket for one request that fills in two seconds.
    assert second.headers["retry-after"] == str(second.json()["retry_after_seconds"]) == "2"
    assert request(client, keys["score"]).status_code == 200
    Problem.model_validate(second.json())


def test_take__fills_at_its_rate_and_holds_two_seconds() -> None:
    now = [100.0]
    rates = RateLimits(seconds=lambda: now[0])

    def taken(times: int) -> int:
        return sum(rates.take("a", per_second=10.0) == 0.0 for _ in range(times))

    burst, after_burst = taken(25), taken(1)
    now[0] += 0.35
    refilled = taken(10)
    now[0] += 3600
    full = taken(25)

    assert (burst, after_burst, refilled, full) == (20, 0, 3, 20)
    assert rates.take("b", per_second=10.0) == 0.0


def test_find__compares_hashes_and_keeps_no_secret() -> None:
    scopes: tuple[Scope, ...] = ("score",)
    key, sent = make_key("crm", scopes, created_at=NOW)

    assert KeyRing([key]).find(sent.encode(), now=NOW) is key
    assert secret_of(sent) not in repr(key)
    assert make_key("crm", scopes, created_at=NOW)[1] != sent
    with pytest.raises(KeyRefusedError, match="unknown"):
        KeyRing().find(sent.encode(), now=NOW)


def test_database__holds_no_key(home: Home) -> None:
    sent = made(home, "write")

    stored = b"".join(path.read_bytes() for path in home.path.glob("service.db*"))

    assert sent.split("_")[1].encode() in stored
    assert secret_of(sent).encode() not in stored


def test_list__shows_all_keys_and_no_secret(home: Home) -> None:
    sent = made(home, "score,write", name="crm", expires_at=NOW + US_PER_SECOND)
    made(home, "metrics", name="prometheus")
    revoke("prometheus", home=home.path)

    listed = list_all(home=home.path, now=NOW)

    assert [(key["name"], key["scopes"], key["state"]) for key in listed] == [
        ("crm", ["score", "write"], "active"),
        ("prometheus", ["metrics"], "revoked"),
    ]
    assert listed[0]["expires_at"] == format_time(NOW + US_PER_SECOND)
    assert secret_of(sent) not in json.dumps(listed)
    assert list_all(home=home.path, now=NOW + US_PER_SECOND)[0]["state"] == "expired"


def test_create__refuses_a_name_in_use_until_it_is_revoked(home: Home) -> None:
    made(home, "score", name="crm")

    with pytest.raises(KeyNameError, match="is in use"):
        made(home, "write", name="crm")
    revoke("crm", home=home.path)

    assert made(home, "write", name="crm", now=NOW + 1).startswith("lo_")
    assert [key["state"] for key in list_all(home=home.path, now=NOW)] == ["revoked", "active"]


@pytest.mark.parametrize("scope", ["", ",", "all", "score,writ", "Score"])
def test_create__refuses_a_scope_that_there_is_not(home: Home, scope: str) -> None:
    with pytest.raises(UnknownScopeError, match="some of score, write, admin, metrics"):
        made(home, scope, name="crm")


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "\0"])
def test_create__refuses_a_name_that_cannot_be_printed(home: Home, name: str) -> None:
    with pytest.raises(KeyNameError, match="needs a name"):
        made(home, "score", name=name)


def test_create__refuses_a_key_that_has_expired_or_has_no_rate(home: Home) -> None:
    with pytest.raises(KeyNameError, match="expired already"):
        made(home, "score", expires_at=NOW)
    for rate in (0.0, -1.0, float("inf"), float("nan")):
        with pytest.raises(SettingsError, match="not above 0"):
            made(home, "score", requests_per_second=rate)


def test_revoke__refuses_what_is_unknown_or_over(home: Home) -> None:
    made(home, "score", name="crm")
    revoke("crm", home=home.path)

    for name, fault in (("crm", "was revoked before"), ("shop", "is not known")):
        with pytest.raises(KeyNameError, match=fault):
            revoke(name, home=home.path)


def test_create__binds_a_key_to_a_source(home: Home, keys: dict[str, str], clock: HandClock) -> None:
    bound = made(home, "write,admin", name="bound", source="crm")
    row = {"lead_id": "a", "occurred_at": format_time(NOW)}
    touch, outcome = {**row, "interaction_id": "1", "kind": "k"}, {**row, "outcome": "lost"}
    track = {"type": "track", "event": "E", "userId": "a", "messageId": "1", "timestamp": row["occurred_at"]}

    def codes(client: Client, key: str, source: str) -> list[tuple[int, str]]:
        bodies: list[tuple[str, Any]] = [
            ("/v1/interactions", {"source": source, "interactions": [touch]}),
            ("/v1/outcomes", {"source": source, "outcomes": [outcome]}),
            *((path, {"batch": [track]}) for path in ("/v1/batch", "/v1/interactions")),
        ]
        answers = [client.post(path, json=body, headers={"X-API-Key": key}) for path, body in bodies]
        return [(answer.status_code, answer.json().get("code", "")) for answer in answers]

    with client_of(home, clock=clock) as client:
        own, other, segment = (codes(client, bound, source) for source in ("crm", "shop", "segment"))
        unbound = codes(client, keys["write"], "shop")

    refused, taken = (403, "source"), (200, "")
    # Messages of tracking libraries are of the source segment.
    assert own == [taken, taken, refused, refused]
    assert other == segment == [refused] * 4
    assert unbound == [taken] * 4
    assert {key["name"]: key["source"] for key in list_all(home=home.path, now=NOW)}["bound"] == "crm"
    for source in ("", "x" * 101):
        with pytest.raises(KeyNameError, match="cannot send for the source"):
            made(home, "write", name="no", source=source)


SCORED = {"created_at": "2026-01-01T00:00:00Z", "attributes": {}, "interactions": []}


def test_admit__limits_the_leads_of_a_key(home: Home, keys: dict[str, str], clock: HandClock) -> None:
    headers = {"X-API-Key": keys["score"]}

    def batch(client: Client, count: int) -> httpx.Response:
        leads = [{**SCORED, "lead_id": str(number)} for number in range(count)]
        return client.post("/v1/score/batch", json={"leads": leads}, headers=headers)

    with client_of(home, clock=clock, leads_per_second=20) as client:
        # A bucket of two seconds: 40 leads.
        taken = [batch(client, 30).status_code, batch(client, 10).status_code]
        refused = batch(client, 20)
        stored = client.post("/v1/leads/scores", json={"lead_ids": ["a"] * 20}, headers=headers)
        others = client.get("/v1/model", headers=headers)

    assert taken == [200, 200]
    assert (refused.status_code, refused.json()["code"], stored.status_code) == (429, "rate", 429)
    assert refused.json()["retry_after_seconds"] == 1
    assert others.status_code == 200


def test_admit__limits_the_bytes_of_a_key_in_proportion_to_its_requests(
    home: Home, keys: dict[str, str], clock: HandClock
) -> None:
    double = made(home, "score", name="double", requests_per_second=200)
    body = json.dumps({**SCORED, "lead_id": "a", "account_id": "x" * 480}).encode()
    packed = gzip.compress(body)

    def taken(client: Client, key: str, sent: bytes, **headers: str) -> int:
        own = {"X-API-Key": key, "Content-Type": "application/json", **headers}
        return sum(client.post("/v1/score", content=sent, headers=own).status_code == 200 for _ in range(20))

    with client_of(home, clock=clock, bytes_per_second=2 * len(body), requests_per_second=100) as client:
        plain = taken(client, keys["score"], body)
        of_double = taken(client, double, body)
        # What counts is the size that has to be parsed.
        of_packed = taken(client, keys["admin"], packed, **{"Content-Encoding": "gzip"})

    assert 4 <= plain <= 6
    assert 8 <= of_double <= 12
    assert len(packed) < len(body)
    assert 4 <= of_packed <= 6


def test_find_key__throttles_an_address_that_sends_wrong_keys(
    home: Home, keys: dict[str, str], clock: HandClock
) -> None:
    wrong = "lo_0123456789ab_" + "A" * 43
    with client_of(home, clock=clock, failed_keys_per_minute=5) as client:
        by_header = [request(client, wrong) for _ in range(4)]
        signing_in = [client.post("/session", json={"key": wrong}) for _ in range(2)]
        refused = request(client, wrong)
        right = request(client, keys["score"])

    assert [answer.status_code for answer in (*by_header, *signing_in)] == [401] * 5 + [429]
    assert (refused.status_code, refused.json()["code"]) == (429, "failed_keys")
    # One every twelve seconds.
    assert 10 <= refused.json()["retry_after_seconds"] <= 12
    # Others behind the same proxy go on.
    assert right.status_code == 200


def test_rate_limits__take_bounded_memory() -> None:
    rates = RateLimits(seconds=lambda: 0.0)
    for number in range(12_000):
        rates.take(f"address {number}", per_second=1.0)

    assert len(rates._full_at) == 10_000
    assert rates.take("address 11999", per_second=0.1) > 0


@pytest.mark.parametrize(
    ("client", "address"),
    [(("10.0.0.1", 5), "10.0.0.1"), (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2"), (None, "")],
)
def test_address_of__of_a_network_counts_once(client: tuple[str, int] | None, address: str) -> None:
    assert _address_of({"client": client}) == address
