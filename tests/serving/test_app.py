"""The service: its answers, its model while it changes, and what its process does not carry."""

from __future__ import annotations

import asyncio
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import leadodds
from models.errors import BundleError, NoChampionError
from models.home.home import Home
from serving.access_errors import KeylessHostError
from serving.app import api_routes
from serving.http.middleware import check_keyless_host
from serving.http.openapi.operation_answers import Liveness, Readiness
from serving.http.openapi.problem_answers import Problem
from serving.http.openapi.score_answers import BatchAnswer, ScoreAnswer
from serving.http.route_scopes import TRACKING
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.live_model import LiveModel
from serving.scoring.notes import NO_ACCOUNT_NOTE
from serving.server import serve
from serving.settings import SettingsError
from tests.support.http_client import Client, client_of
from tests.support.servers import RunningServer, free_port, wait_until_alive
from tests.support.small_models import home_with, small_bundle

BODY: dict[str, Any] = {
    "lead_id": "L-1",
    "created_at": "2026-05-01T08:00:00Z",
    "as_of": "2026-05-20T12:00:00+02:00",
    "attributes": {"country": "DE", "has_budget": True, "of no use": [None][0]},
    "interactions": [
        {"kind": "meeting_held", "occurred_at": "2026-05-02T08:00:00Z", "room": {"floor": 2}},
        {"kind": "meeting_held", "occurred_at": "2026-05-20T10:00:00.000001Z"},
    ],
}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with client_of(home_with(tmp_path, small_bundle())) as client:
        yield client


def holds(schema: type[BaseModel], answer: Any) -> None:
    """Holds an answer against what OpenAPI says of it."""
    schema.model_validate_json(json.dumps(answer))


def test_score__answers_what_anyone_can_compute(client: Client) -> None:
    answer = client.post("/v1/score", json=BODY).json()

    # -2 + one meeting known by then 1 + DE 0.5 + budget 0.25
    assert answer["probability"] == pytest.approx(1 / (1 + math.exp(0.25)), abs=1e-12)
    assert answer["base_log_odds"] == pytest.approx(-2.0, abs=1e-12)
    assert answer["as_of"] == "2026-05-20T10:00:00Z"
    assert answer["status"] == "scored"
    assert answer["rank"] is None
    assert answer["reasons"][:2] == [
        {
            "feature": "meetings_count",
            "label": "Meetings held",
            "value": "1",
            "points": pytest.approx(1.0),
            "direction": "raises",
        },
        {
            "feature": "country",
            "label": "Country",
            "value": "DE",
            "points": pytest.approx(0.5),
            "direction": "raises",
        },
    ]
    assert answer["curve"] == [{"days": 30.0, "probability": answer["probability"]}]
    assert [name for name in answer if name not in ("notes", "request_id")] == list(SCORE_COLUMNS)
    holds(ScoreAnswer, answer)


def test_score__without_as_of_is_now(client: Client) -> None:
    before = time.time()

    answer = client.post("/v1/score", json={**BODY, "as_of": None}).json()

    assert answer["as_of"] == answer["scored_at"]
    assert abs(_epoch(answer["as_of"]) - before) < 60


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize(("requested", "named"), [(0, 0), (1, 1), (None, 3), ("all", 3)])
def test_score__names_as_many_reasons_as_requested_and_the_rest(
    client: Client, requested: int | str | None, named: int
) -> None:
    body = BODY if requested is None else {**BODY, "reasons": requested}

    reasons = client.post("/v1/score", json=body).json()["reasons"]

    assert len(reasons) == named + 1
    assert reasons[-1]["feature"] == "other"
    # Meeting 1 + DE 0.5 + budget 0.25, however many are named.
    assert sum(reason["points"] for reason in reasons) == pytest.approx(1.75, abs=1e-9)


def test_score__with_a_shorter_horizon_says_so(client: Client) -> None:
    month, half = (client.post("/v1/score", json={**BODY, "horizon_days": days}).json() for days in (30, 15))

    assert half["horizon_days"] == 15.0
    assert half["probability"] < month["probability"]


def test_score__notes_that_the_account_was_not_sent(client: Client) -> None:
    visit = {"kind": "page_view", "occurred_at": "2026-05-03T08:00:00Z"}

    bodies = [BODY, {**BODY, "account_id": "A"}, {**BODY, "account_id": "A", "account_interactions": [visit]}]
    alone, without, with_account = (client.post("/v1/score", json=body).json() for body in bodies)

    assert (alone["notes"], without["notes"], with_account["notes"]) == ([], [NO_ACCOUNT_NOTE], [])
    assert alone["probability"] == without["probability"] < with_account["probability"]


