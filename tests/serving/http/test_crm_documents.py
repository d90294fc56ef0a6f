"""The documents for Salesforce and Power Platform: what these tools refuse is not in them, and clients work.

`python -m tests.serving.http.test_crm_documents` writes the golden copies anew after a route has changed.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from features.history.lead_history import AttributeType
from models.home.home import Home
from serving.app import api_routes
from serving.http.openapi.crm_documents import power_platform_document, salesforce_document
from serving.http.openapi.document import describe
from serving.http.openapi.translation import is_identifier, translate
from tests.support.http_client import client_of
from tests.support.servers import running_server
from tests.support.small_models import home_with, small_bundle

PATHS = {"salesforce": "/openapi-salesforce.json", "power_platform": "/openapi-power-platform.json"}
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return home_with(tmp_path_factory.mktemp("home"), small_bundle())


@pytest.fixture(scope="module")
def documents(home: Home) -> Iterator[dict[str, Any]]:
    with client_of(home) as client:
        yield {name: client.get(path).json() for name, path in PATHS.items()}


def nodes(tree: object) -> Iterator[dict[str, Any]]:
    """Every object in the document."""
    if isinstance(tree, dict):
        yield tree
        for value in tree.values():
            yield from nodes(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from nodes(value)


def test_salesforce__has_nothing_that_external_services_refuses(documents: dict[str, Any]) -> None:
    document = documents["salesforce"]

    assert document["openapi"] == "3.0.3"
    for node in nodes(document):
        assert not node.keys() & {"anyOf", "oneOf", "not", "nullable", "prefixItems", "const"}
        assert node.get("type") != "null"
        # No array of anonymous arrays.
        assert node.get("type") != "array" or node["items"].get("type") != "array"
    for name, schema in document["components"]["schemas"].items():
        assert is_identifier(name)
        assert all(map(is_identifier, schema.get("properties", {})))
        assert len({own.lower() for own in schema.get("properties", {})}) == len(schema.get("properties", {}))
    for methods in document["paths"].values():
        for operation in methods.values():
            assert is_identifier(operation["operationId"])
            refused = {status: own for status, own in operation["responses"].items() if status >= "4"}
            assert refused
            for answer in refused.values():
                assert answer["content"]["application/json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }


def test_power_platform__is_small_and_has_names_for_people(documents: dict[str, Any]) -> None:
    document = documents["power_platform"]

    assert document["swagger"] == "2.0"
    assert document["host"] == "localhost"
    assert len(json.dumps(document)) < 1_000_000
    row = document["definitions"]["ScoreAnswer"]["properties"]
    assert row["horizon_days"]["x-ms-summary"] == "Horizon days"
    assert all("x-ms-summary" in own or "$ref" in own for own in row.values())
    for methods in document["paths"].values():
        for operation in methods.values():
            assert operation["summary"]
            assert all("x-ms-summary" in own or own["in"] == "body" for own in operation["parameters"])


@pytest.mark.parametrize("name", PATHS)
def test_documents__have_the_attributes_of_the_champion_as_fields(
    name: str, documents: dict[str, Any]
) -> None:
    document = documents[name]
    schemas = document["definitions"] if name == "power_platform" else document["components"]["schemas"]

    fields = schemas["LeadAttributes"]["properties"]

    types = {own: field["type"] for own, field in fields.items()}
    assert types == {"country": "string", "has_budget": "boolean"}
    assert schemas["ScoreRequest"]["properties"]["attributes"]["$ref"].endswith("/LeadAttributes")


ODD_NAMES = ("Company Size", "limit", "Package", "2nd", "größe", "size__c", "a_", "a.b", "x" * 256, "SIZE")


def test_translate__names_the_attributes_that_are_no_fields() -> None:
    odd: dict[str, AttributeType] = dict.fromkeys((*ODD_NAMES, "size", "a"), "number")
    document = describe(api_routes())

    apex = translate(document, odd)["components"]["schemas"]["LeadAttributes"]
    connector = power_platform_document(document, odd)["definitions"]["LeadAttributes"]

    # Apex does not tell large letters from small ones.
    assert [*apex["properties"]] == ["SIZE", "a"]
    left_out = ", ".join(sorted({*odd} - {"SIZE", "a"}))
    assert apex["description"].endswith(f"not described here: {left_out}.")
    assert {*connector["properties"]} == {*odd} - {"a.b", "size"}
    assert connector["properties"]["Company Size"]["x-ms-summary"] == "Company Size"


@pytest.mark.all
def test_documents__of_many_attributes_stay_small_and_valid() -> None:
    names = [f"{name} {number}" for number in range(30) for name in (*ODD_NAMES, "ordinary")]
    odd: dict[str, AttributeType] = {**dict.fromkeys(names, "category"), **dict.fromkeys(ODD_NAMES, "number")}
    document = describe(api_routes())

    made = [make(document, odd) for make in (salesforce_document, power_platform_document)]

    assert all(len(json.dumps(own)) < 250_000 for own in made)
    for own in made:
        importlib.import_module("openapi_spec_validator").validate(own)


@pytest.mark.parametrize("name", PATHS)
def test_documents__are_those_of_the_golden_copy(name: str) -> None:
    """A route that changes changes what CRMs have imported: look at the difference, then write it anew."""
    assert golden(name) == json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


def test_problems__come_as_json_to_who_takes_nothing_else(home: Home) -> None:
    with client_of(home) as client:
        kinds = [
            client.get("/v1/leads/nobody/score", headers={"Accept": accepted}).headers["content-type"]
            for accepted in ("application/json", "application/json, */*", "application/problem+json")
        ]

    assert kinds == ["application/json", "application/problem+json", "application/problem+json"]


@pytest.mark.all
@pytest.mark.parametrize("name", PATHS)
def test_documents__pass_the_validator(name: str, documents: dict[str, Any]) -> None:
    importlib.import_module("openapi_spec_validator").validate(documents[name])


@pytest.mark.all
@pytest.mark.parametrize("name", PATHS)
def test_documents__make_clients_that_score_a_lead(name: str, home: Home, tmp_path: Path) -> None:
    with running_server(home) as server:
        path = tmp_path / "document.json"
        with client_of(home) as client:
            path.write_text(client.get(PATHS[name]).text)
        generate_client(path, package=f"by_{name}")
        code = CLIENT.format(package=f"by_{name}", url=server.url)
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    assert done.returncode == 0, done.stderr
    probability, reasons, unknown = json.loads(done.stdout)
    # -2 for the average lead, 0.5 for Germany, 0.25 for a budget, 1 for one meeting: 1 / (1 + exp(0.25)).
    assert probability == pytest.approx(0.437823, abs=1e-6)
    assert reasons[0] == "meetings_count"
    assert unknown == [404, "lead_unknown"]


# As somebody would write it with the generated package.
CLIENT = """
import json
from datetime import UTC, datetime
import {package} as made
from {package}.exceptions import ApiException

