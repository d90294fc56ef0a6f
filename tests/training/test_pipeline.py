from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.catalog.wording import declare
from features.times import NEVER_US
from models.bundle.bundle import write_bundle
from models.scorecard.scorecard import MEAN_RANGES
from tests.support.small_business import CONFIG, small_business, write_business
from tests.support.small_models import small_bundle
from training.backtesting.champion import read_champion
from training.backtesting.jobs import SCORECARD
from training.backtesting.level import level_spread
from training.backtesting.predictions import level_known_at
from training.bundling.build import recorded_config
from training.evaluation.residual_miscalibration import find_misfit
from training.examples.origins import HorizonNotSupportedError
from training.metrics.bootstrap import Bootstrap
from training.pipeline import require_fit, run_backtest, run_training
from training.prepared_data import PreparedData, prepare_data

BOOTSTRAP = Bootstrap(CONFIG.seed, CONFIG.bootstrap_replicates)


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_business(tmp_path_factory.mktemp("company") / "history", small_business())


@pytest.fixture(scope="module")
def data(company: Path) -> PreparedData:
    return prepare_data(company, config=CONFIG)


def test_run_training__evaluates_what_a_backtest_of_the_same_data_evaluates(data: PreparedData) -> None:
    stages: list[tuple[str, float]] = []

    model = run_training(data, config=CONFIG)
    backtest = run_backtest(data, config=CONFIG, progress=lambda stage, part: stages.append((stage, part)))

    assert model.evaluation.metrics == backtest.evaluation.metrics
    assert model.evaluation.by_origin == backtest.evaluation.by_origin
    assert model.verdict == backtest.verdict
    # Two origins in a quick training; only the training fits once more, on everything known.
    fits = [part for stage, part in stages if stage == "fits"]
    assert (fits[:3], fits[-1]) == ([0.0, 0.5, 1.0], 1.0)
    assert {stage for stage, _ in stages[len(fits) :]} == {"figures"}
    assert stages[-1] == ("figures", 1.0)


def test_run_training__hands_level_and_misfit_of_the_tests_to_the_final_scorecard(data: PreparedData) -> None:
    model = run_training(data, config=CONFIG)

    misfit = find_misfit(model.predictions, BOOTSTRAP)
    level = level_known_at(
        NEVER_US,
        model.predictions,
        model.predictions.log_odds[SCORECARD],
        model.predictions.converted.astype(np.float64),
    )
    assert model.final.scorecard.level_shift == level.shift != 0
    assert model.final.scorecard.level_spread == level_spread(
        model.predictions.shifts, model.predictions.origins
    )
    assert model.final.scorecard.range_rule == MEAN_RANGES
    assert model.final.scorecard.shrinkage is not None
    assert model.final.scorecard.misfit is not None
    assert misfit is not None
    assert model.final.scorecard.misfit.spread.tolist() == misfit.spread.tolist()


def test_prepare_data__keeps_the_catalogue_without_added_features_as_the_reference(
    company: Path, data: PreparedData
) -> None:
    added = declare("count", kinds=["demo_requested"], window_days=11)

    extended = prepare_data(company, config=CONFIG, added=[added]).dataset

    before = data.dataset.feature_sets
    assert extended.reference_feature_sets == before
    assert [features.names for features in extended.feature_sets] == [
        (*features.names, added.name) for features in before
    ]
    assert set(extended.matrix.names) == {*data.dataset.matrix.names, added.name}
    for name in data.dataset.matrix.names:
        column = extended.matrix.column(name)
        assert column.tobytes() == data.dataset.matrix.column(name).tobytes(), name


def test_require_fit__says_what_the_horizon_needs(data: PreparedData) -> None:
    with pytest.raises(HorizonNotSupportedError, match=r"a horizon of 14 days.* must have 15 leads"):
        require_fit(None, data.dataset, config=CONFIG)


def test_prepare_data__with_a_champion_reads_the_catalogue_once(company: Path, tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text('[[feature]]\nmeasure = "lead_age"\n')
    config = CONFIG.model_copy(update={"catalogue": path})
    bundle = small_bundle(config=recorded_config(CONFIG))
    write_bundle(tmp_path / "1", bundle)
    champion = read_champion(tmp_path / "1", "1", config=config)
    path.unlink()

    dataset = prepare_data(company, config=config, champion=champion).dataset

    assert dataset.feature_sets[-1].names == ("lead_age_days",)


def test_run_backtest__says_what_machine_made_rows_would_change(tmp_path: Path) -> None:
    made = small_business()
    visits = made["interactions"]
    # Each mail is opened by a proxy two seconds after it was sent.
    mails = [
        visits.set_column(1, "kind", pa.repeat(kind, len(visits))).set_column(
            2, "occurred_at", pc.add(visits["occurred_at"], pa.scalar(timedelta(seconds=seconds)))
        )
        for kind, seconds in (("email_sent", 61.5), ("email_opened", 63.5))
    ]
    made["interactions"] = pa.concat_tables([visits, *mails])
    folder = write_business(tmp_path / "history", made)

    backtest = run_backtest(prepare_data(folder, config=CONFIG), config=CONFIG)

    effect = backtest.evaluation.machine_made
    assert effect is not None
    # All but those drawn at the creation, before the mail.
    assert effect.changed > 0.8 * effect.difference.n
    assert effect.difference.value == pytest.approx(effect.counted.value - effect.log_loss.value)
    assert effect.log_loss.value == pytest.approx(backtest.evaluation.metrics["log_loss"].value)
    assert backtest.evaluation.to_json()["machine_made"]["changed"] == effect.changed


def test_run_backtest__compares_held_out_leads_where_a_share_is_configured(data: PreparedData) -> None:
    held_out = run_backtest(
        data, config=CONFIG.model_copy(update={"held_out_share": 0.4})
    ).evaluation.held_out

    assert held_out is not None
    assert 0.2 < held_out.leads[0] / sum(held_out.leads) < 0.6
    assert "held_out" not in run_backtest(data, config=CONFIG).evaluation.to_json()


def test_run_backtest__says_nothing_of_machines_where_there_are_none(data: PreparedData) -> None:
    assert data.read_counted is None