def test_score__counts_an_interaction_sent_twice_once(client: Client) -> None:
    meeting = {"kind": "meeting_held", "occurred_at": "2026-05-02T08:00:00Z", "interaction_id": "7"}

    once, twice = (
        client.post("/v1/score", json={**BODY, "interactions": [meeting] * times}).json() for times in (1, 2)
    )

    assert once["probability"] == twice["probability"]


def test_score__gives_the_id_it_was_given(client: Client) -> None:
    given = client.post("/v1/score", json=BODY, headers={"X-Request-ID": "crm-42"})
    odd = client.post("/v1/score", json=BODY, headers={"X-Request-ID": "a b\x7f"})

    assert given.json()["request_id"] == given.headers["X-Request-ID"] == "crm-42"
    assert len(odd.json()["request_id"]) == 32


def test_score_batch__judges_each_lead_by_itself(client: Client) -> None:
    late = {**BODY, "lead_id": "late", "created_at": "2026-06-01T00:00:00Z"}
    leads = [BODY, {"lead_id": "naive", "created_at": "2026-05-01"}, late, 5]

    answered = client.post("/v1/score/batch", json={"leads": leads})

    answer = answered.json()
    first, naive, late_one, five = answer["scores"]
    alone = client.post("/v1/score", json=BODY).json()
    assert answered.status_code == 200
    assert first["probability"] == alone["probability"]
    assert [score["status"] for score in answer["scores"]] == ["scored", "failed", "failed", "failed"]
    assert [score["lead_id"] for score in answer["scores"]] == ["L-1", "naive", "late", None]
    assert naive["errors"][0]["path"] == "/created_at"
    assert late_one["errors"][0]["rule"] == "not_after_as_of"
    assert five["errors"][0]["path"] == ""
    holds(BatchAnswer, answer)


@pytest.mark.parametrize(("count", "status"), [(0, 200), (200, 200), (201, 422)])
def test_score_batch__takes_up_to_200_leads(client: Client, count: int, status: int) -> None:
    body = {"leads": [{"lead_id": "a", "created_at": "2026-05-01T00:00:00Z"}] * count}

    assert client.post("/v1/score/batch", json=body).status_code == status


def test_model__gives_the_card_of_what_answers(client: Client) -> None:
    answer = client.get("/v1/model").json()

    assert answer["model_version"] == "1"
    assert answer["horizon_days"] == 30.0
    assert answer["bands"][0] == {"name": "A", "at_least": 0.4}
    assert answer["request_id"]


def test_livez__and_readyz_answer(client: Client) -> None:
    before = client.get("/readyz").json()
    client.put("/v1/leads/a", json={"created_at": "2026-01-01T00:00:00Z"})
    client.server.staleness.refresh()
    alive, ready = client.get("/livez").json(), client.get("/readyz").json()

    assert (alive["status"], ready["status"], ready["model_version"]) == ("alive", "ready", "1")
    assert ready["refused"] is None
    assert before["scores"] is None
    assert ready["scores"] == {"oldest_as_of": None, "leads_pending": 1}
    holds(Liveness, alive)
    holds(Readiness, ready)


