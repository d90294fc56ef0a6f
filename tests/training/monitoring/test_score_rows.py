from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadodds
from tests.support.builders import at, history_folder, lead, touch
from tests.support.small_models import home_with, small_bundle
from training.monitoring.score_rows import ScoresError, curves_of, read_scores


@pytest.fixture
def scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Targets of one night, of every kind."""
    monkeypatch.setenv("LEADODDS_HOME", str(home_with(tmp_path / "home", small_bundle()).path))
    leads = [lead("=a", account_id="x", country="DE", has_budget=True), lead("b", country="FR")]
    folder = history_folder(tmp_path / "history", leads, [touch("=a", "meeting_held", 1)], [])
    for target in ("one.parquet", "one.csv", "parts", f"sqlite:///{tmp_path / 'scores.db'}"):
        out = target if "://" in target else str(tmp_path / target)
        command = ["score", str(folder), "--out", out, "--as-of", "2026-01-05T00:00:00Z", "--quiet"]
        with pytest.raises(SystemExit, match="0"):
            leadodds.main([*command, "--workers", "1"])
    return tmp_path


@pytest.mark.parametrize("target", ["one.csv", "parts", "sqlite"])
def test_read_scores__gives_the_same_rows_from_every_target(scored: Path, target: str) -> None:
    expected = read_scores(scored / "one.parquet", since=0)

    found = (
        read_scores(f"sqlite:///{scored / 'scores.db'}", since=0, tables=("scores_history",))
        if target == "sqlite"
        else read_scores(scored / target, since=0)
    )

    assert expected["lead_id"].to_pylist() == ["=a", "b"]
    assert expected["as_of"].to_pylist() == [at(4), at(4)]
    wide = [name for name in expected.column_names if name != "curve"]
    assert found.sort_by("lead_id").select(wide).equals(expected.select(wide))
    for one, other in zip(curves_of(found["curve"]), curves_of(expected["curve"]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


def test_read_scores__leaves_out_what_is_older(scored: Path) -> None:
    assert len(read_scores(scored / "one.parquet", since=at(4))) == 2
    assert len(read_scores(scored / "one.parquet", since=at(4) + 1)) == 0


def test_read_scores__says_what_is_wrong_with_a_target(tmp_path: Path) -> None:
    pq.write_table(pa.table({"lead_id": ["a"]}), tmp_path / "leads.parquet")
    (tmp_path / "empty").mkdir()

    with pytest.raises(ScoresError, match="lacks as_of, status, probability, horizon_days, model_version"):
        read_scores(tmp_path / "leads.parquet", since=0)
    with pytest.raises(ScoresError, match=r"empty holds no \.parquet file"):
        read_scores(tmp_path / "empty", since=0)
    with pytest.raises(ScoresError, match="is not there"):
        read_scores(tmp_path / "none.parquet", since=0)


def test_curves_of__gives_a_score_without_a_curve_no_numbers() -> None:
    cells = pa.chunked_array([pa.array(['[{"days": 7, "probability": 0.1}]', None, "[]"])])

    days, probability = curves_of(cells)

    assert days[0].tolist() == [7.0]
    assert probability[0].tolist() == [0.1]
    assert np.isnan(days[1:]).all()


def test_read_scores__reads_a_night_of_a_database_once(scored: Path) -> None:
    url = f"sqlite:///{scored / 'scores.db'}"
    both = [read_scores(url, since=0, tables=(name,)) for name in ("scores_history", "scores")]

    assert [len(rows) for rows in both] == [2, 2]
    assert read_scores(url, since=0).equals(both[0])
    assert read_scores(url, since=0, tables=("absent", "scores")).equals(both[1])
