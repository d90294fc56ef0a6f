"""The verdict of the last monitoring, wherever it is missing or odd."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.home.home import Home
from models.home.latest_monitor import write_latest
from serving.alerts.verdicts import Verdict, read_verdicts
from training.monitoring.verdict import Evidence, reach_verdict


def left_behind(folder: Path, written: object) -> Home:
    home = Home(folder)
    home.monitor_file.parent.mkdir(exist_ok=True)
    home.monitor_file.write_text(written if isinstance(written, str) else json.dumps(written))
    return home


def test_read_verdicts__takes_the_crossed_lines_that_the_monitoring_writes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    level = Evidence("level", 0.5, 0.4, 0.6, least=0.8, most=1.25)
    # The advice is to wait, because a training would learn the fault. It is news all the same.
    vanished = Evidence("vanished", 0.0, 0.0, 0.1, least=0.4, subject="interactions email_opened")
    within = Evidence("slope", 1.0, 0.9, 1.1, least=0.8)
    write_latest(home, {"verdict": reach_verdict([level, vanished, within]).to_json(), "others": 3})

    first, second = read_verdicts(home) or []

    assert first == Verdict("wait", vanished.sentence(), "vanished interactions email_opened")
    assert first.text.endswith("A training now would learn the fault.")
    assert (second.action, second.text, second.identity) == (
        "level_shift",
        level.sentence(),
        "level_shift: level",
    )


def test_read_verdicts__of_a_monitoring_without_a_crossed_line_are_none(tmp_path: Path) -> None:
    unclear = Evidence("level", 0.5, 0.4, 1.6, least=0.8, most=1.25)
    write_latest(Home(tmp_path), {"verdict": reach_verdict([unclear]).to_json()})

    assert read_verdicts(Home(tmp_path)) == []


@pytest.mark.parametrize(
    "written",
    [
        "{",
        "",
        [],
        {},
        {"verdict": 3},
        "3",
        {"verdict": {"lines": [3, {"state": 7}]}},
        {"verdict": {"lines": 3}},
    ],
)
def test_read_verdicts__takes_what_is_odd_for_no_advice(written: Any, tmp_path: Path) -> None:
    assert not read_verdicts(left_behind(tmp_path, written))


def test_read_verdicts__of_a_home_without_any_is_none(tmp_path: Path) -> None:
    assert read_verdicts(Home(tmp_path)) is None
