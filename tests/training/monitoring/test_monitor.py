from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import leadodds
from tests.support.builders import history_folder, lead, won
from tests.support.small_models import home_with, small_bundle

AS_OF = "2026-02-15T00:00:00Z"


def company(folder: Path, *, convert: float, leads_count: int = 2_000) -> Path:
    """Leads of day 0 of whom a share converts, evenly over days 10 to 40.

    A lead of another country, without budget, has logit -2 with the small bundle: 0.119 in 30 days.
    """
    chance = np.random.default_rng(5)
    leads = [
        lead(f"l{i:04d}", account_id=None, country="ZZ", has_budget=False, region=["north", "south"][i % 2])
        for i in range(leads_count)
    ]
    days = 10 + 30 * chance.random(leads_count)
    outcomes = [
        won(row["lead_id"], float(day))
        for row, day, fate in zip(leads, days, chance.random(leads_count), strict=True)
        if fate < convert and day < 45
    ]
    later = [lead(f"z{i}", 44.9, country="ZZ", has_budget=False, region=f"own {i}") for i in range(20)]
    return history_folder(folder / "history", [*leads, *later], [], outcomes)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = home_with(tmp_path / "home", small_bundle()).path
    monkeypatch.setenv("LEADODDS_HOME", str(folder))
    return folder


def score_at(tmp_path: Path, day: str) -> None:
    (tmp_path / "nights").mkdir(exist_ok=True)
    out = tmp_path / "nights" / f"{day}.parquet"
    command = ["score", str(tmp_path / "history"), "--out", str(out), "--as-of", f"{day}T00:00:00Z"]
    with pytest.raises(SystemExit, match=r"0|3"):
        leadodds.main([*command, "--quiet", "--workers", "1"])


def monitored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *options: str, code: int, until: str = AS_OF
) -> dict:
    command = ["monitor", str(tmp_path / "history"), "--scores", str(tmp_path / "nights"), "--as-of", until]
    with pytest.raises(SystemExit, match=str(code)):
        leadodds.main([*command, "--json", *options])
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("home")
def test_monitor__counts_scores_whose_horizon_is_not_over_as_far_as_they_have_come(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.12)
    score_at(tmp_path, "2026-01-11")

    found = monitored(tmp_path, capsys, code=0, until="2026-01-26T00:00:00Z")

    recent = found["expected_observed"]["recent"]
    # Half the horizon: 1 - (1 - 0.1192)^(1/2) of each lead.
    assert recent["expected"] == pytest.approx(2_000 * (1 - (1 - 0.119203) ** 0.5), rel=0.02)
    assert 0.7 < recent["ratio"]["value"] < 1.3
    assert (recent["complete_share"], found["expected_observed"]["last_complete"]) == (0.0, None)
    assert (found["champion"], found["verdict"]["action"]) == ("1", "wait")


@pytest.mark.usefixtures("home")
def test_monitor__exits_4_and_asks_for_a_level_shift_where_twice_as_many_convert(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.3)
    score_at(tmp_path, "2026-01-11")

    report = ("--report", str(tmp_path / "monitor.html"))
    found = monitored(tmp_path, capsys, *report, code=4, until="2026-02-05T00:00:00Z")

    assert found["verdict"]["action"] == "level shift"
    kept = json.loads((tmp_path / "home" / "monitor" / "latest.json").read_text())
    assert kept["verdict"] == found["verdict"]
    assert "surprises" not in json.dumps(kept)
    page = (tmp_path / "monitor.html").read_text()
    assert f'<p class="answer">{found["verdict"]["sentence"]}</p>' in page
    assert "Last horizon, so far" in page
    # No horizon is over and all scores are of one day: the weeks alone are drawn.
    assert page.count('<img src="data:image/png;base64,') == 1
    line = found["verdict"]["lines"][0]
    assert (line["rule"], line["state"]) == ("level", "crossed")
    assert line["low"] > line["most"] == 1.1


@pytest.mark.usefixtures("home")
def test_monitor__knows_nothing_that_became_known_after_its_moment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.3)
    score_at(tmp_path, "2026-01-11")
    score_at(tmp_path, "2026-02-10")

    found = monitored(tmp_path, capsys, code=0, until="2026-01-11T12:00:00Z")

    assert found["scores"]["compared"] == 2_000
    assert found["scores"]["not_begun"] > 0
    assert found["expected_observed"]["recent"]["observed"] <= 20


@pytest.mark.usefixtures("home")
def test_monitor__without_scores_says_what_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.1, leads_count=50)

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["monitor", str(tmp_path / "history")])

    assert "holds no scores of past nights. Name with --scores" in capsys.readouterr().err


def test_monitor__counts_scores_of_a_version_whose_bundle_is_gone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.12, leads_count=300)
    score_at(tmp_path, "2026-01-11")
    (home / "bundles" / "1").rename(tmp_path / "elsewhere")
    (home / "champion").unlink()

    found = monitored(tmp_path, capsys, code=0)

    assert found["scores"]["compared"] == 300
    assert "The bundle of version 1 is not in this home" in found["notes"][0]


def test_monitor__counts_scores_of_a_version_whose_bundle_is_damaged(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    company(tmp_path, convert=0.12, leads_count=300)
    score_at(tmp_path, "2026-01-11")
    for file in (home / "bundles" / "1").iterdir():
        file.write_bytes(file.read_bytes()[:10])

    found = monitored(tmp_path, capsys, code=0)

    assert found["scores"]["compared"] == 300
    assert "The bundle of version 1 is not in this home, or is damaged" in found["notes"][0]


@pytest.mark.usefixtures("home")
def test_monitor__compares_the_configured_groups(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    company(tmp_path, convert=0.12)
    (tmp_path / "history" / "history.toml").write_text('attributes.region.use = "protected"\n')
    score_at(tmp_path, "2026-01-06")
    (tmp_path / "leadodds.toml").write_text('fairness_attributes = ["region"]\n')
    monkeypatch.chdir(tmp_path)

    # Too few convert in the first days, which is flagged.
    report = ("--report", str(tmp_path / "monitor.html"))
    found = monitored(tmp_path, capsys, *report, code=4, until="2026-02-14T00:00:00Z")

    groups = found["fairness"]["region"]
    assert {name: group["leads"] for name, group in groups.items()} == {"north": 1_000, "south": 1_000}
    assert "<caption>By region</caption>" in (tmp_path / "monitor.html").read_text()
    assert all(group["ratio"]["low"] < 1.2 and group["ratio"]["high"] > 0.8 for group in groups.values())
