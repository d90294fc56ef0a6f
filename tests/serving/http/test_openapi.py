"""OpenAPI says what the service does: its examples are taken and given, and what it describes is answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from features.times import format_time, parse_time
from serving.http.openapi.examples import EXAMPLES
from serving.http.openapi.intake_answers import (
    AliasesAnswer,
    HookAnswer,
    InteractionsAnswer,
    LeadsStoredAnswer,
    OutcomesAnswer,
    TrackingAnswer,
)
from serving.http.openapi.lead_answers import ErasureAnswer, LeadAnswer, PutLeadAnswer
from serving.http.openapi.list_answers import EventsAnswer, LeadsAnswer, QuarantineAnswer, ScoresAnswer
from serving.http.openapi.model_answers import ModelAnswer, MonitorAnswer, TermsAnswer, VersionsAnswer
from serving.http.openapi.operation_answers import HealthAnswer, Liveness, Readiness
from serving.http.openapi.problem_answers import Problem
from serving.http.openapi.score_answers import (
    BatchAnswer,
    LifeAnswer,
    ScoreAnswer,
    StoredLeadsAnswer,
    StoreScoreAnswer,
)
from serving.http.route_scopes import TRACKING
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle

ANSWERED_WITH: dict[str, type[BaseModel]] = {
    "score": ScoreAnswer,
    "leadScore": StoreScoreAnswer,
    "leadScores": StoredLeadsAnswer,
    "leadLife": LifeAnswer,
    "scoreBatch": BatchAnswer,
    "model": ModelAnswer,
    "modelTerms": TermsAnswer,
    "modelVersions": VersionsAnswer,
    "modelMonitor": MonitorAnswer,
    "livez": Liveness,
    "readyz": Readiness,
    "putLead": PutLeadAnswer,
    "patchLead": PutLeadAnswer,
    "addInteractions": InteractionsAnswer,
    "addAliases": AliasesAnswer,
    "addLeads": LeadsStoredAnswer,
    "addOutcomes": OutcomesAnswer,
    "hook": HookAnswer,
    "lead": LeadAnswer,
    "eraseLead": ErasureAnswer,
    "leads": LeadsAnswer,
    "scores": ScoresAnswer,
    "scoreEvents": EventsAnswer,
    "quarantine": QuarantineAnswer,
    "health": HealthAnswer,
    **{f"tracking{path.removeprefix('/v1/').capitalize()}": TrackingAnswer for path in sorted(TRACKING)},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(home_with(tmp_path_factory.mktemp("home"), small_bundle())) as client:
        yield client


@pytest.fixture(scope="module")
def described(client: Client) -> Any:
    return client.get("/openapi.json").json()


def operations(described: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_openapi__describes_every_operation_for_people(described: Any) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(described)]

    assert len(ids) == len({*ids})
    for method, path, operation in operations(described):
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
        assert all(response["description"] for response in operation["responses"].values())
        (media,) = operation["responses"]["200"]["content"].values()
        assert "example" in media, (
            f"{operation['operationId']} needs an example in serving/http/openapi/examples.py"
        )
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (method, path)


def test_openapi__declares_every_problem_with_a_schema_and_an_example(described: Any) -> None:
    for method, path, operation in operations(described):
        for status, response in operation["responses"].items():
            problem = response.get("content", {}).get("application/problem+json")
            if problem is not None:
                assert problem["schema"] == {"$ref": "#/components/schemas/Problem"}
                assert Problem.model_validate(problem["example"]).status == int(status)
        declared = {*operation["responses"]}
        assert {"200", "421", "500"} <= declared
        if "security" in operation:
            assert {"401", "403", "429", "503"} <= declared, (method, path)
        if "requestBody" in operation:
            assert {"400", "408", "413", "415", "422"} <= declared, (method, path)


@pytest.mark.parametrize("operation", ANSWERED_WITH)
def test_examples__are_answers_of_their_schema(operation: str) -> None:
    ANSWERED_WITH[operation].model_validate_json(json.dumps(EXAMPLES[operation]))


def test_examples__hold_every_answer_that_is_an_object() -> None:
    assert {*ANSWERED_WITH} == {*EXAMPLES} - {"metrics"}


def test_examples__add_up(client: Client) -> None:
    for counts in EXAMPLES["health"]["ingestion"].values():
        assert counts["received"] == sum(counts.values()) / 2
    answer = client.get("/v1/leads", params={"cursor": EXAMPLES["leads"]["next_cursor"]})
    assert answer.status_code == 200, answer.text
    for operation, named in (("leadLife", "as_of"), ("quarantine", "received_at")):
        for row in EXAMPLES[operation].get("points", EXAMPLES[operation].get("items", [])):
            assert format_time(parse_time(row[named])) == row[named]


def test_openapi__request_examples_are_taken(client: Client, described: Any) -> None:
    schemas = described["components"]["schemas"]
    sent = {
        ("PUT", "/v1/leads/L-1042"): [schemas["LeadBody"]],
        ("PATCH", "/v1/leads/L-1042"): [schemas["LeadChanges"]],
        ("POST", "/v1/leads/scores"): [schemas["StoredLeadsRequest"]],
        ("POST", "/v1/interactions"): [
            schemas[name] for name in ("InteractionsBody", "SegmentBody", "SegmentMessage")
        ],
        ("POST", "/v1/outcomes"): [schemas["OutcomesBody"]],
        ("POST", "/v1/score"): [schemas["ScoreRequest"]],
        ("POST", "/v1/score/batch"): [schemas["BatchRequest"]],
    }

    for (method, path), bodies in sent.items():
        for body in bodies:
            answer = client.request(method, path, json=body["examples"][0])
            assert answer.status_code == 200, (path, answer.text)
            assert answer.json().get("refused", 0) == 0, (path, answer.text)


def test_openapi__names_segments_body(described: Any) -> None:
    (media,) = described["paths"]["/v1/interactions"]["post"]["requestBody"]["content"].values()

    assert {part["$ref"].rpartition("/")[2] for part in media["schema"]["anyOf"]} == {
        "InteractionsBody",
        "SegmentBody",
        "SegmentMessage",
    }
    assert {*media["examples"]} == {"ours", "segment"}


@pytest.fixture(scope="module")
def api(client: Client) -> Any:
    return schemathesis.openapi.from_asgi("/openapi.json", client.app, headers=HERE)


HERE = {"Host": "localhost"}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.mark.all
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_service__answers_as_described(api: Any, mode: GenerationMode) -> None:
    answered = Counter[int]()
    for found in api.get_all_operations():
        operation = found.ok()
        # Any text is right in a header.
        may_be_wrong = [*operation.body, *operation.query, *operation.path_parameters]
        if mode.is_negative and not may_be_wrong:
            continue

        @settings(
            max_examples=10,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            answer = case.call(headers=HERE)
            case.validate_response(answer, checks=CHECKS)
            answered[answer.status_code] += 1

        ask()

    assert answered[200 if mode.is_positive else 422] > 20
