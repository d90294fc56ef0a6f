"""Trainings of a made-up company against its champion: the faulty ones are stopped, the honest ones pass.

Each training leaves out what the gate does not read: the baselines but two, the learning curve, the report.
The faulty ones have a small catalogue and take four minutes of one processor, the honest ones about twenty.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from features.findings.problems import HistoryError
from features.times import US_PER_DAY, parse_time
from tests.support.homes import open_empty_registry
from training.baselines import base_rate, logistic
from training.config import TrainingConfig
from training.results import TrainingOutcome
from training.simulator.simulate import simulate_company
from training.train import train

pytestmark = pytest.mark.long

CONFIG: Final = TrainingConfig(
    origins=4,
    search_budget=0,
    pairs=0,
    replicas=0,
    grid_spacing_days=7,
    max_judged_examples=4_000,
    bootstrap_replicates=300,
    workers=1,
)
LEADS: Final = 5_000
# The champion knows a year of the company, its challengers all eighteen months.
CHAMPION_END: Final = parse_time("2025-11-04T00:00:00Z")
Tables = dict[str, pa.Table]

CATALOGUE = """
[[feature]]
measure = "attribute"
attribute = ["country", "industry", "source"]
type = "category"

[[feature]]
measure = "lead_age"

[[feature]]
measure = "count"
each_kind = ["page_view", "email_opened", "call_inbound", "call_outbound", "form_submitted"]
window_days = [7, 30]

[[feature]]
measure = "count"
each_kind = ["pricing_page_view", "demo_requested", "trial_started", "quote_requested", "demo_held"]
window_days = 30

[[feature]]
measure = "days_since_last"
each_kind = ["page_view", "call_outbound", "demo_requested", "quote_requested"]
"""
# What is left of it when somebody has deleted all but the attributes.
LOST_CATALOGUE = CATALOGUE.partition('[[feature]]\nmeasure = "lead_age"')[0]


def _moved(table: pa.Table, column: str, days: float) -> pa.Table:
    """Moves a column of times."""
    moved = pc.add(table[column].cast(pa.int64()), pa.scalar(round(days * US_PER_DAY)))
    return table.set_column(table.schema.get_field_index(column), column, moved.cast(table[column].type))


def _labels_shifted(tables: Tables) -> None:
    outcomes = tables["outcomes"]
    for column in ("occurred_at", "available_at"):
        outcomes = _moved(outcomes, column, 45)
    tables["outcomes"] = outcomes


def _labels_shuffled(tables: Tables) -> None:
    outcomes = tables["outcomes"]
    order = np.random.default_rng(0).permutation(len(outcomes))
    ids = tables["leads"]["lead_id"].take(np.random.default_rng(1).permutation(len(tables["leads"])))
    tables["outcomes"] = outcomes.set_column(0, "lead_id", ids[: len(outcomes)].take(order))


def _outcome_leaked(tables: Tables) -> None:
    leads, outcomes = tables["leads"], tables["outcomes"]
    won = set(outcomes.filter(pc.equal(outcomes["outcome"], "converted"))["lead_id"].to_pylist())
    contract = ["signed" if lead_id in won else "open" for lead_id in leads["lead_id"].to_pylist()]
    tables["leads"] = leads.append_column("contract", pa.array(contract))


def _kinds_lost(tables: Tables) -> None:
    rows = tables["interactions"]
    is_kept = pc.invert(pc.is_in(rows["kind"], pa.array(["demo_requested", "demo_held", "quote_requested"])))
    tables["interactions"] = rows.filter(is_kept)


def _attribute_lost(tables: Tables) -> None:
    tables["leads"] = tables["leads"].drop_columns(["source"])


def _stale(tables: Tables) -> None:
    until = pa.scalar(CHAMPION_END - 30 * US_PER_DAY)
    for name, column in (
        ("leads", "created_at"),
        ("interactions", "available_at"),
        ("outcomes", "available_at"),
    ):
        tables[name] = tables[name].filter(pc.less(tables[name][column].cast(pa.int64()), until))


def _outcomes_lost(tables: Tables) -> None:
    outcomes = tables["outcomes"]
    tables["outcomes"] = outcomes.filter(pa.array(np.random.default_rng(2).random(len(outcomes)) < 0.6))


# What is done to the tables, and to the configuration; ten in all, with the two further down.
FAULTY: dict[str, tuple[Callable[[Tables], None] | None, dict[str, Any]]] = {
    "labels shifted": (_labels_shifted, {}),
    "labels shuffled": (_labels_shuffled, {}),
    "kinds lost": (_kinds_lost, {}),
    "attribute lost": (_attribute_lost, {}),
    "stale": (_stale, {}),
    "outcomes lost": (_outcomes_lost, {}),
    "another horizon": (None, {"horizon_days": 60}),
    "overfitted": (None, {"l2_regularization": 1, "iterations": 400, "max_leaves": 64, "min_leaf_rows": 5}),
}


@pytest.fixture(autouse=True, scope="module")
def only_what_the_gate_reads() -> Iterator[None]:
    """Trainings without the baselines, fits and pages that no rule of the gate looks at."""
    with pytest.MonkeyPatch.context() as patch:
        leave_out_what_the_gate_does_not_read(patch)
        yield


def leave_out_what_the_gate_does_not_read(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("training.baselines.registry.BASELINES", (base_rate.BASELINE, logistic.BASELINE))
    patch.setattr("training.pipeline.plan_learning_fits", lambda *_: ())
    no_report = SimpleNamespace(write=lambda _folder: None)
    patch.setattr("training.train.start_report", lambda *_, **__: no_report)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    simulate_company(folder, leads_count=LEADS, seed=3)
    return folder / "history"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    """The configuration of champions and honest challengers."""
    return config_in(tmp_path_factory.mktemp("config"))


def config_in(folder: Path) -> TrainingConfig:
    (folder / "catalogue.toml").write_text(CATALOGUE)
    return CONFIG.model_copy(update={"catalogue": folder / "catalogue.toml"})


@pytest.fixture(scope="module")
def champions(company: Path, config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion of the company's first year."""
    home = open_empty_registry(tmp_path_factory.mktemp("champions") / "home").home.path
    assert train(company, home=home, config=config, observed_until=CHAMPION_END, promote=True).is_promoted
    return home


