"""The public functions do what the commands do, for folders and for DataFrames alike."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import leadodds
from features.output.export import export_features
from features.times import parse_time, to_datetime
from leadodds_python.functions import SparkSourceError
from models.registry.registry import open_registry
from tests.support.builders import at, lead, tables, touch, won, write_table
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
    registry = open_registry(tmp_path / "home")
    assert registry.client.get_run(outcome.run_id).info.run_name == "backtest"
    assert registry.list_versions().versions == ()


def test_train__on_spark_refuses_tables_in_memory(frames: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    with pytest.raises(SparkSourceError, match="Spark cannot read tables in memory"):
        leadodds.train(frames, config=KEYS, home=tmp_path, engine="spark")


def test_simulate__makes_a_company_up(tmp_path: Path) -> None:
    summary = leadodds.simulate(tmp_path / "made", leads=30, seed=3)

    assert summary.leads == 30
    assert leadodds.read_history(tmp_path / "made" / "history").rows.leads_count == 30


NEVER = to_datetime(parse_time("9999-12-31T23:59:59Z"))


def _with_odd_rows(day: float | datetime = NEVER) -> dict[str, pa.Table]:
    """Forty leads, and one interaction of another time."""
    leads = [lead(f"l{number:02d}", number) for number in range(40)]
    return tables(leads, [touch("l07", "call_held", day)], [won("l01", 39.5)], changes=[])


def test_check__names_a_row_of_9999_at_every_door(tmp_path: Path) -> None:
    made = _with_odd_rows()
    for suffix in (".csv", ".parquet"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        for name, rows in made.items():
            write_table(rows, folder / f"{name}{suffix}")
    database = f"sqlite:///{tmp_path / 'history.db'}"
    with closing(sqlite3.connect(tmp_path / "history.db")) as connection:
        for name, rows in made.items():
            texts = [rows[column].cast(pa.string()).to_pylist() for column in rows.column_names]
            connection.execute(f"create table {name} ({', '.join(rows.column_names)})")
            places = ", ".join("?" * len(texts))
            connection.executemany(f"insert into {name} values ({places})", zip(*texts, strict=True))
        connection.commit()
    frames = {name: rows.to_pandas(timestamp_as_object=True) for name, rows in made.items()}

    for door in (str(tmp_path / "csv"), str(tmp_path / "parquet"), database, frames):
        found = {problem.code: problem for problem in leadodds.check(door).problems}

        assert found["D080"].ids == ("l07",)
        assert found["D080"].table == "interactions"
        assert "9999-12-31T23:59:59Z" in found["D080"].sentence
        assert leadodds.read_history(door).observed_until == to_datetime(at(39.5))


def test_check__stops_training_where_many_leads_lie_in_the_future(tmp_path: Path) -> None:
    made = _with_odd_rows(3)
    later = [lead(f"l{number:02d}", number if number < 34 else 40_000.0) for number in range(40)]
    folder = tmp_path / "history"
    folder.mkdir()
    for name, rows in {**made, "leads": tables(later)["leads"]}.items():
        write_table(rows, folder / f"{name}.parquet")

    found = {problem.code: problem for problem in leadodds.check(folder).problems}

    assert found["D059"].count == 6
    assert found["D059"].stops == "training"
    assert leadodds.read_history(folder).observed_until < datetime.now(UTC)
    assert leadodds.check(folder, observed_until=at(100)).problems[-1].code == "D059"
