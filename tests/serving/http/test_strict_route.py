"""Strict routes: what FastAPI describes of a signature, what is read of a request, and who may call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.openapi.utils import get_openapi
from starlette.applications import Starlette
from starlette.responses import Response

from serving.bodies.score_bodies import ScoreRequest
from serving.http.middleware import RequestMiddleware
from serving.http.queries import LeadId, ScoreQuery
from serving.http.rate_limits import RateLimits
from serving.http.routes.strict_route import LeadPartRoute, StrictRoute
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle

TIME = "2026-01-05T00:00:00Z"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(home_with(tmp_path_factory.mktemp("home"), small_bundle())) as client:
        yield client


async def forgotten(
    request: Request, lead_id: LeadId, query: Annotated[ScoreQuery, Query()], body: ScoreRequest
) -> Response:
    """Does nothing."""
    return Response(f"{request.method} {lead_id} {query.reasons} {body.lead_id}")


def add(endpoint: Callable[..., Any], **options: Any) -> StrictRoute:
    """Declares a route that the table of scopes does not have."""
    router = APIRouter(route_class=StrictRoute)
    router.post("/v1/leads/{lead_id:path}", **options)(endpoint)
    (route,) = router.routes
    assert isinstance(route, StrictRoute)
    return route


def test_strict_route__without_a_row_in_the_table_of_scopes_needs_admin() -> None:
    assert add(forgotten).needed == "admin"


def test_strict_route__is_described_by_its_signature() -> None:
    document = get_openapi(title="x", version="1", routes=[add(forgotten)])

    operation = document["paths"]["/v1/leads/{lead_id}"]["post"]
    assert [(each["in"], each["name"], each["required"]) for each in operation["parameters"]] == [
        ("path", "lead_id", True),
        *(("query", name, False) for name in ("as_of", "horizon_days", "reasons", "max_age")),
    ]
    # An address carries no null, so none is described.
    assert operation["parameters"][2]["schema"].items() >= {"type": "number", "exclusiveMinimum": 0.0}.items()
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/ScoreRequest"}
    assert operation["description"] == "Does nothing.\n\nScope of the key: `admin`."
    assert operation["security"] == [{"apiKey": []}, {"bearer": []}, {}]
    assert {*operation["responses"]} == {
        *("200", "400", "401", "403", "408", "413", "415", "421", "422", "429", "431", "500", "503"),
    }


def test_strict_route__reads_what_its_signature_declares(client: Client) -> None:
    app = Starlette(routes=[add(forgotten)], middleware=client.app.user_middleware)
    app.state.server = client.server
    loop = asyncio.new_event_loop()
    caller = Client(app, loop)

    answer = caller.post("/v1/leads/a%2Fa?reasons=2", json={"lead_id": "b", "created_at": TIME})

    assert (answer.status_code, answer.text) == (200, "POST a/a 2 b")
    caller.close()
    loop.close()


async def with_header(request: Request, agent: Annotated[str, Header()]) -> Response:
    """Reads a header."""
    return Response(f"{request.method} {agent}")


async def with_two_bodies(first: ScoreRequest, second: ScoreRequest) -> Response:
    """Reads two bodies."""
    return Response(f"{first} {second}")


async def with_dependency(limits: Annotated[RateLimits, Depends(RateLimits)]) -> Response:
    """Has a dependency."""
    return Response(str(limits))


@pytest.mark.parametrize(
    ("endpoint", "name"), [(with_header, "agent"), (with_two_bodies, "second"), (with_dependency, "limits")]
)
def test_strict_route__refuses_inputs_that_it_would_not_read(endpoint: Callable[..., Any], name: str) -> None:
    with pytest.raises(TypeError, match=f"not {name}"):
        add(endpoint)


def test_strict_route__refuses_dependencies_because_it_runs_none() -> None:
    with pytest.raises(TypeError, match="runs no dependencies"):
        add(forgotten, dependencies=[Depends(RateLimits)])


@pytest.mark.parametrize("part", ["score", "life"])
def test_lead_part_route__leaves_an_id_that_ends_like_it_to_the_lead(client: Client, part: str) -> None:
    client.put(f"/v1/leads/a%2F{part}", json={"created_at": TIME})

    whole = client.get(f"/v1/leads/a%2F{part}")
    its_part = client.get(f"/v1/leads/a%2F{part}/{part}")
    of_nobody = client.get(f"/v1/leads/a/{part}")

    assert (whole.status_code, whole.json()["lead_id"]) == (200, f"a/{part}")
    assert "attributes" in whole.json()
    assert (its_part.status_code, its_part.json()["lead_id"]) == (200, f"a/{part}")
    assert "model_version" in its_part.json()
    assert (of_nobody.status_code, of_nobody.json()["code"]) == (404, "lead_unknown")


def test_lead_part_route__refuses_another_method(client: Client) -> None:
    answer = client.post("/v1/leads/a/score", json={})

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_app__has_one_layer_of_ours_and_leaves_two_routes_to_compare_paths(client: Client) -> None:
    assert [middleware.cls for middleware in client.app.user_middleware] == [RequestMiddleware]
    parts = {route.path for route in client.app.routes if isinstance(route, LeadPartRoute)}
    assert parts == {"/v1/leads/{lead_id:path}/score", "/v1/leads/{lead_id:path}/life"}


def test_openapi__is_generated_once_and_stays_the_same(client: Client) -> None:
    first = client.get("/openapi.json").json()

    assert client.get("/openapi.json").json() == first
    assert "example" in first["paths"]["/v1/score"]["post"]["responses"]["200"]["content"]["application/json"]
