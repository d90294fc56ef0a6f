from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from features.catalog.catalog_files import load_catalogue
from models.bundle.bundle import write_bundle
from tests.support.small_models import small_bundle
from training.backtesting.champion import ChampionConfigError, read_champion
from training.bundling.build import recorded_config
from training.config import TrainingConfig

OWN = TrainingConfig()

# What the small bundle reads.
CATALOGUE = """
[[feature]]
name = "meetings_count"
measure = "count"
kinds = ["meeting_held"]

[[feature]]
name = "account_count"
measure = "count"
scope = "account"

[[feature]]
name = "country"
measure = "attribute"
attribute = "country"
type = "category"

[[feature]]
name = "has_budget"
measure = "attribute"
attribute = "has_budget"
type = "boolean"
"""

# What a challenger sets, and whether its recipe and its examples are the champion's.
RECIPES: list[tuple[dict[str, Any], bool, bool]] = [
    ({}, True, True),
    ({"seed": 8, "workers": 1, "origins": 4, "segments": ("country",)}, True, True),
    ({"learning_rate": 0.1}, False, True),
    ({"time_edges_days": (0, 7, 30)}, False, True),
    ({"grid_spacing_days": 5}, False, False),
    ({"max_examples": 20_000}, False, False),
    ({"attribute_types": {"plan": "category"}}, False, False),
]


def _write(folder: Path, config: TrainingConfig, **changes: Any) -> Path:
    bundle = small_bundle(config=recorded_config(config))
    write_bundle(folder, replace(bundle, **changes))
    return folder


@pytest.mark.parametrize(("keys", "has_recipe", "has_examples"), RECIPES)
def test_read_champion__compares_every_key_that_changes_a_fit(
    tmp_path: Path, keys: dict[str, Any], has_recipe: bool, has_examples: bool
) -> None:
    ours = OWN.model_copy(update=keys)

    champion = read_champion(_write(tmp_path / "1", OWN), "1", config=ours)

    assert champion.has_recipe_of(ours) is has_recipe
    assert champion.has_examples_of(ours) is has_examples


def test_read_champion__an_edited_catalogue_at_the_same_path_is_another_recipe(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(CATALOGUE)
    config = TrainingConfig(catalogue=path)
    used = load_catalogue(path)
    card = replace(small_bundle(config=recorded_config(config)).card, feature_set=used.version)
    folder = _write(tmp_path / "1", config, card=card, feature_set=used)
    assert read_champion(folder, "1", config=config).has_recipe_of(config)

    path.write_text(CATALOGUE.replace("meeting_held", "call_outbound"))
    champion = read_champion(folder, "1", config=config)

    assert not champion.has_recipe_of(config)
    assert champion.catalogue == used  # what the champion used, not what its file says now


def test_read_champion__features_of_the_catalogue_without_effect_change_no_recipe(
    tmp_path: Path,
) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text(CATALOGUE + '[[feature]]\nmeasure = "lead_age"\n')
    config = TrainingConfig(catalogue=path)
    declared = load_catalogue(path)
    bundle = small_bundle(config=recorded_config(config))
    card = replace(bundle.card, trained_on={"catalogue": declared.version})
    folder = _write(tmp_path / "1", config, card=card)

    assert bundle.feature_set.version != declared.version
    assert read_champion(folder, "1", config=config).has_recipe_of(config)

    path.write_text(CATALOGUE)
    assert not read_champion(folder, "1", config=config).has_recipe_of(config)


def test_read_champion__a_catalogue_instead_of_the_default_is_another_recipe(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.toml"
    path.write_text('[[feature]]\nmeasure = "count"\nkinds = ["page_view"]\nwindow_days = 7\n')
    ours = TrainingConfig(catalogue=path)

    champion = read_champion(_write(tmp_path / "1", OWN), "1", config=ours)

    assert not champion.has_recipe_of(ours)
    assert champion.catalogue is None


def test_read_champion__refuses_a_configuration_of_another_release(tmp_path: Path) -> None:
    bundle = small_bundle(config=recorded_config(OWN) | {"depth": 3})
    write_bundle(tmp_path / "1", bundle)

    with pytest.raises(ChampionConfigError, match="cannot read \\(depth\\)"):
        read_champion(tmp_path / "1", "1", config=OWN)
