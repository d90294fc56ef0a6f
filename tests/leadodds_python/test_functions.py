"""The public functions do what the commands do, for folders and for DataFrames alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import leadodds
from features.output.export import export_features
from leadodds_python.functions import SparkSourceError
from tests.support.builders import at, lead, tables, touch
from tests.support.homes import open_empty_registry
from tests.support.small_business import CONFIG, small_business, write_business
from tests.support.small_models import home_with, small_bundle

KEYS: dict[str, Any] = CONFIG.model_dump(exclude_defaults=True)


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return {name: table.to_pandas() for name, table in small_business().items()}


def test_check__of_dataframes_finds_what_a_folder_shows(tmp_path: Path) -> None:
    made = small_business(leads_count=40)

    ours = leadodds.check({name: table.to_pandas() for name, table in made.items()})
    theirs = leadodds.check(write_business(tmp_path / "history", made))

    assert ours.problems == theirs.problems
    assert "D052" in str(ours)
    assert (ours.can_score, ours.can_train) == (True, False)


def test_check__takes_an_end(tmp_path: Path) -> None:
    frames = {name: table.to_pandas() for name, table in tables([lead("a")], [touch("a", "call", 1)]).items()}

    days = [leadodds.check(frames, observed_until=until).problems for until in (None, "2026-03-01T00:00:00Z")]

    assert ["D054" in {problem.code for problem in problems} for problems in days] == [True, False]


def test_read_history__stops_with_the_numbered_list() -> None:
    frames = {name: table.to_pandas() for name, table in tables(["a", "a"]).items()}

    with pytest.raises(leadodds.HistoryError, match=r"tables in memory cannot be used:\n  D012 .*\(a\)"):
        leadodds.read_history(frames)


def test_features__are_those_of_the_default_catalogue_or_of_a_version(tmp_path: Path) -> None:
    made = small_business(leads_count=30)
    frames = {name: table.to_pandas() for name, table in made.items()}
    home = home_with(tmp_path / "home", small_bundle()).path
    export_features(
        write_business(tmp_path / "history", made), as_of=at(60), out=tmp_path / "features.parquet", workers=1
    )

    default = leadodds.features(frames, as_of="2026-03-02T00:00:00Z")
    own = leadodds.features(frames, as_of="2026-03-02T00:00:00Z", model="1", home=home)

    pd.testing.assert_frame_equal(default, pd.read_parquet(tmp_path / "features.parquet"), check_dtype=False)
    assert [*own.columns] == ["lead_id", "as_of", "meetings_count", "country", "has_budget", "account_count"]
    assert own["has_budget"].dtype == pd.BooleanDtype()


def test_train__registers_the_same_model_from_dataframes_and_from_a_folder(
    frames: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    folder = write_business(tmp_path / "history", small_business())
    homes = [open_empty_registry(tmp_path / name).home.path for name in ("ours", "theirs")]
    stages: dict[str, float] = {}

    ours = leadodds.train(
        leadodds.read_history(frames), config=KEYS, home=homes[0], promote=True, progress=stages.__setitem__
    )
    theirs = leadodds.train(folder, config=CONFIG, home=homes[1])

    assert (ours.is_promoted, theirs.is_promoted) == (True, False)
    assert ours.summary()["metrics"] == theirs.summary()["metrics"]
    curves = [leadodds.load_model(1, home=home).curves for home in homes]
    pd.testing.assert_frame_equal(*curves)
    assert (
        leadodds.load_model(home=homes[0]).card["trained_on"]
        == leadodds.load_model(1, home=homes[1]).card["trained_on"]
    )
    assert stages["registered"] == 1.0


def test_backtest__judges_and_registers_nothing(
    frames: dict[str, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADODDS_HOME", str(tmp_path / "home"))

    outcome = leadodds.backtest(frames, config=KEYS)

    assert outcome.horizon_days == 14
    assert not (tmp_path / "home").exists()


def test_train__on_spark_refuses_tables_in_memory(frames: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(SparkSourceError, match="Spark cannot read tables in memory"):
        leadodds.train(frames, config=KEYS, home=tmp_path, engine="spark")


def test_simulate__makes_a_company_up(tmp_path: Path) -> None:
    summary = leadodds.simulate(tmp_path / "made", leads=30, seed=3)

    assert summary.leads == 30
    assert leadodds.read_history(tmp_path / "made" / "history").rows.leads_count == 30