def _write(tables: Tables, folder: Path) -> Path:
    folder.mkdir()
    for table, rows in tables.items():
        pq.write_table(rows, folder / f"{table}.parquet")
    return folder


def _read(history: Path) -> Tables:
    return {path.stem: pq.read_table(path) for path in history.glob("*.parquet")}


def _challenge(history: Path, champions: Path, folder: Path, config: TrainingConfig) -> TrainingOutcome:
    home = Path(shutil.copytree(champions, folder / "home"))
    return train(history, home=home, config=config, promote=True)


@pytest.mark.parametrize("name", FAULTY)
def test_a_faulty_challenger_is_stopped(
    name: str, company: Path, champions: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    change, keys = FAULTY[name]
    tables = _read(company)
    if change is not None:
        change(tables)
    history = _write(tables, tmp_path / "history")

    faulty = TrainingConfig.from_keys(config.model_dump() | keys, name=name)
    outcome = _challenge(history, champions, tmp_path, faulty)

    failed = [row.rule for row in outcome.verdict.rows if row.status == "failed"]
    assert outcome.refused
    assert failed, outcome.verdict.sentence  # not only for want of data


def test_a_leaked_outcome_is_stopped_by_the_data_gate(
    company: Path, champions: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    tables = _read(company)
    _outcome_leaked(tables)
    history = _write(tables, tmp_path / "history")
    default = config.model_copy(update={"catalogue": None})

    with pytest.raises(HistoryError, match="D05"):
        _challenge(history, champions, tmp_path, default)


def test_a_catalogue_that_lost_features_at_the_same_path_is_stopped(
    company: Path, champions: Path, config: TrainingConfig, tmp_path: Path
) -> None:
    path = Path(str(config.catalogue))
    path.write_text(LOST_CATALOGUE)
    try:
        outcome = _challenge(company, champions, tmp_path, config)
    finally:
        path.write_text(CATALOGUE)

    assert outcome.refused
    assert "log_loss_against_champion" in [row.rule for row in outcome.verdict.rows if row.status == "failed"]


def retrain_honestly(folder: Path, *, seed: int) -> TrainingOutcome:
    """A company that trains after a year, and again half a year later, with the default catalogue.

    With the small one a logistic regression is ahead in a few companies, and the gate says so.
    """
    folder.mkdir(exist_ok=True)
    simulate_company(folder / "company", leads_count=LEADS, seed=seed)
    history = folder / "company" / "history"
    home = open_empty_registry(folder / "home").home.path
    train(history, home=home, config=CONFIG, observed_until=CHAMPION_END, promote=True)
    return train(history, home=home, config=CONFIG, promote=True)


def test_honest_retrainings_are_refused_at_most_once_in_twenty(tmp_path: Path) -> None:
    refused: list[str] = []
    for seed in range(100, 120):
        outcome = retrain_honestly(tmp_path / f"{seed}", seed=seed)
        if outcome.refused:
            refused.append(f"{seed}: {outcome.verdict.sentence}")

    assert len(refused) <= 1, refused
