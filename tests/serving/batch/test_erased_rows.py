"""Erased leads leave everything: the tables of the service, and files and databases beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

import leadodds
from features.sources.connections import open_engine
from features.sources.service_tables import METADATA
from models.home.decisions import note_decision, read_decisions
from models.home.home import Home
from serving.database.schema import ALERT_FEED, ERASED_OTHERWISE, OF_A_LEAD
from tests.support.http_client import client_of
from tests.support.small_models import home_with, small_bundle

# Written out, because the tables are found by it.
MARKER = "marker-4711"


def test_of_a_lead__has_every_table_with_the_id_of_a_lead() -> None:
    tables = METADATA.tables.values()
    named = {table.name for table in tables if {"lead_id", "alias_id"} & {*table.c.keys()}}

    assert named == {table.name for table in (*OF_A_LEAD, *ERASED_OTHERWISE)}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home whose service erased a lead that files beside it still hold."""
    home = home_with(tmp_path / "home", small_bundle())
    monkeypatch.setenv("LEADODDS_HOME", str(home.path))
    with client_of(home) as client:
        for lead_id in ("kept-1", MARKER):
            client.put(f"/v1/leads/{lead_id}", json={"created_at": "2026-01-01T00:00:00Z"})
        with open_engine(f"sqlite:///{home.path / 'service.db'}").begin() as connection:
            place = {"steps": 1, "written": 1, "lead_id": MARKER, "model_version": "1", "verdicts": "[]"}
            connection.execute(sa.insert(ALERT_FEED).values(place))
        assert client.delete(f"/v1/leads/{MARKER}").status_code == 200
    return home.path


def _scores(*lead_ids: str) -> pa.Table:
    return pa.table({"lead_id": [*lead_ids], "probability": [0.25] * len(lead_ids)})


def _files_with(*places: Path) -> list[str]:
    files = [path for place in places for path in ([place] if place.is_file() else place.rglob("*"))]
    return [path.name for path in files if path.is_file() and MARKER.encode() in path.read_bytes()]


def test_forget__leaves_nothing_of_an_erased_lead_in_home_and_targets(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "scores_history").mkdir(exist_ok=True)
    pq.write_table(_scores("kept-1", MARKER), home / "scores_history" / "night.parquet")
    # A run that was killed while it kept its scores.
    pq.write_table(_scores(MARKER), home / "scores_history" / ".night.parquet.unfinished")
    (home / "monitoring.json").write_text(
        json.dumps({"surprises": [{"lead_id": MARKER}, {"lead_id": "kept-1"}]})
    )
    note_decision(
        Home(home), "retrain", None, reason=f"Calls of {MARKER}, and of kept-1, were wrong ({MARKER})."
    )
    parts, sheet = tmp_path / "parts", tmp_path / "scores.csv"
    parts.mkdir()
    pq.write_table(_scores("kept-1"), parts / "part-00000.parquet")
    pq.write_table(_scores(MARKER, "kept-2"), parts / "part-00001.parquet")
    sheet.write_text(f'lead_id,reasons\nkept-1,"two\nlines"\n{MARKER},"its\nown"\nkept-2,none\n')
    url = f"sqlite:///{tmp_path / 'analytics.db'}"
    with open_engine(url).begin() as connection:
        connection.execute(sa.text("create table scores (lead_id text, probability real)"))
        connection.execute(sa.text(f"insert into scores values ('{MARKER}', 0.2), ('kept-1', 0.3)"))
    monkeypatch.setenv("LEADODDS_SCORE_TARGETS", f"{parts},{sheet}")
    untouched = (parts / "part-00000.parquet").stat().st_ino

    with pytest.raises(SystemExit, match="0"):
        leadodds.main(["forget", url, "--json"])

    removed = json.loads(capsys.readouterr().out)["removed"]
    assert sorted(removed.values()) == [1, 1, 1, 1, 1, 2]
    assert read_decisions(Home(home))[0].reason == "Calls of erased, and of kept-1, were wrong (erased)."
    assert _files_with(home, parts, sheet, tmp_path / "analytics.db") == []
    assert sheet.read_text() == 'lead_id,reasons\nkept-1,"two\nlines"\nkept-2,none\n'
    assert pq.read_table(parts / "part-00001.parquet")["lead_id"].to_pylist() == ["kept-2"]
    assert (parts / "part-00000.parquet").stat().st_ino == untouched
    assert json.loads((home / "monitoring.json").read_text()) == {
        "surprises": [{"lead_id": "erased"}, {"lead_id": "kept-1"}]
    }


def test_forget__changes_nothing_where_nobody_was_erased(home: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "scores.csv"
    sheet.write_bytes(b"lead_id,band\r\nkept-1,A\r\n")

    with pytest.raises(SystemExit, match="0"):
        leadodds.main(["forget", str(sheet), "--quiet"])

    assert sheet.read_bytes() == b"lead_id,band\r\nkept-1,A\r\n"


def test_forget__refuses_a_target_that_is_not_there(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["forget", "nowhere.csv"])

    assert "nowhere.csv is not there" in capsys.readouterr().err
