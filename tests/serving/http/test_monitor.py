"""What the monitor found, as the server shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.home.latest_monitor import read_latest, write_latest
from serving.http.openapi.model_answers import MonitorAnswer
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle

COHORT: dict[str, Any] = {
    "name": "the last horizon",
    "scores": 100,
    "expected": 12.5,
    "observed": 25,
    "ratio": {"value": 2.0, "low": 1.5, "high": 2.6, "n": 100},
    "complete_share": 0.0,
}
FOUND: dict[str, Any] = {
    "as_of": "2026-01-05T00:00:00Z",
    "observed_until": "2026-01-04T00:00:00Z",
    "horizon_days": 30.0,
    "verdict": {
        "action": "level shift",
        "flagged": True,
        "sentence": "level shift: twice as many.",
        "lines": [{"rule": "level", "state": "crossed"}, {"rule": "slope", "state": "within"}],
    },
    "expected_observed": {"recent": COHORT, "last_complete": None, "by": {"version": [COHORT]}},
}


def test_monitor__is_null_until_it_ran_and_then_what_it_found(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    with client_of(home) as client:
        before = client.get("/v1/model/monitor").json()
        write_latest(home, FOUND)

        answer = client.get("/v1/model/monitor")

    assert before["monitor"] is None
    assert answer.json()["monitor"] == FOUND
    MonitorAnswer.model_validate_json(answer.text)


def test_metrics__show_what_the_monitor_found(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    with client_of(home) as client:
        before = client.get("/metrics").text
        write_latest(home, FOUND)

        lines = client.get("/metrics").text.splitlines()

    assert "leadodds_monitor" not in before
    assert 'leadodds_monitor_flagged{action="level shift"} 1.0' in lines
    assert 'leadodds_monitor_crossed{rule="level"} 1.0' in lines
    assert "leadodds_monitor_expected_conversions 12.5" in lines
    assert "leadodds_monitor_observed_conversions 25.0" in lines
    assert any(line.startswith("leadodds_monitor_age_seconds ") for line in lines)


def test_read_latest__of_a_damaged_file_is_none(tmp_path: Path) -> None:
    home = home_with(tmp_path, small_bundle())
    home.monitor_file.parent.mkdir()
    for text in ("{", "[]", '{"verdict": 1}'):
        home.monitor_file.write_text(text)

        assert read_latest(home) is None
