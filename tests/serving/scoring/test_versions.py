"""The versions of a home over HTTP: metrics, promotions, and damaged bundles."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.bundle.format import CARD_FILE
from models.home.decisions import note_decision, user_name
from models.home.home import Home
from serving.http.openapi.model_answers import VersionsAnswer
from serving.scoring.versions import MOST_DECISIONS, MOST_VERSIONS, describe_versions
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle

FIGURE = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 400}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_with(tmp_path, small_bundle(metrics={"auc": FIGURE}), small_bundle(version="2"))


def test_versions__are_listed_with_figures_and_promotions(home: Home) -> None:
    home.swap_champion("2")
    with client_of(home) as client:
        home.swap_champion("1")
        answer = client.get("/v1/model/versions")

    described = VersionsAnswer.model_validate_json(answer.text)
    second, first = described.versions
    assert (described.champion, described.answering, described.versions_left_out) == ("1", "2", 0)
    assert (first.model_version, second.model_version) == ("1", "2")
    assert first.metrics["auc"].model_dump() == FIGURE
    assert (len(first.promoted_at), len(second.promoted_at)) == (2, 1)
    assert first.promoted_at[0] >= second.promoted_at[0] >= first.promoted_at[1]


def test_versions__a_damaged_version_hides_no_other(home: Home) -> None:
    with client_of(home) as client:
        (home.bundle_folder("2") / CARD_FILE).write_text("{}")
        described = VersionsAnswer.model_validate_json(client.get("/v1/model/versions").text)

    second, first = described.versions
    assert second.fault is not None
    assert "card.json has the digest" in second.fault
    assert str(home.path) not in second.fault
    assert (second.created_at, first.fault) == (None, None)


def test_answer_versions__a_changed_past_stops_nothing_else(home: Home) -> None:
    home.past_champions_file.write_text("{")
    with client_of(home) as client:
        assert client.get("/v1/model/versions").status_code == 500
        assert client.get("/v1/model").status_code == 200


def test_describe_versions__lists_the_newest_and_the_version_in_use(tmp_path: Path) -> None:
    versions = [small_bundle(version=str(number)) for number in range(1, MOST_VERSIONS + 4)]
    home = home_with(tmp_path, *versions)

    described = describe_versions(home, in_use="2")

    listed = [version["model_version"] for version in described["versions"]]
    assert listed == [str(number) for number in range(MOST_VERSIONS + 3, 3, -1)] + ["2"]
    assert described["versions_left_out"] == 2


def test_versions__say_who_decided_what_when_and_why(home: Home) -> None:
    # A line separator that JSON leaves as it is, and bytes of an argument that are no UTF-8.
    note_decision(home, "promote", "2", at=0, reason="Better\u2028by far \udcff")
    home.swap_champion("2")
    note_decision(home, "retrain", None, at=1_000_000)
    note_decision(home, "rollback", "1", at=2_000_000, reason="killed")
    with client_of(home) as client:
        described = VersionsAnswer.model_validate_json(client.get("/v1/model/versions").text)

    told = [(one.action, one.version, one.before, one.reason, one.done) for one in described.decisions]
    assert told == [
        ("rollback", "1", "2", "killed", False),
        ("retrain", None, "2", "", True),
        ("promote", "2", "1", "Better\u2028by far ?", True),
    ]
    assert described.decisions[1].at == "1970-01-01T00:00:01Z"
    assert {one.by for one in described.decisions} == {user_name()}
    assert described.decisions_left_out == 0


def test_describe_versions__lists_the_latest_decisions(home: Home) -> None:
    for second in range(MOST_DECISIONS + 3):
        note_decision(home, "retrain", None, at=second * 1_000_000)

    described = describe_versions(home, in_use="1")

    assert len(described["decisions"]) == MOST_DECISIONS
    assert described["decisions"][0]["at"] == "1970-01-01T00:00:52Z"
    assert described["decisions_left_out"] == 3
