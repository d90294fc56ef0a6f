"""What a training leaves in MLflow."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.homes import open_empty_registry
from training.promotion.gate import Verdict
from training.promotion.rows import Row
from training.tracking import log_verdict


def test_log_verdict__takes_rules_that_name_any_category(tmp_path: Path) -> None:
    registry = open_empty_registry(tmp_path / "home")
    row = Row("segment channel=a:b/c", 0.1, "below 1", "passed", "It holds.")

    with registry.run("training") as run:
        log_verdict(run, Verdict((row,), may_win=True, sentence="May win."))

    assert registry.client.get_run(run.run_id).data.tags["gate.segment channel_a_b_c"] == "passed"
    place = run.path_of("gate.json")
    assert place is not None
    assert json.loads(place.read_text())["data"][0][0] == row.rule
