"""HEAD is answered as GET, and what a caller has already is not sent again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.app import api_routes
from serving.http.routes.strict_route import StrictRoute
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle

CREATED = {"created_at": "2026-01-05T00:00:00Z"}
TAGGED = [
    "/v1/model",
    "/v1/model/terms",
    "/v1/model/versions",
    "/v1/model/monitor",
    "/v1/leads",
    "/v1/scores?updated_since=2026-01-01T00:00:00Z",
    "/v1/scores/events?updated_since=2026-01-01T00:00:00Z",
    "/v1/quarantine",
]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with client_of(home_with(tmp_path, small_bundle())) as client:
        client.put("/v1/leads/a", json=CREATED)
        client.rescorer.catch_up()
        yield client


def test_head__is_answered_wherever_get_is(client: Client) -> None:
    paths = [
        route.path for route in api_routes() if isinstance(route, StrictRoute) and "GET" in route.methods
    ]
    assert len(paths) > 12
    for path in paths:
        address = path.replace("{lead_id:path}", "a")
        if address.startswith("/v1/scores"):
            address += "?updated_since=2026-01-01T00:00:00Z"

        answer, head = client.get(address), client.request("HEAD", address)

        assert (head.status_code, answer.status_code) == (200, 200), address
        assert head.headers["content-type"] == answer.headers["content-type"]
        assert head.headers.get("etag") == answer.headers.get("etag")


def test_head__is_refused_where_get_is(client: Client) -> None:
    assert client.request("HEAD", "/v1/leads/none").status_code == 404
    assert client.request("HEAD", "/v1/score").status_code == 405
    answer = client.post("/v1/leads/a")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"


@pytest.mark.parametrize("path", TAGGED)
def test_tag__spares_what_the_caller_has(client: Client, path: str) -> None:
    first = client.get(path)
    tag = first.headers["ETag"]

    for sent in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["X-Request-ID"]
    assert tag.startswith('W/"')
    assert client.get(path, headers={"If-None-Match": '"x"'}).status_code == 200


def test_tag__changes_with_the_content(client: Client) -> None:
    tag = client.get("/v1/leads").headers["ETag"]
    client.put("/v1/leads/b", json=CREATED)
    client.rescorer.catch_up()

    answer = client.get("/v1/leads", headers={"If-None-Match": tag})

    assert (answer.status_code, answer.json()["total"]) == (200, 2)