def test_openapi__describes_every_body_answer_and_problem(client: Client) -> None:
    described = client.get("/openapi.json").json()

    schemas = described["components"]["schemas"]
    assert set(described["paths"]) == {
        *("/v1/model/terms", "/v1/score", "/v1/score/batch", "/v1/model", "/livez", "/readyz", "/metrics"),
        *("/v1/leads/{lead_id}", "/v1/leads/{lead_id}/score", "/v1/interactions", "/v1/outcomes"),
        *("/v1/aliases", "/v1/hooks/{crm}/{token}"),
        *(
            "/v1/model/versions",
            "/v1/model/monitor",
            "/v1/leads",
            "/v1/leads/scores",
            "/v1/leads/{lead_id}/life",
            "/v1/scores",
            "/v1/scores/events",
            "/v1/quarantine",
            "/v1/health",
        ),
        *TRACKING,
    }
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["operationId"]
            for reference in _references(operation):
                assert reference.removeprefix("#/components/schemas/") in schemas
    assert set(_references(schemas)) <= {f"#/components/schemas/{name}" for name in schemas}
    example = schemas["ScoreRequest"]["examples"][0]
    assert client.post("/v1/score", json=example).status_code == 200
    assert client.post("/v1/score/batch", json={"leads": [example]}).json()["scores"][0]["status"] == "scored"


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from [part["$ref"]] if "$ref" in part else []
        for member in part.values():
            yield from _references(member)
    elif isinstance(part, list):
        for member in part:
            yield from _references(member)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:9", "127.0.0.1", "127.0.0.1:8000", "[::1]", "[::1]:1"]
)
def test_middleware__answers_this_machine(client: Client, host: str) -> None:
    assert client.get("/livez", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["example.org", "localhost.evil.org", "127.0.0.1.evil.org", "localhost:", "[::1]x", "", "a@localhost"],
)
@pytest.mark.parametrize("path", ["/livez", "/v1/model", "/openapi.json", "/nowhere"])
def test_middleware__refuses_another_host(client: Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host})

    assert (answer.status_code, answer.json()["code"]) == (421, "host")
    holds(Problem, answer.json())


@pytest.mark.parametrize(
    "header",
    [
        *("Forwarded", "Via", "X-Forwarded-For", "x-forwarded-host", "X-Forwarded-Proto", "X-Real-IP"),
        *("X-Forwarded-Prefix", "X-Forwarded-Ssl", "CF-Connecting-IP", "X-Original-URL", "CDN-Loop"),
        *(
            "X_Forwarded_For",
            "CF-Ray",
            "X-Original-Host",
            "X-Amz-Cf-Id",
            "WL-Proxy-Client-IP",
            "X-Rewrite-URL",
        ),
    ],
)
def test_middleware__without_a_key_refuses_what_a_proxy_passed_on(client: Client, header: str) -> None:
    # nginx names the server it passes a request on to as the Host.
    answer = client.get("/v1/model", headers={"Host": "127.0.0.1:8000", header: "203.0.113.7"})

    assert (answer.status_code, answer.json()["code"]) == (421, "forwarded")
    holds(Problem, answer.json())


def test_api_routes__begins_with_what_is_asked_most() -> None:
    paths = [getattr(route, "path", None) for route in api_routes()]

    assert paths[:2] == ["/v1/score", "/v1/leads/{lead_id:path}/score"]
    assert len({*paths[:2]} & {*paths[2:]}) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.5", "::1", "[::1]", "localhost"])
def test_check_keyless_host__lets_loopback_pass(host: str) -> None:
    check_keyless_host(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.4", "example.org", "", "127.0.0.1.nip.io"])
def test_serve__refuses_to_be_reachable_without_a_key(tmp_path: Path, host: str) -> None:
    with pytest.raises(KeylessHostError, match="no key") as refused:
        serve(home=tmp_path, host=host)

    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("LEADODDS_HOST", "0.0.0.0", "'0.0.0.0' is not a loopback"),
        ("LEADODDS_PORT", "70000", "LEADODDS_PORT"),
        ("LEADODDS_WORKERS", "2", "LEADODDS_WORKERS"),
        ("LEADODDS_MODEL", "17", "17"),
    ],
)
def test_serve__takes_what_the_command_does_not_say_from_the_environment(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    fault: str,
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(tmp_path))
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["serve"])

    assert fault in capsys.readouterr().err


def test_serve__listens_where_the_command_says_and_not_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADODDS_HOST", "127.0.0.1")

    with pytest.raises(KeylessHostError, match=r"'0\.0\.0\.0'"):
        serve(home=tmp_path, host="0.0.0.0")


def test_serve__refuses_to_start_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(NoChampionError, match="No version has been promoted"):
        serve(home=tmp_path)


@pytest.mark.parametrize(
    ("name", "value"), [("LEADODDS_POLL_SECONDS", "never"), ("LEADODDS_BODY_LIMIT_BYTES", "1")]
)
def test_serve__refuses_a_setting_it_cannot_run_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name) as refused:
        serve(home=home_with(tmp_path, small_bundle()).path)

    assert refused.value.exit_code == 2


def test_refresh__follows_the_pointer(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle(), small_bundle(average=-1.0, version="2"))
    live = LiveModel(home)
    first = live.predictor

    home.swap_champion("2")
    live.refresh()

    assert (first.model_version, live.predictor.model_version) == ("1", "2")
    assert live.refusal is None