at = datetime(2026, 5, 1, tzinfo=UTC)
with made.ApiClient(made.Configuration(host="{url}")) as client:
    api = made.DefaultApi(client)
    request = made.ScoreRequest(
        lead_id="L-1", created_at=at, as_of=datetime(2026, 5, 20, tzinfo=UTC),
        attributes=made.LeadAttributes(country="DE", has_budget=True),
        interactions=[made.InteractionBody(kind="meeting_held", occurred_at=at)],
    )
    scored = api.score(request)
    try:
        api.lead_score("nobody")
    except ApiException as error:
        unknown = [error.status, json.loads(error.body)["code"]]
    print(json.dumps([scored.probability, [reason.feature for reason in scored.reasons], unknown]))
"""


def generate_client(document: Path, *, package: str) -> None:
    """Validates the document and makes a Python client of it beside it."""
    left_out = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"
    done = subprocess.run(
        [
            *(str(Path(sys.executable).parent / "openapi-generator-cli"), "generate", "-g", "python"),
            *("-i", str(document), "-o", str(document.parent), "--package-name", package),
            *("--global-property", left_out),
        ],
        # Java's slower compiler would not pay within a few seconds.
        env={**os.environ, "JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def golden(name: str) -> dict[str, Any]:
    """The document for a model with an attribute of each type."""
    attributes = {"company_size": "number", "country": "category", "has_budget": "boolean"}
    make = salesforce_document if name == "salesforce" else power_platform_document
    made: dict[str, Any] = make(describe(api_routes()), attributes)  # type: ignore[arg-type]
    return made


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for own in PATHS:
        (GOLDEN / f"{own}.json").write_text(
            json.dumps(golden(own), indent=1, ensure_ascii=False) + "\n", "utf-8"
        )
