"""Scanners of a made-up company: the rules find all that they do, and hardly anything else."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.checks.checked_history import read_history
from features.history.fingerprint import digest_history
from features.history.settings import COUNT_ALL
from training.simulator.simulate import simulate_company


def test_with_scanners__adds_what_the_rules_leave_out(tmp_path: Path) -> None:
    for name, share in (("plain", 0.0), ("scanned", 0.3)):
        simulate_company(tmp_path / name, leads_count=2_000, seed=3, scanned_share=share)
    rows = pq.read_table(tmp_path / "scanned" / "history" / "interactions.parquet")
    added = pc.sum(pc.match_substring(rows["interaction_id"], "-scan")).as_py()

    plain, scanned = (read_history(tmp_path / name / "history") for name in ("plain", "scanned"))
    counted = read_history(tmp_path / "scanned" / "history", machine_rules=COUNT_ALL)

    left_out = sum(problem.count for problem in scanned.problems if problem.code == "D088")
    of_people = sum(problem.count for problem in plain.problems if problem.code == "D088")
    assert added > 1_000
    assert left_out == added + of_people
    assert of_people < 10
    assert digest_history(scanned.history) == digest_history(plain.history)
    assert len(counted.history.interactions.value) == len(rows)
