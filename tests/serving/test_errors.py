"""No input whatever gives a 500: every fault is a problem with path and rule, without what was sent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.access_errors import (
    FailedKeysError,
    ForwardedError,
    HostError,
    KeyMissingError,
    KeyRefusedError,
    KeysOutdatedError,
    OriginError,
    RateError,
    ScopeError,
    SessionEndedError,
    SignatureError,
    SourceError,
    UnknownCrmError,
)
from serving.bodies.strict_json import parse_json
from serving.errors import (
    BodyLateError,
    BodyTooLargeError,
    BusyError,
    DrainingError,
    Fault,
    IdempotencyKeyError,
    InProgressError,
    InvalidBodyError,
    InvalidQueryError,
    KeyReusedError,
    LeadErasedError,
    LeadUnknownError,
    MediaTypeError,
    NotJsonError,
    RequestError,
    StoreAwayError,
    StoreLateError,
)
from serving.http.openapi.problem_answers import Problem
from serving.http.problems import PROBLEMS, error_status, problem
from tests.support.http_client import Client, client_of
from tests.support.small_models import home_with, small_bundle

JSON = {"Content-Type": "application/json"}
BODY: dict[str, Any] = {
    "lead_id": "L-1",
    "created_at": "2026-05-01T08:00:00Z",
    "as_of": "2026-05-20T08:00:00Z",
}
VISIT = {"kind": "page_view", "occurred_at": "2026-05-02T08:00:00Z"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(home_with(tmp_path_factory.mktemp("home"), small_bundle())) as client:
        yield client


ROWS = [
    (NotJsonError(Fault("", "json", "No.")), 400, "not_json"),
    (InvalidBodyError([Fault("/a", "missing", "No.")]), 422, "invalid_body"),
    (BodyTooLargeError(limit_bytes=10), 413, "body_too_large"),
    (MediaTypeError(), 415, "media_type"),
    (HostError(), 421, "host"),
    (ForwardedError("Via"), 421, "forwarded"),
    (KeysOutdatedError(), 503, "keys_outdated"),
    (InvalidQueryError([Fault("?as_of", "time", "No.")]), 422, "invalid_query"),
    (LeadUnknownError(), 404, "lead_unknown"),
    (LeadErasedError(), 410, "lead_erased"),
    (IdempotencyKeyError(Fault("", "idempotency_key", "No.")), 422, "idempotency_key"),
    (KeyReusedError(), 422, "idempotency_key_reused"),
    (InProgressError(), 409, "in_progress"),
    (StoreAwayError(), 503, "store_away"),
    (KeyMissingError(), 401, "key_missing"),
    (StoreLateError(), 503, "store_late"),
    (BusyError(), 503, "busy"),
    (FailedKeysError(wait_seconds=2.5), 429, "failed_keys"),
    (SourceError("crm"), 403, "source"),
    (KeyRefusedError(state="revoked"), 401, "key_refused"),
    (SessionEndedError(), 401, "session_ended"),
    (SignatureError(), 401, "signature"),
    (UnknownCrmError(), 404, "crm_unknown"),
    (ScopeError(needed="write"), 403, "scope"),
    (OriginError(), 403, "origin"),
    (RateError(wait_seconds=0.2), 429, "rate"),
    (BodyLateError(), 408, "body_late"),
    (DrainingError(), 503, "draining"),
]


@pytest.mark.parametrize(("error", "status", "code"), ROWS, ids=[code for _, _, code in ROWS])
def test_problem__gives_status_and_body(error: RequestError, status: int, code: str) -> None:
    given_status, details = problem(error, request_id="r")

    assert given_status == details["status"] == status
    assert details["code"] == code
    assert details["request_id"] == "r"
    Problem.model_validate(details)


def test_problems__has_a_row_for_every_error() -> None:
    assert set(PROBLEMS) == {type(error) for error, _, _ in ROWS} == set(RequestError.__subclasses__())


def test_error_status__leaves_a_defect_to_the_500() -> None:
    assert error_status(ValueError("x")) is None


def raw(member: str) -> bytes:
    """A body with one more member, which need not be JSON."""
    return (json.dumps(BODY)[:-1] + "," + member + "}").encode("utf-8", "surrogatepass")


NOT_JSON = [
    ("not UTF-8", b'{"lead_id": "\xff"}', "", "utf8"),
    ("surrogates in UTF-8", b'{"lead_id": "\xed\xa0\x80"}', "", "utf8"),
    ("byte order mark", b"\xef\xbb\xbf{}", "", "json"),
    ("nothing", b"", "", "json"),
    ("cut off", b'{"lead_id": ', "", "json"),
    ("two values", b"{} {}", "", "json"),
    ("NaN", raw('"horizon_days": NaN'), "/horizon_days", "finite_number"),
    ("Infinity", raw('"attributes": {"size": -Infinity}'), "/attributes/size", "finite_number"),
    ("1e999", raw('"attributes": {"a/b": 1e999}'), "/attributes/a~1b", "finite_number"),
    (
        "1e999 in what is ignored",
        raw('"interactions": [{"x": [1e999]}]'),
        "/interactions/0/x/0",
        "finite_number",
    ),
    ("huge integer", raw(f'"horizon_days": {"9" * 5000}'), "/horizon_days", "integer_range"),
    ("int64 and a bit", raw('"horizon_days": 100000000000000000000'), "/horizon_days", "integer_range"),
    ("duplicate key", raw('"lead_id": "M"'), "/lead_id", "duplicate_key"),
    ("duplicate key inside", raw('"attributes": {"a": 1, "a": 2}'), "/attributes/a", "duplicate_key"),
    ("half a pair", raw('"account_id": "x\\ud800"'), "/account_id", "unicode"),
    ("half a pair in a key", raw('"attributes": {"\\udfff": 1}'), "/attributes/\\udfff", "unicode"),
    ("NUL", raw('"account_id": "x\\u0000"'), "/account_id", "no_nul"),
    ("raw NUL", raw('"account_id": "\0"'), "", "json"),
    ("deep lists", b"[" * 100_000, "", "nesting"),
    ("deep lists that end", b"[" * 50_000 + b"]" * 50_000, "", "nesting"),
    ("deep objects", raw('"attributes": ' + '{"a":' * 30_000 + "1" + "}" * 30_000), "", "nesting"),
]


@pytest.mark.parametrize(
    ("body", "path", "rule"), [row[1:] for row in NOT_JSON], ids=[row[0] for row in NOT_JSON]
)
def test_score__refuses_what_is_not_json_of_one_meaning(
    client: Client, body: bytes, path: str, rule: str
) -> None:
    for route in ("/v1/score", "/v1/score/batch"):
        answer = client.post(route, content=body, headers=JSON)

        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (400, "not_json")
        assert {"path": path, "rule": rule} in [
            {k: e[k] for k in ("path", "rule")} for e in problem["errors"]
        ]
        assert answer.headers["content-type"] == "application/problem+json"
        Problem.model_validate_json(answer.content)


SECRET = "Erika-Mustermann-4711"

INVALID = [
    ("a list", [BODY], "", "model_type"),
    ("null", None, "", "model_type"),
    ("nothing in it", {}, "/lead_id", "missing"),
    ("unknown field", {**BODY, "leadId": SECRET}, "/leadId", "extra_forbidden"),
    ("id is a number", {**BODY, "lead_id": 5}, "/lead_id", "string_type"),
    ("id is empty", {**BODY, "lead_id": ""}, "/lead_id", "string_too_short"),
    ("id is endless", {**BODY, "lead_id": SECRET * 100}, "/lead_id", "string_too_long"),
    ("naive time", {**BODY, "created_at": "2026-05-01T08:00:00"}, "/created_at", "time"),
    ("only a date", {**BODY, "created_at": "2026-05-01"}, "/created_at", "time"),
    ("a number for a time", {**BODY, "created_at": 1777622400}, "/created_at", "time"),
    ("no time at all", {**BODY, "created_at": SECRET}, "/created_at", "time"),
    ("empty time", {**BODY, "as_of": ""}, "/as_of", "time"),
    ("year 0", {**BODY, "created_at": "0000-01-01T00:00:00Z"}, "/created_at", "time"),
    ("year 1", {**BODY, "created_at": "0001-01-01T00:00:00+14:00"}, "/created_at", "time_range"),
    ("year 9999", {**BODY, "as_of": "9999-12-31T23:59:59Z"}, "/as_of", "time_range"),
    ("beyond year 9999", {**BODY, "as_of": "9999-12-31T23:59:59-14:00"}, "/as_of", "time_range"),
    (
        "created after as_of",
        {**BODY, "created_at": "2026-05-20T08:00:00.000001Z"},
        "/created_at",
        "not_after_as_of",
    ),
    ("attributes are a list", {**BODY, "attributes": []}, "/attributes", "dict_type"),
    ("attributes are null", {**BODY, "attributes": None}, "/attributes", "dict_type"),
    ("attribute is a list", {**BODY, "attributes": {"x": [SECRET]}}, "/attributes/x", "attribute_value"),
    ("interactions are null", {**BODY, "interactions": None}, "/interactions", "list_type"),
    ("interaction is a text", {**BODY, "interactions": [SECRET]}, "/interactions/0", "dict_type"),
    (
        "no kind",
        {**BODY, "interactions": [VISIT, {"occurred_at": VISIT["occurred_at"]}]},
        "/interactions/1/kind",
        "missing",
    ),
    (
        "kind is empty",
        {**BODY, "interactions": [{**VISIT, "kind": ""}]},
        "/interactions/0/kind",
        "string_too_short",
    ),
    ("lead id spells a missing one", {**BODY, "lead_id": "NULL"}, "/lead_id", "missing_text"),
    (
        "kind spells a missing one",
        {**BODY, "interactions": [VISIT, {**VISIT, "kind": "n/a"}]},
        "/interactions/1/kind",
        "missing_text",
    ),
    (
        "account's kind spells a missing one",
        {**BODY, "account_interactions": [{**VISIT, "kind": "none"}]},
        "/account_interactions/0/kind",
        "missing_text",
    ),
    (
        "value is a text",
        {**BODY, "interactions": [{**VISIT, "value": "5"}]},
        "/interactions/0/value",
        "float_type",
    ),
    (
        "value is true",
        {**BODY, "interactions": [{**VISIT, "value": True}]},
        "/interactions/0/value",
        "float_type",
    ),
    (
        "other direction",
        {**BODY, "interactions": [{**VISIT, "direction": "up"}]},
        "/interactions/0/direction",
        "literal_error",
    ),
    (
        "account's naive time",
        {**BODY, "account_interactions": [{**VISIT, "available_at": "2026-05-01"}]},
        "/account_interactions/0/available_at",
        "time",
    ),
    ("horizon of zero", {**BODY, "horizon_days": 0}, "/horizon_days", "greater_than"),
    ("horizon of a text", {**BODY, "horizon_days": "30"}, "/horizon_days", "float_type"),
    ("horizon beyond the model", {**BODY, "horizon_days": 30.001}, "/horizon_days", "horizon_too_long"),
    ("as_of far ahead", {**BODY, "as_of": "2150-01-01T00:00:00Z"}, "/as_of", "not_ahead"),
    ("reasons below zero", {**BODY, "reasons": -1}, "/reasons", "reasons"),
    ("some reasons", {**BODY, "reasons": "some"}, "/reasons", "reasons"),
    ("true reasons", {**BODY, "reasons": True}, "/reasons", "reasons"),
]


@pytest.mark.parametrize(
    ("body", "path", "rule"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID]
)
def test_score__names_path_and_rule_and_not_the_value(
    client: Client, body: Any, path: str, rule: str
) -> None:
    answer = client.post("/v1/score", content=json.dumps(body).encode(), headers=JSON)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_body")
    assert (path, rule) in [(error["path"], error["rule"]) for error in problem["errors"]]
    assert SECRET not in answer.text
    Problem.model_validate(problem)


@pytest.mark.parametrize("reasons", [0, 3, "all"])
def test_score__of_a_horizon_below_every_double_fails_for_the_lead(client: Client, reasons: Any) -> None:
    answer = client.post("/v1/score", json={**BODY, "horizon_days": 5e-324, "reasons": reasons})

    assert (answer.status_code, answer.json()["status"]) == (200, "failed")


@pytest.mark.parametrize("body", [[], {}, {"leads": {}}, {"leads": [], "more": 1}, {"leads": None}])
def test_score_batch__refuses_another_envelope(client: Client, body: Any) -> None:
    assert client.post("/v1/score/batch", json=body).status_code == 422


def test_score__tells_at_most_twenty_faults(client: Client) -> None:
    answer = client.post("/v1/score", json={**BODY, "interactions": [5] * 1000})

    assert len(answer.json()["errors"]) == 20


@pytest.mark.parametrize("size", [1_048_577, 10 * 1_048_576])
def test_score__refuses_a_body_above_one_mebibyte(client: Client, size: int) -> None:
    async def unannounced() -> Any:
        for _ in range(0, size, 1024):
            yield b" " * 1024

    announced = client.post("/v1/score", content=b" " * size, headers=JSON)
    streamed = client.post("/v1/score", content=unannounced(), headers=JSON)

    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
        assert "1048576" in answer.json()["detail"]


def test_score__takes_a_body_of_one_mebibyte(client: Client) -> None:
    body = json.dumps(BODY).encode().ljust(1_048_576)

    assert client.post("/v1/score", content=body, headers=JSON).status_code == 200


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "", None]
)
def test_score__refuses_another_media_type(client: Client, media_type: str | None) -> None:
    headers = {} if media_type is None else {"Content-Type": media_type}

    answer = client.post("/v1/score", content=json.dumps(BODY).encode(), headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "media_type")


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_score__takes_json_by_any_spelling(client: Client, media_type: str) -> None:
    answer = client.post("/v1/score", content=json.dumps(BODY).encode(), headers={"Content-Type": media_type})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/score", 405, "method_not_allowed"),
        ("DELETE", "/livez", 405, "method_not_allowed"),
        ("GET", "/v1/none", 404, "not_found"),
        ("GET", "/%ff%00", 404, "not_found"),
    ],
)
def test_router__answers_with_problems_too(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
    assert (answer.headers.get("allow") is not None) == (status == 405)
    Problem.model_validate(answer.json())


class FailingModel:
    """Stands where the live model stands, and has a defect."""

    @property
    def predictor(self) -> Any:
        raise ZeroDivisionError(SECRET)


def test_score__answers_a_defect_without_telling_of_it(tmp_path: Path) -> None:
    with client_of(home_with(tmp_path, small_bundle())) as client:
        client.server.live = FailingModel()

        answer = client.post("/v1/score", json=BODY)

    assert (answer.status_code, answer.json()["code"]) == (500, "defect")
    assert SECRET not in answer.text
    Problem.model_validate(answer.json())


TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["", "2026-05-01T08:00:00Z", "inbound", "page_view", "DE", "\ud800"])
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3)
)
COLUMNS = ("available_at", "direction", "channel", "campaign", "value", "interaction_id")
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "lead_id": ANYTHING,
        "created_at": ANYTHING,
        "as_of": ANYTHING,
        "account_id": ANYTHING,
        "attributes": st.one_of(
            ANYTHING, st.dictionaries(st.sampled_from(["country", "has_budget", "x"]), ANYTHING)
        ),
        "interactions": st.one_of(
            ANYTHING,
            st.lists(
                st.fixed_dictionaries(
                    {"kind": ANYTHING, "occurred_at": ANYTHING},
                    optional=dict.fromkeys(COLUMNS, ANYTHING),
                ),
                max_size=3,
            ),
        ),
        "account_interactions": ANYTHING,
        "horizon_days": ANYTHING,
        "reasons": ANYTHING,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=FIELDS)
def test_score__no_body_gives_a_500(client: Client, fields: dict[str, Any]) -> None:
    # On top of a good body, so that single faults get far.
    content = json.dumps({**BODY, **fields}).encode("utf-8", "surrogatepass")

    answer = client.post("/v1/score", content=content, headers=JSON)

    assert answer.status_code in (200, 400, 422)


@settings(max_examples=300, deadline=None)
@given(content=st.binary(max_size=64))
def test_parse_json__takes_bytes_of_any_kind(content: bytes) -> None:
    try:
        # Given bytes, json.loads would guess UTF-16 and UTF-32 too.
        expected: object = json.loads(content.decode())
    except (ValueError, RecursionError):
        expected = NotJsonError

    try:
        parsed = parse_json(content)
    except NotJsonError:
        parsed = NotJsonError

    assert parsed == expected