def test_refresh__keeps_a_predictor_that_has_not_changed(tmp_path: Path) -> None:
    live = LiveModel(home_with(tmp_path, small_bundle()))
    first = live.predictor

    live.refresh()

    assert live.predictor is first


@pytest.mark.parametrize("damage", ["changed", "gone", "nonsense", "deleted"])
def test_refresh__refuses_a_damaged_bundle_while_the_old_one_answers(tmp_path: Path, damage: str) -> None:
    home = home_with(tmp_path, small_bundle(), small_bundle(version="2"))
    with client_of(home) as client:
        live: LiveModel = client.server.live
        home.swap_champion("2")
        _damage(home, damage)

        live.refresh()

        ready, scored = client.get("/readyz"), client.post("/v1/score", json=BODY)
        assert ready.status_code == scored.status_code == 200
        assert scored.json()["model_version"] == ready.json()["model_version"] == "1"
        assert ready.json()["refused"]["reason"]
        holds(Readiness, ready.json())


def _damage(home: Home, damage: str) -> None:
    card = home.bundle_folder("2") / "card.json"
    if damage == "changed":
        card.write_text(card.read_text().replace("30", "31"))
    elif damage == "gone":
        card.unlink()
    elif damage == "deleted":
        shutil.rmtree(home.bundle_folder("2"))
    else:
        home.champion_file.write_bytes(b"\xff../../etc\n")


def test_refresh__takes_a_version_whose_files_arrive_late(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2"))
    live = LiveModel(home)
    home.swap_champion("2")
    folder = home.bundle_folder("2")
    folder.rename(tmp_path / "underway")
    live.refresh()
    refused = live.refusal

    (tmp_path / "underway").rename(folder)
    live.refresh()

    assert refused is not None
    assert refused.version == "2"
    assert (live.predictor.model_version, live.refusal) == ("2", None)


def test_live_model__with_a_model_of_its_own_never_changes(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle(), small_bundle(version="2"))
    live = LiveModel(home, model="2")

    home.swap_champion("1")
    asyncio.run(asyncio.wait_for(live.follow(poll_seconds=0.01), timeout=5))

    assert live.predictor.model_version == "2"


def test_live_model__is_refused_at_the_start_when_damaged(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle(version="2"))
    _damage(home, "changed")

    with pytest.raises(BundleError, match=r"card\.json"):
        LiveModel(home)


# A process of its own: what follows is about what is loaded, and about time.
SERVER = "import sys; from pathlib import Path; from serving.server import serve; "
HEAVY = (
    *("mlflow", "sklearn", "pandas", "matplotlib", "pyspark", "training", "duckdb", "joblib", "scipy"),
    *("alembic", "pyarrow.parquet", "pyarrow.csv", "pyarrow.compute"),
    # The readers of tables.
    *("features.sources.open_source", "features.tables.table_reader"),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[Home, str]]:
    home = home_with(tmp_path, small_bundle(), small_bundle(average=-1.0, version="2"))
    port = free_port()
    # At its end the process prints which of these modules it had loaded.
    code = (
        f"{SERVER}import atexit; atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules])); "
        f"serve(home=Path({str(tmp_path)!r}), port={port})"
    )
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=root,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until_alive(RunningServer(process, port))
        yield home, url
    finally:
        process.send_signal(signal.SIGINT)
        loaded, log = process.communicate(timeout=60)
    assert loaded.strip() == "[]", "modules that a server has no use for"
    assert process.returncode == 0, log


def _ask(url: str, path: str, body: Any = None) -> Any:
    sent = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, sent, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_server__exchanges_models_within_two_seconds_and_loads_nothing_heavy(
    server: tuple[Home, str],
) -> None:
    home, url = server
    assert _ask(url, "/v1/score", BODY)["model_version"] == "1"

    home.swap_champion("2")
    swapped = time.monotonic()
    versions = []
    while time.monotonic() < swapped + 2 and "2" not in versions:
        answer = _ask(url, "/v1/score", BODY)
        versions.append(answer["model_version"])
        # Its log goes to a pipe that is read at the end, and holds 64 KiB.
        time.sleep(0.01)
        # Never mixed: version 1 has the base -2, version 2 the base -1.
        assert answer["base_log_odds"] == pytest.approx({"1": -2.0, "2": -1.0}[answer["model_version"]])

    assert versions[-1] == "2"
    assert _ask(url, "/readyz")["model_version"] == "2"
