from __future__ import annotations

import math

import numpy as np
import pytest

from tests.support.builders import history, lead
from tests.support.small_models import small_bundle
from tests.training.monitoring.followed import followed
from training.config import TrainingConfig
from training.metrics.bootstrap import Estimate
from training.monitoring.complete import CompleteFigures, complete_evidence, complete_figures

LEADS = history([lead(f"l{number:03d}") for number in range(120)], [], [], observed_until=60)
CONFIG = TrainingConfig(bootstrap_replicates=200)
# Of 60 scores of 0.6 two in three convert, of 60 of 0.4 one in three.
PROBABILITY, CONVERTED = [0.6] * 60 + [0.4] * 60, [1] * 40 + [0] * 20 + [1] * 20 + [0] * 40


def figures(auc: Estimate, slope: Estimate) -> CompleteFigures:
    return CompleteFigures(100, 50, {"auc": auc}, slope, (), ())


def test_complete_figures__are_those_counted_by_hand() -> None:
    found = complete_figures(followed(PROBABILITY, CONVERTED), LEADS, config=CONFIG)

    assert found is not None
    assert (found.scores, found.conversions) == (120, 60)
    # Converted above the other 4/9, alike 4/9 of all pairs.
    assert found.metrics["auc"].value == pytest.approx(4 / 9 + 2 / 9)
    # Odds of 2 happened where 3/2 were promised, both ways.
    assert found.slope.value == pytest.approx(math.log(2) / math.log(1.5), rel=1e-4)
    assert sum(row.conversions for row in found.reliability) == 60


def test_complete_figures__leave_out_scores_that_are_not_complete() -> None:
    given = followed(
        [*PROBABILITY, *[0.999] * 50], [*CONVERTED, *[0] * 50], complete=[True] * 120 + [False] * 50
    )

    found = complete_figures(given, LEADS, config=CONFIG)

    assert found is not None
    assert found.scores == 120


@pytest.mark.parametrize("converted", [29, 91])
def test_complete_figures__need_thirty_of_both_outcomes(converted: int) -> None:
    outcome = [1] * converted + [0] * (120 - converted)

    assert complete_figures(followed(PROBABILITY, outcome), LEADS, config=CONFIG) is None


def test_complete_figures__name_the_most_surprising_score_of_ten_leads() -> None:
    chance = np.array(PROBABILITY)
    # The last two scores are of lead 7: both surprise more than all others, the second most of all.
    chance[[118, 119]] = 0.9, 0.99
    numbers = np.arange(120)
    numbers[[118, 119]] = 7
    given = followed(chance.tolist(), CONVERTED, lead=numbers)

    found = complete_figures(given, LEADS, config=CONFIG)

    assert found is not None
    first, *others = found.surprises
    assert (first.lead_id, first.probability, first.converted) == ("l007", 0.99, False)
    assert len({each.lead_id for each in found.surprises}) == len(found.surprises) == 10
    # All that remain lost -log 0.4.
    assert {each.probability if not each.converted else 1 - each.probability for each in others} == {0.6}


def test_complete_evidence__holds_the_slope_and_the_auc_to_their_bounds() -> None:
    card = small_bundle(metrics={"auc": {"value": 0.8, "low": 0.78, "high": 0.82, "n": 900}}).card
    bad = figures(Estimate(0.6, 0.58, 0.62, 100), Estimate(0.5, 0.45, 0.55, 100))

    slope, auc = complete_evidence(bad, card, confidence=0.95, config=CONFIG)

    assert (slope.rule, slope.state, slope.least, slope.most) == ("slope", "crossed", 1 / 1.25, 1.25)
    # 0.8 less 0.05.
    assert (auc.rule, auc.state, auc.least) == ("discrimination", "crossed", pytest.approx(0.75))


def test_complete_evidence__of_figures_as_trained_crosses_nothing() -> None:
    card = small_bundle(metrics={"auc": {"value": 0.8, "low": 0.78, "high": 0.82, "n": 900}}).card
    good = figures(Estimate(0.8, 0.78, 0.82, 100), Estimate(1.0, 0.95, 1.05, 100))

    assert [line.state for line in complete_evidence(good, card, confidence=0.95, config=CONFIG)] == [
        "within",
        "within",
    ]
    assert [line.rule for line in complete_evidence(good, None, confidence=0.95, config=CONFIG)] == ["slope"]
