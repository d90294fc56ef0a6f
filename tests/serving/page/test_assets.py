"""The page over HTTP: its files and their headers, its session, and the terms that it draws."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from itsdangerous import URLSafeSerializer

from features.times import US_PER_HOUR, format_time
from models.home.home import Home
from serving.access_errors import SessionEndedError
from serving.http.openapi.model_answers import TermsAnswer
from serving.keys.commands import create, revoke
from serving.keys.keys import KeyRing, make_key
from serving.keys.sessions import COOKIE, SESSION_HOURS, find_session, open_session
from tests.support.builders import at
from tests.support.http_client import Client, client_of, secret_of
from tests.support.small_models import COUNTRY, MEETINGS, home_with, random_bundle, small_bundle
from tests.support.stores import HandClock

NOW = at(10)
WEB = Path(str(files("serving.page"))) / "web"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path, small_bundle())


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOW)


@pytest.fixture
def keys(home: Home) -> dict[str, str]:
    scopes = {"score": "score", "admin": "admin", "write": "write", "both": "score,write"}
    made = {name: create(name, said, home=home.path, now=NOW) for name, said in scopes.items()}
    return {name: str(key["key"]) for name, key in made.items()}


@pytest.fixture
def client(home: Home, keys: dict[str, str], clock: HandClock) -> Iterator[Client]:
    with client_of(home, clock=clock) as client:
        yield client


def signed_in(client: Client, key: str) -> tuple[dict[str, str], Any]:
    """Headers of a browser that signed in, and its session."""
    answer = client.post("/session", json={"key": key})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return {"Cookie": cookie}, answer.json()


def test_page__is_served_with_rules_that_let_nothing_in(client: Client) -> None:
    for path in ["/", *(f"/web/{file.name}" for file in WEB.iterdir())]:
        answer = client.get(path)

        assert answer.status_code == 200, path
        rules = answer.headers["content-security-policy"]
        assert rules.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "frame-ancestors 'none'" in rules
        assert "unsafe" not in rules
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_page__is_not_sent_twice(client: Client) -> None:
    first = client.get("/web/page.js")

    again = client.get("/web/page.js", headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
    changed = client.get("/web/page.js", headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert (changed.status_code, changed.content) == (200, first.content)


@pytest.mark.parametrize("name", ["missing.js", "..%2F__init__.py", "page.css.bak"])
def test_page_file__other_names_are_not_found(client: Client, name: str) -> None:
    assert client.get(f"/web/{name}").status_code == 404


def test_page__asks_nobody_else_and_writes_no_markup() -> None:
    for file in WEB.iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")

        assert not re.search(r"https?://|//[a-z]+\.[a-z]", text), file.name
        assert not re.search(r"(inner|outer|Adjacent)HTML|document\.write|\beval\b", text), file.name
        assert not re.search(r"<script>|<style|\son[a-z]+=\"|style=\"", text), file.name


def test_page__is_small(client: Client) -> None:
    size = sum(file.stat().st_size for file in WEB.iterdir())

    # The rest of 200 KiB is for the first fifty leads.
    assert size < 96 * 1024


def test_sign_in__gives_a_cookie_that_scripts_cannot_read(client: Client, keys: dict[str, str]) -> None:
    answer = client.post("/session", json={"key": keys["score"]})

    session = answer.json()
    assert (answer.status_code, session["needs_key"], session["signed_in"]) == (200, True, True)
    parts = answer.headers["set-cookie"].lower().split("; ")
    assert {"httponly", "samesite=strict", "path=/", f"max-age={SESSION_HOURS * 3600}"} <= {*parts}
    assert secret_of(keys["score"]) not in answer.headers["set-cookie"] + answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_sign_in__is_secure_over_https(client: Client, keys: dict[str, str]) -> None:
    answer = client.post("https://localhost/session", json={"key": keys["score"]})

    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"key": "lo_0_x"}, 401, "key_refused"),
        ({"key": "é" * 10}, 401, "key_refused"),
        ({"key": ""}, 422, "invalid_body"),
        ({}, 422, "invalid_body"),
        ({"key": "a", "more": 1}, 422, "invalid_body"),
        ([], 422, "invalid_body"),
    ],
)
def test_sign_in__refuses(client: Client, body: Any, status: int, code: str) -> None:
    answer = client.post("/session", json=body)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "set-cookie" not in answer.headers


def test_sign_in__refuses_a_key_for_other_routes(client: Client, keys: dict[str, str]) -> None:
    answer = client.post("/session", json={"key": keys["write"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "scope")


def test_session__looks_and_changes_nothing(client: Client, keys: dict[str, str]) -> None:
    headers, _ = signed_in(client, keys["admin"])

    def ask(method: str, path: str) -> int:
        return client.request(method, path, headers=headers).status_code

    assert [ask("GET", path) for path in ("/v1/leads", "/v1/model", "/v1/model/terms")] == [200] * 3
    assert [ask("GET", path) for path in ("/v1/quarantine", "/metrics")] == [403, 403]
    changing = [("PUT", "/v1/leads/a"), ("DELETE", "/v1/leads/a"), ("POST", "/v1/score")]
    assert [ask(method, path) for method, path in changing] == [401, 401, 401]


CALL = {"interaction_id": "p1", "lead_id": "a", "kind": "call_outbound", "occurred_at": format_time(NOW)}
OWN = {"Origin": "http://localhost"}


def test_session__says_what_was_done_by_the_name_of_its_key(client: Client, keys: dict[str, str]) -> None:
    headers, session = signed_in(client, keys["both"])
    client.put(
        "/v1/leads/a", json={"created_at": "2026-01-01T00:00:00Z"}, headers={"X-API-Key": keys["write"]}
    )

    def say(**sent: str) -> tuple[int, str]:
        item = {**CALL, "recorded_by": "somebody else"}
        body = {"source": "page", "interactions": [item, 7]}
        answer = client.post("/v1/interactions", json=body, headers={**headers, **sent})
        return answer.status_code, answer.json().get("code", "")

    assert session["can_write"] is True
    assert say() == (403, "origin")
    for origin in ("https://example.org", "http://localhost:81", "null", "//localhost", "file://localhost"):
        assert say(Origin=origin) == (403, "origin")
    assert say(**OWN) == (200, "")
    (shown,) = client.get("/v1/leads/a", headers=headers).json()["interactions"]
    assert (shown["source"], shown["kind"], shown["recorded_by"]) == ("page", "call_outbound", "both")
    body = {"source": "crm", "interactions": [CALL]}
    refused = client.post("/v1/interactions", json=body, headers={**headers, **OWN})
    assert (refused.status_code, refused.json()["code"]) == (403, "source")
    # Nothing else is written for a session, whatever its key may.
    body = {"source": "page", "outcomes": []}
    assert client.post("/v1/outcomes", json=body, headers={**headers, **OWN}).status_code == 401


def test_session__without_the_scope_write_says_nothing(client: Client, keys: dict[str, str]) -> None:
    headers, session = signed_in(client, keys["score"])
    sent = {**headers, **OWN}

    answer = client.post("/v1/interactions", json={"source": "page", "interactions": [CALL]}, headers=sent)

    assert session["can_write"] is False
    assert (answer.status_code, answer.json()["code"]) == (403, "scope")


def test_session__ends_with_its_time_and_with_its_key(
    client: Client, home: Home, keys: dict[str, str], clock: HandClock
) -> None:
    headers, _ = signed_in(client, keys["score"])
    clock.now = NOW + SESSION_HOURS * US_PER_HOUR - 1
    before = client.get("/v1/leads", headers=headers)
    clock.now += 1
    expired = client.get("/v1/leads", headers=headers)
    renewed, _ = signed_in(client, keys["score"])
    revoke("score", home=home.path)
    client.server.access.keys.refresh()

    revoked = client.get("/v1/leads", headers=renewed)

    assert before.status_code == 200
    for ended in (expired, revoked):
        assert (ended.status_code, ended.json()["code"]) == (401, "session_ended")
    assert client.get("/session", headers=renewed).json()["signed_in"] is False


def test_sign_out__ends_the_session_and_every_copy_of_its_cookie(
    client: Client, home: Home, keys: dict[str, str], clock: HandClock
) -> None:
    headers, _ = signed_in(client, keys["score"])
    other, _ = signed_in(client, keys["score"])

    def status(cookie: dict[str, str], asked: Client = client) -> int:
        return asked.get("/v1/leads", headers=cookie).status_code

    refused = [
        client.delete("/session", headers={**headers, **sent}) for sent in ({}, {"Origin": "http://x"})
    ]
    before = status(headers)
    done = client.delete("/session", headers={**headers, **OWN})
    client.server.access.keys.refresh()

    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "origin")] * 2
    assert (done.status_code, done.json()["signed_in"]) == (200, False)
    assert f'{COOKIE}=""' in done.headers["set-cookie"]
    assert "Max-Age=0" in done.headers["set-cookie"]
    assert (before, status(headers), status(other)) == (200, 401, 200)
    assert client.get("/session", headers=headers).json()["signed_in"] is False
    # Neither a restart nor another process revives it.
    with client_of(home, clock=clock) as restarted:
        assert (status(headers, restarted), status(other, restarted)) == (401, 200)


def test_sign_out__forgets_a_session_once_its_time_is_over(
    client: Client, keys: dict[str, str], clock: HandClock
) -> None:
    for _ in range(3):
        headers, _ = signed_in(client, keys["score"])
        client.delete("/session", headers={**headers, **OWN})
        clock.now += 30 * US_PER_HOUR
    client.server.access.keys.refresh()

    assert len(client.server.access.keys.ended) == 1


SECRET = b"s" * 32


def test_find_session__refuses_what_was_not_signed_with_the_secret() -> None:
    key, _ = make_key("a", ["score"], created_at=0)
    other, _ = make_key("b", ["score"], created_at=0)
    ring = KeyRing([key, other])
    opened = open_session(key, secret=SECRET, now=0)
    content, signed = opened.cookie.split(".")
    forged = [
        f"{content}A.{signed}",
        f"{open_session(other, secret=SECRET, now=0).cookie.split('.')[0]}.{signed}",
        f"{content}.",
        f".{signed}",
        f"{content}.{signed[:-1]}",
        f".{content}.{signed}",
        "",
        "é.é.é",
        "." * 5000,
        # Who has a copy of the database has the hash of the key, but not the secret.
        open_session(key, secret=b"guessed", now=0).cookie,
        URLSafeSerializer(key.hash, salt="leadodds.session").dumps([opened.session_id, key.key_id, 0]),
        URLSafeSerializer(SECRET, salt="another use").dumps([opened.session_id, key.key_id, 0]),
    ]

    assert find_session(ring, opened.cookie, secret=SECRET, now=1) == opened
    for cookie in forged:
        with pytest.raises(SessionEndedError, match="Sign in again"):
            find_session(ring, cookie, secret=SECRET, now=1)


def test_find_session__counts_the_hours_on_the_server() -> None:
    key, _ = make_key("a", ["score"], created_at=0)
    ring, length = KeyRing([key]), SESSION_HOURS * US_PER_HOUR
    cookie = open_session(key, secret=SECRET, now=0).cookie
    # Signed while a clock was a year ahead.
    ahead = open_session(key, secret=SECRET, now=365 * 24 * US_PER_HOUR).cookie

    assert find_session(ring, cookie, secret=SECRET, now=length - 1).expires_at == length
    for sent in (cookie, ahead):
        with pytest.raises(SessionEndedError, match="Sign in again"):
            find_session(ring, sent, secret=SECRET, now=length)


def test_open_session__ends_with_its_key_at_the_latest() -> None:
    key, _ = make_key("a", ["score"], created_at=0, expires_at=US_PER_HOUR)

    assert open_session(key, secret=SECRET, now=0).expires_at == US_PER_HOUR


def test_session__without_any_key_nobody_signs_in(tmp_path: Path) -> None:
    with client_of(home_with(tmp_path, small_bundle())) as client:
        session = client.get("/session").json()
        sent = client.post("/session", json={"key": "anything"})

        assert (session["needs_key"], session["signed_in"]) == (False, False)
        assert (sent.status_code, "set-cookie" in sent.headers) == (200, False)
        assert client.get("/v1/leads").json()["bands"] == ["A", "B", "C", "D"]


def test_terms__are_those_of_the_scorecard_with_their_training_distribution(tmp_path: Path) -> None:
    shares = {"meetings_count": [0.5, 0.25, 0.25, 0.0], "country": [1.0]}
    bundle = small_bundle(evaluation={"training_distribution": shares})
    with client_of(home_with(tmp_path, bundle)) as client:
        answer = client.get("/v1/model/terms")

    terms = TermsAnswer.model_validate_json(json.dumps(answer.json()))
    curves = {curve.feature: curve for curve in terms.curves}
    meetings, country = curves["meetings_count"], curves["country"]
    assert meetings.bins == ["missing", "< 1", "≥ 1", "≥ 2"]
    assert (meetings.points, meetings.share) == ([0, 0, 1, 2], shares["meetings_count"])
    assert meetings.weight == 0.25 * 1 + 0 * 2
    assert country.bins == ["missing", "DE", "FR", "XX", "all others"]
    # What does not fit the bins is not drawn.
    assert (country.share, country.weight) == (None, None)


def test_terms__have_pairs_as_grids(tmp_path: Path) -> None:
    bundle = random_bundle((MEETINGS, COUNTRY), {"country": ("DE", "FR")}, seed=1)
    with client_of(home_with(tmp_path, bundle)) as client:
        terms = TermsAnswer.model_validate_json(client.get("/v1/model/terms").text)

    (pair,) = terms.pairs
    assert [axis.feature for axis in pair.axes] == ["meetings_count", "country"]
    assert (len(pair.points), len(pair.points[0])) == (7, 4)
