"""What /metrics and the log say of requests, items, scores and the model, and whom they say nothing of."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from models.home.home import Home
from serving.clock import SteadyClock
from serving.http.error_stream import ERRORS
from serving.http.logs import JsonLines, RequestLog
from serving.keys.commands import create
from serving.scoring.live_model import LiveModel
from tests.support.builders import at
from tests.support.http_client import Client, client_of
from tests.support.servers import running_server
from tests.support.small_models import home_with, small_bundle
from tests.support.stores import HandClock, new_database, running_postgresql

SECRET = "Erika-Mustermann-4711"
LEAD = {"lead_id": SECRET, "created_at": "2026-05-01T08:00:00Z", "as_of": "2026-05-20T08:00:00Z"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path, small_bundle(), small_bundle(version="2"))


@pytest.fixture
def client(home: Home) -> Iterator[Client]:
    with client_of(home, clock=HandClock(at(10))) as client:
        yield client


def figures(client: Client) -> dict[str, float]:
    """Every sample, as `name{label="value"}`."""
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return {
        sample.name + "".join(f" {key}={value}" for key, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_metrics__count_requests_by_route_and_status(client: Client) -> None:
    for lead_id in ("a", SECRET):
        client.get(f"/v1/leads/{lead_id}")
    client.post("/v1/score", json=LEAD)
    client.post("/v1/score", json={})
    client.get("/nowhere")
    client.request("BREW", "/livez")

    values = figures(client)

    counts = {name: value for name, value in values.items() if name.startswith("leadodds_requests_total")}
    assert counts == {
        "leadodds_requests_total method=GET route=/v1/leads/{lead_id:path} status=404": 2,
        "leadodds_requests_total method=POST route=/v1/score status=200": 1,
        "leadodds_requests_total method=POST route=/v1/score status=422": 1,
        "leadodds_requests_total method=GET route=none status=404": 1,
        "leadodds_requests_total method=other route=/livez status=405": 1,
    }
    assert values["leadodds_request_seconds_count method=POST route=/v1/score"] == 2
    assert 0 < values["leadodds_request_seconds_sum method=POST route=/v1/score"] < 60


def test_metrics__of_items_add_up_to_what_was_received(client: Client) -> None:
    meeting = {"interaction_id": "1", "lead_id": "a", "kind": "k", "occurred_at": "2026-01-02T00:00:00Z"}
    items = [meeting, meeting, {**meeting, "kind": "other"}, {**meeting, "interaction_id": "2"}, 5]
    client.post("/v1/interactions", json={"source": "crm", "interactions": items})
    client.post("/v1/interactions", json={"source": "crm", "interactions": [meeting] * 1001})
    client.post("/v1/interactions", json={"batch": [{"type": "track"}, 7]})
    client.post("/v1/outcomes", json={"source": "crm", "outcomes": [None]})

    values = figures(client)

    def of(item: str) -> dict[str, float]:
        prefix = f"leadodds_items_total item={item} status="
        return {name.removeprefix(prefix): value for name, value in values.items() if name.startswith(prefix)}

    # Refused were the 5 of ours, and both of Segment's.
    assert of("interactions") == {"stored": 2, "duplicate": 1, "quarantined": 1, "refused": 3}
    assert of("outcomes") == {"stored": 0, "duplicate": 0, "quarantined": 0, "refused": 1}
    for item, received in (("interactions", 7), ("outcomes", 1)):
        assert values[f"leadodds_items_received_total item={item}"] == sum(of(item).values()) == received


def test_metrics__count_scores_and_the_time_of_their_features(client: Client) -> None:
    client.put("/v1/leads/a", json={"created_at": "2026-01-02T00:00:00Z"})
    client.post("/v1/score", json=LEAD)
    client.post("/v1/score/batch", json={"leads": [LEAD, 5]})
    client.get("/v1/leads/a/score")

    values = figures(client)

    scores = {name: value for name, value in values.items() if name.startswith("leadodds_scores_total")}
    assert scores == {
        "leadodds_scores_total route=request status=scored": 1,
        "leadodds_scores_total route=batch status=scored": 1,
        "leadodds_scores_total route=batch status=failed": 1,
        "leadodds_scores_total route=store status=scored": 1,
    }
    # Warming is not counted, nor a lead that got no features.
    assert values["leadodds_feature_seconds_count"] == 3
    assert 0 < values["leadodds_feature_seconds_sum"] < 60


def test_metrics__tell_of_the_model_and_of_one_that_was_refused(client: Client, home: Home) -> None:
    live: LiveModel = client.server.live
    before = figures(client)
    (home.bundle_folder("2") / "card.json").write_text("{}")
    home.swap_champion("2")
    live.refresh()

    after = figures(client)

    assert (before["leadodds_model_refused"], after["leadodds_model_refused"]) == (0, 1)
    assert before["leadodds_model_info model_version=1"] == after["leadodds_model_info model_version=1"] == 1
    since = {name: after[f"leadodds_model_{name}_seconds"] for name in ("age", "observed_age")}
    assert since["age"] == pytest.approx(since["observed_age"], abs=60)
    refused = client.get("/readyz").json()["refused"]
    assert refused["model_version"] == "2"
    assert refused["reason"] == "BundleFileError: the log of the server says more"

    home.swap_champion("1")
    live.refresh()

    assert figures(client)["leadodds_model_refused"] == 0


def test_metrics__tell_of_the_process(client: Client) -> None:
    assert figures(client)["process_resident_memory_bytes"] > 10_000_000


def test_request_log__has_the_id_and_nobodys_data(client: Client, capfd: pytest.CaptureFixture[str]) -> None:
    headers = {"X-Request-ID": "crm-42"}
    client.get(f"/v1/leads/{SECRET}?{SECRET}={SECRET}", headers=headers)
    client.put(f"/v1/leads/{SECRET}", json={"created_at": SECRET})
    client.post("/v1/score", json={**LEAD, "leadId": SECRET}, headers={"X-Request-ID": SECRET + "\x7f"})
    client.get("/livez")
    client.server.access.keys.refresh()
    client.server.log.flush()
    assert ERRORS.flush(seconds=10)

    log = capfd.readouterr().err

    lines = [json.loads(line) for line in log.splitlines()]
    assert [(line["route"], line["status"]) for line in lines] == [
        ("/v1/leads/{lead_id:path}", 422),
        ("/v1/leads/{lead_id:path}", 422),
        ("/v1/score", 422),
    ]
    assert lines[0]["request_id"] == "crm-42"
    assert SECRET not in log


def test_request_log__writes_many_lines_at_once() -> None:
    written: list[bytes] = []
    log = RequestLog(write=written.append)

    async def tell() -> None:
        for number in range(3):
            log.add({"request_id": number})
        log.flush()
        log.flush()

    asyncio.run(tell())

    assert written == [b'{"request_id":0}\n{"request_id":1}\n{"request_id":2}\n']


def test_json_lines__tells_where_an_error_was_met_and_not_what_it_said() -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        given: Any = (type(error), error, error.__traceback__)
    record = logging.LogRecord("leadodds", logging.ERROR, "x", 1, "a defect of %s", ("ours",), given)
    record.request_id = "crm-42"

    text = JsonLines().format(record)

    line = json.loads(text)
    assert SECRET not in text
    assert (line["message"], line["error"], line["request_id"]) == (
        "a defect of ours",
        "ValueError",
        "crm-42",
    )
    assert "test_json_lines" in line["met_at"][-1]


class FailingModel:
    """Stands where the live model stands, and has a defect."""

    @property
    def predictor(self) -> Any:
        raise ZeroDivisionError(SECRET)


def test_middleware__logs_a_defect_without_what_was_sent(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    client.server.live = FailingModel()

    answer = client.post("/v1/score", json=LEAD, headers={"X-Request-ID": "crm-42"})

    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "crm-42"
    (record,) = caplog.records
    line = JsonLines().format(record)
    assert json.loads(line)["error"] == "ZeroDivisionError"
    assert json.loads(line)["request_id"] == "crm-42"
    assert SECRET not in line


@pytest.mark.all
def test_metrics__of_several_workers_are_summed_by_each_of_them(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", small_bundle())
    with running_postgresql() as database:
        # A key is needed by all workers alike, and made where they look for it.
        url = new_database(database, tmp_path)
        os.environ["LEADODDS_DATABASE"] = url
        try:
            key = create("crm", "admin", home=home.path, now=SteadyClock()())["key"]
        finally:
            del os.environ["LEADODDS_DATABASE"]
        with running_server(home, "--workers", "2", database=url, drain_seconds=0) as server:
            headers = {"X-API-Key": key}
            for _ in range(40):
                # Each on a connection of its own, so that both workers get some.
                assert httpx.post(f"{server.url}/v1/score", json=LEAD, headers=headers).status_code == 200
            texts = [httpx.get(f"{server.url}/metrics", headers=headers).text for _ in range(6)]
            without = httpx.get(f"{server.url}/metrics")

    for text in texts:
        assert 'leadodds_requests_total{method="POST",route="/v1/score",status="200"} 40.0' in text
        assert 'leadodds_scores_total{route="request",status="scored"} 40.0' in text
        assert 'leadodds_model_info{model_version="1"} 1.0' in text
    assert without.status_code == 401
