"""What a clock runs: every decision is explained and kept, and the champion stays whatever fails."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import leadodds
from features.errors import LeadOddsError
from features.times import US_PER_DAY
from models.home.decisions import read_decisions
from models.home.home import Home
from models.registry.registry import open_registry
from tests.support.builders import at
from tests.support.small_business import CONFIG, small_business, write_business
from tests.support.small_models import home_with, small_bundle
from training import retrain as retraining
from training.config import TrainingConfig
from training.promotion.gate import Verdict
from training.retrain import RetrainingRunsError, retrain


class FakeOutcome(SimpleNamespace):
    """A training that took no time."""

    def summary(self) -> dict[str, Any]:
        return {"model_version": self.model_version, "promoted": self.is_promoted}

    def __str__(self) -> str:
        return f"Version {self.model_version}"


def fake_train(home: Home, *, may_win: bool) -> Any:
    def train(source: str, **options: Any) -> FakeOutcome:
        assert (source, options["promote"]) == ("HISTORY", True)
        if may_win:
            home.swap_champion("2")
        sentence = "Every rule holds." if may_win else "The champion stays: slope failed."
        verdict = Verdict((), may_win, sentence)
        return FakeOutcome(model_version="2", is_promoted=may_win, refused=not may_win, verdict=verdict)

    return train


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = home_with(tmp_path / "home", small_bundle(), small_bundle(version="2", average=-1.0))
    monkeypatch.setenv("LEADODDS_HOME", str(home.path))
    monkeypatch.setattr(retraining, "train", fake_train(home, may_win=True))
    return home


def advise(monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    verdict = SimpleNamespace(action=action, sentence=f"{action}: the level is 1.3.")
    monkeypatch.setattr(retraining, "monitor", lambda *_, **__: SimpleNamespace(verdict=verdict))


def run(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any]:
    try:
        leadodds.main(["retrain", "HISTORY", "--json", *options])
        code = 0
    except SystemExit as ended:
        code = int(ended.code or 0)
    return code, json.loads(capsys.readouterr().out or "null")


def test_retrain__on_schedule_promotes_and_says_so(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, printed = run(capsys)

    assert (code, printed["champion"], printed["before"], printed["action"]) == (0, "2", "1", None)
    assert printed["decision"] == ("Version 2 was trained (on schedule) and answers now. Every rule holds.")
    assert read_decisions(home)[0].reason == printed["decision"]


def test_retrain__refused_by_the_gate_exits_4(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retraining, "train", fake_train(home, may_win=False))

    code, printed = run(capsys)

    assert (code, printed["champion"], printed["training"]["promoted"]) == (4, "1", False)
    assert printed["decision"].endswith("refused, version 1 stays. The champion stays: slope failed.")


@pytest.mark.parametrize(
    ("action", "champion"), [("wait", "1"), ("level shift", "2"), ("retrain", "2"), ("roll back", "2")]
)
def test_retrain__when_needed_follows_the_monitor(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    action: str,
    champion: str,
) -> None:
    advise(monkeypatch, action)

    code, printed = run(capsys, "--when-needed")

    assert (code, printed["champion"], printed["action"]) == (0, champion, action)
    assert f"the monitor says: {action}: the level is 1.3." in printed["decision"]
    assert read_decisions(home)[0].action == "retrain"


def test_retrain__when_needed_awaits_a_week_of_new_data_after_a_refusal(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retraining, "train", fake_train(home, may_win=False))
    advise(monkeypatch, "retrain")

    def trained_after(days: float) -> tuple[bool, str]:
        now = read_decisions(home)[-1].at + round(days * US_PER_DAY) if days else time.time_ns() // 1_000
        outcome = retrain("HISTORY", home=home.path, config=TrainingConfig(), now=now, when_needed=True)
        return outcome.refused, outcome.sentence

    assert trained_after(0)[0]
    is_trained, sentence = trained_after(6.9)
    assert not is_trained
    assert sentence.startswith("Not needed, version 1 stays: version 2 was refused at ")
    assert sentence.endswith("the monitor says: retrain: the level is 1.3.")
    assert trained_after(7)[0]
    assert not trained_after(1)[0]
    # Nothing was refused beside another champion; and a fixed schedule trains whatever was refused.
    home.swap_champion("2")
    assert trained_after(1)[0]
    home.swap_champion("1")
    assert retrain("HISTORY", home=home.path, config=TrainingConfig(), now=time.time_ns() // 1_000).refused


def test_retrain__that_fails_leaves_the_champion_and_its_reason(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise LeadOddsError("The history has no outcomes.")

    monkeypatch.setattr(retraining, "train", fails)

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["retrain", "HISTORY"])

    assert home.champion() == "1"
    assert read_decisions(home)[0].reason == "Failed, version 1 stays: The history has no outcomes."


def test_retrain__two_at_once_are_refused(home: Home) -> None:
    handle = os.open(home.path / "retrain.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)

    with pytest.raises(RetrainingRunsError, match="Another retraining is at work") as refused:
        retrain("HISTORY", home=home.path, config=TrainingConfig(), now=at(0))

    os.close(handle)
    assert refused.value.exit_code == 2
    retrain("HISTORY", home=home.path, config=TrainingConfig(), now=at(0))


@pytest.mark.all
def test_retrain__of_a_real_history_keeps_the_verdict_as_a_table(tmp_path: Path) -> None:
    company = write_business(tmp_path / "history", small_business())
    registry = open_registry(tmp_path / "home")

    outcome = retrain(str(company), home=tmp_path / "home", config=CONFIG, now=at(5_000), when_needed=True)

    assert outcome.training is not None
    assert registry.champion() == outcome.champion == outcome.training.model_version
    found = registry.client.get_run(outcome.training.run_id).data.tags
    assert found["leadodds.decision"] == "promoted"
    assert json.loads(found["mlflow.loggedArtifacts"]) == [{"path": "gate.json", "type": "table"}]
    gate = json.loads(
        Path(registry.client.download_artifacts(outcome.training.run_id, "gate.json")).read_text()
    )
    assert [row[0] for row in gate["data"]] == [row.rule for row in outcome.training.verdict.rows]
    assert gate["columns"][0] == "rule"
    promoted, retrained = sorted(read_decisions(Home(tmp_path / "home")), key=lambda each: each.action)
    assert (promoted.action, retrained.action) == ("promote", "retrain")
    assert "no version answers yet" in promoted.reason
    shutil.rmtree(tmp_path / "home")
