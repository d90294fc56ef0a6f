from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import mlflow.data
import pytest

from features.findings.problems import HistoryError
from models.bundle.bundle import read_bundle
from models.home.home import Home
from models.registry.registry import open_registry
from tests.support.small_business import CONFIG, small_business, write_business
from training.backtest import backtest
from training.baselines.base_rate import BASE_RATE
from training.baselines.logistic import LOGISTIC
from training.baselines.mature_boosting import MATURE_BOOSTING
from training.baselines.rule_points import RULE_POINTS
from training.baselines.unrestricted import UNRESTRICTED
from training.bundling.build import recorded_config
from training.results import TrainingOutcome
from training.train import train

METRICS = [
    "auc",
    "average_precision",
    "log_loss",
    "log_loss_skill",
    "brier",
    "brier_skill",
    "calibration_in_the_large",
    "calibration_error",
    "lift_at_10",
]
# What differs between two trainings of the same data: when, and under which numbers.
OF_THE_RUN = ("created_at", "run_id", "model_version")


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_business(tmp_path_factory.mktemp("company") / "history", small_business())


@pytest.fixture(scope="module")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose database is made: making it takes MLflow some seconds."""
    return open_registry(tmp_path_factory.mktemp("empty") / "home").home.path


@pytest.fixture(scope="module")
def first(
    company: Path, empty_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, TrainingOutcome]:
    """A home with a first champion."""
    home = Path(shutil.copytree(empty_home, tmp_path_factory.mktemp("first") / "home"))
    return home, train(company, home=home, config=CONFIG, promote=True)


@pytest.fixture
def fresh_home(empty_home: Path, tmp_path: Path) -> Path:
    """A home without any version."""
    return Path(shutil.copytree(empty_home, tmp_path / "home"))


@pytest.fixture
def home(first: tuple[Path, TrainingOutcome], tmp_path: Path) -> Path:
    """A copy of the home with a champion."""
    return Path(shutil.copytree(first[0], tmp_path / "home"))


def _same_in_every_run(folder: Path) -> dict[str, bytes]:
    """The files of a bundle, without what tells one run from another."""
    files = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "digests.json"}
    card = json.loads(files["card.json"])
    files["card.json"] = json.dumps({k: v for k, v in card.items() if k not in OF_THE_RUN}).encode()
    return files


def test_train__prints_the_documented_object(first: tuple[Path, TrainingOutcome]) -> None:
    summary = json.loads(json.dumps(first[1].summary(), allow_nan=False))

    assert list(summary) == [
        "model_version",
        "run_id",
        "bundle",
        "horizon_days",
        "promoted",
        "verdict",
        "metrics",
    ]
    assert list(summary["metrics"]) == METRICS
    for figure in summary["metrics"].values():
        assert list(figure) == ["value", "low", "high", "n"]
        assert figure["low"] <= figure["value"] <= figure["high"]
    assert all(set(row) == {"rule", "value", "limit", "passed", "sentence"} for row in summary["verdict"])
    assert Path(summary["bundle"]).is_absolute()
    assert summary["horizon_days"] == 14


def test_train__first_version_that_beats_the_base_rate_becomes_champion(
    first: tuple[Path, TrainingOutcome],
) -> None:
    home, outcome = first

    assert outcome.is_promoted
    assert not outcome.refused
    assert Home(home).champion() == outcome.model_version == "1"
    assert outcome.evaluation.metrics["auc"].low > 0.55


def test_train__leaves_a_bundle_that_says_on_what_evidence(first: tuple[Path, TrainingOutcome]) -> None:
    outcome = first[1]

    bundle = read_bundle(outcome.bundle)

    card = bundle.card
    assert card.to_json()["metrics"] == outcome.summary()["metrics"]
    assert card.expected_amount == 100.0
    assert card.config["iterations"] == 15
    assert {"workers", "accept_missing"}.isdisjoint(card.config)
    assert card.trained_on["leads"] == 900
    assert any("quick" in note for note in card.notes)
    # What the data gate found stands in the card, in what people read and in the verdict.
    (found,) = [note for note in card.notes if note.startswith("D0")]
    assert found.startswith("D037 Without attribute_changes")
    assert found in str(outcome)
    (row,) = [row for row in card.verdict if row["rule"] == "data_checks"]
    assert row["passed"] is True
    assert str(row["sentence"]).endswith("none may. Found: D037.")
    assert [band.name for band in card.bands] == ["A", "B", "C", "D"]
    assert {bins.name for bins in bundle.scorecard.bins} <= set(bundle.feature_set.names)


def test_train__keeps_figures_data_and_plots_in_mlflow(first: tuple[Path, TrainingOutcome]) -> None:
    home, outcome = first

    run = open_registry(home).client.get_run(outcome.run_id)

    assert run.data.params["config.iterations"] == "15"
    kept = {name.split(".")[1] for name in run.data.params if name.startswith("config.")}
    # An empty table has no parameter.
    assert kept == {key for key, value in recorded_config(CONFIG).items() if value != {}}
    assert run.data.metrics["metrics.auc.value"] == outcome.evaluation.metrics["auc"].value
    assert {dataset.dataset.name for dataset in run.inputs.dataset_inputs} >= {"leads", "outcomes"}
    plots = {path.name for path in home.rglob("*.png")}
    assert plots >= {"reliability.png", "gains.png", "origins.png", "part_week.png", "terms_01.png"}


def test_train__keeps_a_run_below_it_for_each_origin(first: tuple[Path, TrainingOutcome]) -> None:
    home, outcome = first
    registry = open_registry(home)
    client, run = registry.client, registry.client.get_run(outcome.run_id)

    below = client.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{outcome.run_id}'", order_by=["params.at"]
    )

    origins = outcome.evaluation.by_origin
    assert [each.data.params["at"] for each in below] == [origin["at"] for origin in origins]
    for each, origin in zip(below, origins, strict=True):
        assert each.info.status == "FINISHED"
        assert each.data.metrics["metrics.auc.value"] == origin["metrics"]["auc"]["value"]
        (tested,) = each.inputs.dataset_inputs
        assert json.loads(tested.dataset.profile)["num_rows"] == origin["examples"]
    assert run.data.tags["leadodds.seed"] == str(CONFIG.seed)
    assert run.data.tags["leadodds.quick"] == "true"


def test_train__keeps_data_that_can_be_read_again(company: Path, first: tuple[Path, TrainingOutcome]) -> None:
    home, outcome = first
    run = open_registry(home).client.get_run(outcome.run_id)
    logged = {used.dataset.name: used for used in run.inputs.dataset_inputs}

    history = mlflow.data.get_source(logged["leads"]).load().history

    assert history.leads_count == 900
    assert json.loads(logged["leads"].dataset.profile)["num_rows"] == 900
    assert '"name": "country"' in logged["leads"].dataset.schema
    assert [tag.value for tag in logged["test_examples"].tags] == ["testing"]
    assert '"name": "converted"' in logged["test_examples"].dataset.schema
    assert str(company) in logged["leads"].dataset.source


def test_train__writes_a_page_that_needs_nothing_else(first: tuple[Path, TrainingOutcome]) -> None:
    home, outcome = first

    assert outcome.report is not None
    written = outcome.report.read_text()

    assert outcome.report.is_relative_to(home / "artifacts")
    assert str(outcome.report) in str(outcome)
    assert 'src="http' not in written
    assert "<script" not in written
    assert "Calling the best tenth" in written
    assert json.loads((outcome.report.parent / "figures.json").read_text())["metrics"]["auc"]["n"] > 0


def test_train__evaluates_the_horizons_that_the_history_supports(first: tuple[Path, TrainingOutcome]) -> None:
    card = read_bundle(first[1].bundle).card

    # Of 7, 30 and 90 days beside the main horizon of 14, the time bins end at 30.
    assert card.horizons_days[:2] == (7.0, 14.0)
    assert 90.0 not in card.horizons_days


@pytest.mark.parametrize(("shuffle_seed", "workers"), [(5, 1), (None, 2)])
def test_train__makes_the_same_bundle_of_the_same_data(
    first: tuple[Path, TrainingOutcome],
    tmp_path: Path,
    fresh_home: Path,
    shuffle_seed: int | None,
    workers: int,
) -> None:
    history = write_business(tmp_path / "history", small_business(), shuffle_seed=shuffle_seed)

    again = train(history, home=fresh_home, config=CONFIG.model_copy(update={"workers": workers}))

    assert _same_in_every_run(again.bundle) == _same_in_every_run(first[1].bundle)


def test_train__another_seed_makes_another_bundle(
    company: Path, first: tuple[Path, TrainingOutcome], fresh_home: Path
) -> None:
    other = train(company, home=fresh_home, config=CONFIG.model_copy(update={"seed": 8}))

    tables = [(bundle / "scorecard.npz").read_bytes() for bundle in (other.bundle, first[1].bundle)]
    assert tables[0] != tables[1]


def test_train__a_challenger_with_too_little_evidence_is_refused(company: Path, home: Path) -> None:
    outcome = train(company, home=home, config=CONFIG, promote=True)

    assert outcome.refused
    assert not outcome.is_promoted
    assert outcome.verdict.sentence.startswith("Insufficient data, the champion stays: enough_conversions, ")
    assert Home(home).champion() == "1"
    assert outcome.summary()["metrics"]
    same = next(row for row in outcome.verdict.rows if row.rule == "log_loss_against_champion")
    assert same.value == 0.0  # the same configuration predicts the same


def test_train__another_configuration_is_compared_with_the_champions(company: Path, home: Path) -> None:
    timid = CONFIG.model_copy(update={"learning_rate": 0.01, "max_bins": 2})

    outcome = train(company, home=home, config=timid)

    row = next(row for row in outcome.verdict.rows if row.rule == "log_loss_against_champion")
    assert row.value is not None
    assert row.value > 0
    assert not row.passed
    assert not outcome.refused  # it was not to be promoted
    assert outcome.model_version == "2"
    assert Home(home).champion() == "1"


def test_train__too_short_a_history_is_a_failed_run_that_says_what_is_needed(
    tmp_path: Path, fresh_home: Path
) -> None:
    history = write_business(tmp_path / "history", small_business(days=20.0))

    with pytest.raises(HistoryError, match=r"D073 .* must have 23 leads that converted"):
        train(history, home=fresh_home, config=CONFIG)
    registry = open_registry(fresh_home)
    run = registry.client.search_runs([registry.client.get_experiment_by_name("leadodds").experiment_id])[0]
    assert run.info.status == "FAILED"
    assert "D073" in run.data.tags["leadodds.failure"]


def test_train__a_horizon_longer_than_the_history_is_refused(tmp_path: Path, fresh_home: Path) -> None:
    history = write_business(tmp_path / "history", small_business(days=12.0))

    with pytest.raises(HistoryError, match="horizon"):
        train(history, home=fresh_home, config=CONFIG)


def test_backtest__evaluates_the_baselines_at_the_same_origins(company: Path, fresh_home: Path) -> None:
    full = CONFIG.model_copy(update={"quick": False, "origins": 3})

    outcome = backtest(company, home=fresh_home, config=full)

    registry = open_registry(fresh_home)
    run = registry.client.get_run(outcome.run_id)
    assert run.data.metrics["metrics.auc.value"] == outcome.evaluation.metrics["auc"].value
    assert run.data.params["config.origins"] == "3"
    assert registry.list_versions().versions == ()
    evaluation = outcome.evaluation
    baselines = {BASE_RATE, LOGISTIC, MATURE_BOOSTING, UNRESTRICTED, RULE_POINTS}
    assert set(evaluation.differences) == baselines
    assert [point.share for point in evaluation.learning_curve][-1] == 1.0
    assert evaluation.cost_of_additivity is not None
    assert math.isfinite(evaluation.cost_of_additivity.value)
    assert len(evaluation.by_origin) == 3
    json.dumps(outcome.summary(), allow_nan=False)
    assert "converted" in str(outcome)
