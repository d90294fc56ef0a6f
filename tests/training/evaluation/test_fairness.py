"""Figures by group: what they are, who is pooled, and what may be asked for."""

from __future__ import annotations

import numpy as np
import pytest

from features.engine.matrix import Examples
from features.history.lead_history import LeadHistory
from tests.support.builders import at, history, lead
from training.evaluation.fairness import (
    Compared,
    FairnessError,
    compare_groups,
    fairness_lines,
    fairness_to_json,
    require_attributes,
)
from training.evaluation.segments import POOLED
from training.metrics.bootstrap import Bootstrap
from training.report.tables import fairness_table

BOOTSTRAP = Bootstrap(7, 200)


def _company(sizes: dict[str, int]) -> tuple[LeadHistory, list[str]]:
    groups = [group for group, size in sizes.items() for _ in range(size)]
    leads = [lead(f"l{place:03}", region=group, age=1.0 * place) for place, group in enumerate(groups)]
    return history(leads), groups


def _compared(groups: list[str], probability: np.ndarray, converted: np.ndarray) -> Compared:
    rows = np.arange(len(groups))
    return Compared(
        Examples(rows, np.full(len(rows), at(1))), probability, converted, rows, probability > 0.5
    )


def test_compare_groups__tells_a_group_that_is_promised_too_little() -> None:
    made, groups = _company({"north": 100, "south": 100})
    rng = np.random.default_rng(3)
    probability = rng.choice([0.2, 0.6], 200)
    # In the south twice as many convert as are promised.
    chance = probability * np.where(np.array(groups) == "south", 1.6, 1.0)
    found = compare_groups(
        made, _compared(groups, probability, rng.random(200) < chance), ["region"], BOOTSTRAP
    )

    north, south = found["region"]["north"], found["region"]["south"]
    assert [group.leads for group in (north, south)] == [100, 100]
    assert north.ratio.low < 1 < north.ratio.high
    assert south.ratio.low > 1
    assert south.top_share.value == pytest.approx(np.mean(probability[100:] > 0.5))
    assert north.auc is not None
    assert 0.5 < north.auc.value < 1


def test_compare_groups__pools_groups_of_few_leads_and_names_none_of_them() -> None:
    made, groups = _company({"north": 40, "east": 19, "west": 1, "south": 5})
    probability = np.full(65, 0.5)
    found = compare_groups(
        made, _compared(groups, probability, np.arange(65) % 2 == 0), ["region"], BOOTSTRAP
    )

    assert {name: group.leads for name, group in found["region"].items()} == {"north": 40, POOLED: 25}


def test_compare_groups__has_no_figures_where_the_pooled_are_few() -> None:
    made, groups = _company({"north": 40, "east": 19})
    probability = np.full(59, 0.5)
    found = compare_groups(
        made, _compared(groups, probability, np.arange(59) % 2 == 0), ["region"], BOOTSTRAP
    )

    assert [*found["region"]] == ["north"]


@pytest.mark.parametrize("name", ["age", "nothing"])
def test_require_attributes__refuses_numbers_and_what_is_not_there(name: str) -> None:
    made, _ = _company({"north": 2})

    with pytest.raises(FairnessError, match=f"{name}.*region.*fairness_attributes"):
        require_attributes(made, [name])


def test_fairness__is_shown_in_report_object_and_text() -> None:
    made, groups = _company({"north": 40, "south": 40})
    compared = _compared(groups, np.full(80, 0.5), np.arange(80) % 2 == 0)
    fairness = compare_groups(made, compared, ["region"], BOOTSTRAP)

    table = fairness_table("By region", fairness["region"])
    shown = [cell if isinstance(cell, str) else cell.text for cell in table.rows[0]]

    assert shown == ["north", "40", "40", "50 %", "50 %", "1.000", "0.500", "0.000", "0 %"]
    assert fairness_to_json(fairness)["region"]["south"]["ratio"]["value"] == 1.0
    assert fairness_lines(fairness)[2].split()[:4] == ["north", "40", "50.0%", "50.0%"]
