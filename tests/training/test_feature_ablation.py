"""What features would buy is measured beside the same fits without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.catalog.validation import FeatureDeclarationError
from features.catalog.wording import declare
from models.scorecard.curves import find_curve
from tests.support.small_business import CONFIG, small_business, write_business
from training.config import TrainingConfig
from training.feature_ablation import Worth, measure_worth

DEMO = declare("count", kinds=["demo_requested"])
# A catalogue that does not know of the demos, which decide who converts.
POOR = '[[feature]]\nmeasure = "attribute"\nattribute = "size"\ntype = "number"\n'


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("worth")
    (folder / "poor.toml").write_text(POOR)
    return write_business(folder / "history", small_business(leads_count=2_500)).parent


@pytest.fixture(scope="module")
def config(company: Path) -> TrainingConfig:
    return CONFIG.model_copy(update={"catalogue": company / "poor.toml"})


@pytest.fixture(scope="module")
def worth(company: Path, config: TrainingConfig) -> Worth:
    return measure_worth(company / "history", [DEMO], config=config)


def test_measure_worth__finds_what_a_feature_buys_that_decides(worth: Worth) -> None:
    assert worth.change.high < 0
    assert worth.log_loss.value < worth.log_loss_without.value
    ratio = worth.log_loss.value / worth.log_loss_without.value
    assert worth.change.value == pytest.approx(ratio - 1)
    assert str(worth).endswith("they help")


def test_measure_worth__gives_the_curve_of_the_feature(worth: Worth) -> None:
    curve = find_curve(worth.scorecard, DEMO.name)

    # Whoever asked for a demo converts more often.
    assert curve is not None
    assert curve.points[-1] > curve.points[1]


def test_measure_worth__refuses_a_feature_that_the_catalogue_has(
    company: Path, config: TrainingConfig
) -> None:
    size = declare("attribute", attribute="size", type="number")

    with pytest.raises(FeatureDeclarationError, match="is declared twice"):
        measure_worth(company / "history", [size], config=config)
