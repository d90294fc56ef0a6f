"""A loading that is killed three times ends with the same bytes as one that was left alone."""

from __future__ import annotations

import json
from pathlib import Path

from tests.serving.loading.killed_loads import digest_of, kill_at, load_process
from training.simulator.simulate import simulate_company


def test_load__killed_three_times_stores_the_same_bytes(tmp_path: Path) -> None:
    simulate_company(tmp_path / "company", leads_count=2_000, seed=3)
    history, killed, whole = (tmp_path / name for name in ("company/history", "killed.db", "whole.db"))
    options = {"batch_rows": 500, "workers": 1}
    reached = [0]

    for leads_count in (300, 800, 1_500):
        process = load_process(history, killed, tmp_path / "home", **options)  # type: ignore[arg-type]
        reached.append(kill_at(process, killed, leads_count))
    resumed = load_process(history, killed, tmp_path / "home", **options)  # type: ignore[arg-type]
    told = json.loads(resumed.communicate(timeout=120)[0])
    alone = load_process(history, whole, tmp_path / "other", **options)  # type: ignore[arg-type]
    alone.communicate(timeout=120)

    assert reached == sorted(set(reached))
    assert reached[-1] < 2_000
    assert (resumed.returncode, alone.returncode) == (0, 0)
    assert told["resumed"]
    assert told["stored"]["leads"] == 2_000
    assert sum(told["duplicate"].values()) == 0
    assert digest_of(killed) == digest_of(whole)
