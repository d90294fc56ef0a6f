"""What features would buy is measured beside the same fits without them."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.catalog.validation import FeatureDeclarationError
from features.catalog.wording import declare
from models.scorecard.curves import find_curve
from tests.support.small_business import CONFIG, small_business, write_business
from training.config import TrainingConfig
from training.feature_ablation import FeatureAblation, ablate_features

DEMO = declare("count", kinds=["demo_requested"])
# A catalogue that does not know of the demos, which decide who converts.
POOR = '[[feature]]\nmeasure = "attribute"\nattribute = "size"\ntype = "number"\n'


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "poor.toml").write_text(POOR)
    return write_business(folder / "history", small_business(leads_count=2_500)).parent


@pytest.fixture(scope="module")
def config(company: Path) -> TrainingConfig:
    return CONFIG.model_copy(update={"catalogue": company / "poor.toml"})


@pytest.fixture(scope="module")
def ablation(company: Path, config: TrainingConfig) -> FeatureAblation:
    return ablate_features(company / "history", [DEMO], config=config)


def test_ablate_features__finds_what_a_feature_buys_that_decides(ablation: FeatureAblation) -> None:
    assert ablation.change.high < 0
    assert ablation.log_loss.value < ablation.log_loss_without.value
    ratio = ablation.log_loss.value / ablation.log_loss_without.value
    assert ablation.change.value == pytest.approx(ratio - 1)
    assert str(ablation).endswith("they help")


def test_ablate_features__gives_the_curve_of_the_feature(ablation: FeatureAblation) -> None:
    curve = find_curve(ablation.scorecard, DEMO.name)

    # Whoever asked for a demo converts more often.
    assert curve is not None
    assert curve.points[-1] > curve.points[1]


def test_ablate_features__refuses_a_feature_that_the_catalogue_has(
    company: Path, config: TrainingConfig
) -> None:
    size = declare("attribute", attribute="size", type="number")

    with pytest.raises(FeatureDeclarationError, match="is declared twice"):
        ablate_features(company / "history", [size], config=config)
