"""Protected attributes: no model uses them, wherever it is said that they are protected."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import leadodds
from features.catalog.catalog_files import write_catalogue
from features.catalog.spec import FeatureSet
from features.catalog.validation import FeatureDeclarationError
from features.catalog.wording import declare
from features.history.settings import HistorySettings
from tests.support.builders import history_folder, lead, lost, touch, won
from tests.support.homes import open_empty_registry
from training.config import TrainingConfig
from training.examples.dataset import build_dataset, read_for_training, with_features

USUAL = TrainingConfig(accepted_codes=("D057",))
PROTECTED = USUAL.model_copy(update={"protected_attributes": ("gender",)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(2)
    leads = [
        lead(f"l{n:03}", float(n % 90), gender=["f", "m"][n % 2], region=["n", "s", "w"][n % 3])
        for n in range(400)
    ]
    touches = [touch(row["lead_id"], "page_view", row["created_at"] + rng.random()) for row in leads]
    ends = [(won if n % 3 else lost)(f"l{n:03}", n % 90 + 5 + 9 * rng.random()) for n in range(0, 400, 2)]
    return history_folder(tmp_path / "history", leads, touches, ends)


def _attributes(folder: Path, config: TrainingConfig) -> set[str | None]:
    checked = read_for_training(folder, config=config, observed_until=None, progress=lambda *_: None)
    dataset = build_dataset(checked.history, config=config)
    assert "gender" in checked.history.attributes
    return {feature.attribute for features in dataset.feature_sets for feature in features.features}


def test_protected__of_the_configuration_is_no_feature(folder: Path) -> None:
    usual = _attributes(folder, USUAL)
    protected = _attributes(
        folder, TrainingConfig(protected_attributes=("gender",), accepted_codes=("D057",))
    )

    assert {"gender", "region"} <= usual
    assert usual - protected == {"gender"}


def test_protected__of_the_history_is_no_feature(folder: Path) -> None:
    (folder / "history.toml").write_text('attributes.gender.use = "protected"\n')

    assert "gender" not in _attributes(folder, USUAL)


def test_protected__is_refused_where_a_feature_of_it_is_declared(folder: Path) -> None:
    checked = read_for_training(folder, config=PROTECTED, observed_until=None, progress=lambda *_: None)
    dataset = build_dataset(checked.history, config=PROTECTED)

    with pytest.raises(FeatureDeclarationError, match=r"uses the attribute .gender., which history"):
        with_features(dataset, [declare("attribute", attribute="gender", type="category")])


@pytest.mark.parametrize("where", ["history.toml", "leadodds.toml"])
def test_train__refuses_a_catalogue_with_a_feature_of_a_protected_attribute(
    folder: Path, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home, config, catalogue = (folder.parent / name for name in ("home", "leadodds.toml", "own.toml"))
    open_empty_registry(home)
    monkeypatch.setenv("LEADODDS_HOME", str(home))
    own = [declare("attribute", attribute="gender", type="category"), declare("count", kinds=("page_view",))]
    write_catalogue(catalogue, FeatureSet(tuple(own)))
    lines = [f"catalogue = '{catalogue}'", "accepted_codes = ['D057']"]
    if where == "history.toml":
        (folder / where).write_text('attributes.gender.use = "protected"\n')
    else:
        lines.append("protected_attributes = ['gender']")
    config.write_text("\n".join(lines))

    with pytest.raises(SystemExit, match="2"):
        leadodds.main(["train", str(folder), "--config", str(config), "--quiet"])

    told = capsys.readouterr().err
    assert "uses the attribute 'gender', which history.toml or protected_attributes protects." in told
    assert not (home / "bundles").exists()


def test_protected__goes_into_the_card_by_the_settings(folder: Path) -> None:
    checked = read_for_training(folder, config=PROTECTED, observed_until=None, progress=lambda *_: None)
    record = checked.history.settings.to_json()

    assert HistorySettings.from_json(record).protected == {"gender"}
