"""What the gate finds in examples and features, and what training does about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.checks.checked_history import CheckedHistory, read_history
from features.findings.problems import Findings, HistoryError
from tests.support.gate_worlds import World, honest_world
from tests.support.small_business import CONFIG, write_business
from training.config import TrainingConfig
from training.data_checks.data_gate import pass_gate
from training.data_checks.leaks import check_single_features
from training.data_checks.lookahead import check_future
from training.examples.dataset import Dataset, build_dataset

ACCEPTING = CONFIG.model_copy(update={"accepted_codes": ("D055",)})


def same(world: World) -> World:
    """What is done to it is done to its matrix, in the test."""
    return world


def contacts_today(converted_mean: float) -> Callable[[World], World]:
    """A count that grows until today: more contacts for those who converted."""

    def change(world: World) -> World:
        rng = np.random.default_rng(3)
        return world.fill("contacts", lambda _, won: float(rng.poisson(converted_mean if won else 3.0)))

    return change


def rare_flag(world: World) -> World:
    """True for a few leads, all of which convert."""
    rng = np.random.default_rng(3)
    return world.fill("vip", lambda _, won: bool(won and rng.random() < 0.1))


TELLING_FEATURES: dict[str, dict[str, Callable[[World], World]]] = {
    "D055": {"": contacts_today(25.0)},
    "D058": {"": same},
}
NEAR_FEATURES: dict[str, dict[str, Callable[[World], World]]] = {
    "D055": {
        "strong": contacts_today(5.0),
        "rare": rare_flag,
        "few": same,
    },
    "D058": {"": same},
}


def gathered(world: World, folder: Path, config: TrainingConfig = CONFIG) -> tuple[Dataset, CheckedHistory]:
    checked = read_history(write_business(folder / "history", world.tables()))
    return build_dataset(checked.history, config=config), checked


def codes(check: Callable[..., None], dataset: Dataset) -> list[str]:
    findings = Findings()
    check(dataset, findings, seed=1)
    return [problem.code for problem in findings.problems()]


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return gathered(honest_world(), tmp_path_factory.mktemp("honest"))[0]


def test_check_single_features__finds_an_attribute_as_of_today(tmp_path: Path) -> None:
    dataset, checked = gathered(TELLING_FEATURES["D055"][""](honest_world()), tmp_path)

    with pytest.raises(
        HistoryError, match=r"D055 The feature contacts alone tells who converts: AUC 0\.9\d\d"
    ):
        pass_gate(dataset, checked, source=tmp_path, config=CONFIG)

    passed, problems = pass_gate(dataset, checked, source=tmp_path, config=ACCEPTING)
    assert [(each.code, each.stops) for each in problems] == [("D037", None), ("D055", None)]
    assert passed.notes[-1].startswith("D055 (accepted) The feature contacts")


@pytest.mark.parametrize("name", ["strong", "rare"])
def test_check_single_features__lets_an_honest_feature_be_strong_or_rare(name: str, tmp_path: Path) -> None:
    dataset, _ = gathered(NEAR_FEATURES["D055"][name](honest_world()), tmp_path)

    assert codes(check_single_features, dataset) == []


def test_check_single_features__says_nothing_of_few_conversions(honest: Dataset) -> None:
    few = replace(honest, outcome=np.where(honest.lead < 900, np.nan, honest.outcome))

    assert codes(check_single_features, few) == []


def test_check_future__finds_nothing_where_nothing_looks_ahead(honest: Dataset) -> None:
    assert codes(check_future, honest) == []


@pytest.mark.parametrize("name", ["country", "interactions_count"])
def test_check_future__finds_a_feature_that_looks_ahead_to_the_last_bit(honest: Dataset, name: str) -> None:
    values = honest.matrix.values.copy()
    row = honest.matrix.names.index(name)
    values[row] = (values[row] + 1) % 3 if name == "country" else np.nextafter(values[row], np.inf)
    findings = Findings()

    check_future(replace(honest, matrix=honest.matrix._replace(values=values)), findings, seed=1)

    (problem,) = findings.problems()
    assert (problem.code, problem.stops) == ("D058", "training")
    assert problem.sentence.endswith(f"removed: {name}.")
    assert problem.ids
