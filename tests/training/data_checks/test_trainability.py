"""What `check` calls trainable passes the data gate of a training, which computes every feature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from features.checks.checked_history import read_history
from features.errors import LeadOddsError
from features.findings.problems import Findings
from tests.support.gate_worlds import World, honest_world
from tests.support.small_business import write_business
from tests.training.data_checks.test_data_gate import ACCEPTING, CONFIG, contacts_today
from training.config import TrainingConfig
from training.data_checks.leaks import check_single_features
from training.data_checks.trainability import check_for_training
from training.examples.dataset import build_dataset


def checked(world: World, folder: Path, config: TrainingConfig) -> list[tuple[str, str | None, str]]:
    if not folder.exists():
        write_business(folder, world.tables())
    report = check_for_training(folder, config=config)
    return [(each.code, each.stops, each.sentence) for each in report.problems]


def test_check_for_training__finds_the_leak_that_a_training_finds(tmp_path: Path) -> None:
    leaky = contacts_today(25.0)(honest_world())

    (_, found) = checked(leaky, tmp_path / "history", CONFIG)
    (_, accepted) = checked(leaky, tmp_path / "history", ACCEPTING)

    findings = Findings()
    history = read_history(tmp_path / "history").history
    check_single_features(build_dataset(history, config=CONFIG), findings, seed=CONFIG.seed)
    (expected,) = findings.problems()
    assert found == ("D055", "training", expected.sentence)
    assert accepted == ("D055", None, expected.sentence)


def test_check_for_training__is_silent_about_an_honest_history(tmp_path: Path) -> None:
    assert [code for code, _, _ in checked(honest_world(), tmp_path / "history", CONFIG)] == ["D037"]


@pytest.mark.parametrize("wrong", [{"monotonic": {"nothing": "rises"}}, {"segments": ("nothing",)}])
def test_check_for_training__refuses_a_configuration_that_a_training_refuses(
    tmp_path: Path, wrong: dict[str, Any]
) -> None:
    with pytest.raises(LeadOddsError, match="nothing"):
        checked(honest_world(), tmp_path / "history", CONFIG.model_copy(update=wrong))
