"""The verdict of the last monitoring, wherever it is missing or odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.home.home import Home
from serving.alerts.verdicts import PLACE, Verdict, read_verdicts
from training.monitoring.verdict import Evidence, reach_verdict


def left_behind(folder: Path, written: object) -> Home:
    path = folder / PLACE
    path.parent.mkdir(exist_ok=True)
    path.write_text(written if isinstance(written, str) else json.dumps(written))
    return Home(folder)


def test_read_verdicts__gives_the_lines_that_advise_something(tmp_path: Path) -> None:
    lines = [{"action": "wait", "text": "All is well."}, {"action": "retrain", "text": "AUC fell."}]

    assert read_verdicts(left_behind(tmp_path, {"verdict": lines})) == [Verdict("retrain", "AUC fell.")]
    assert read_verdicts(left_behind(tmp_path, lines)) == [Verdict("retrain", "AUC fell.")]


def test_read_verdicts__takes_what_the_monitoring_writes(tmp_path: Path) -> None:
    evidence = Evidence("level", 0.5, 0.4, 0.6, least=0.8, most=1.25)
    verdict = reach_verdict([evidence, Evidence("slope", 1.0, 0.9, 1.1, least=0.8)]).to_json()

    (own,) = read_verdicts(left_behind(tmp_path, {"verdict": verdict, "others": 3})) or []

    assert (own.action, own.text, own.identity) == ("level_shift", evidence.sentence(), "level_shift: level")


@pytest.mark.parametrize("written", ["{", "", [], {}, {"verdict": 3}, "3", {"verdict": [3, {"action": 7}]}])
def test_read_verdicts__takes_what_is_odd_for_no_advice(written: Any, tmp_path: Path) -> None:
    assert not read_verdicts(left_behind(tmp_path, written))


def test_read_verdicts__of_a_home_without_any_is_none(tmp_path: Path) -> None:
    assert read_verdicts(Home(tmp_path)) is None
