"""Both questions have answers that the made-up companies know."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.scorecard.hazards import sigmoid
from models.scorecard.held_out import draw_leads
from tests.support.backtests import backtest_predictions
from tests.support.builders import history, lead
from training.evaluation.held_out import HeldOutComparison, compare_held_out, compare_held_out_examples
from training.metrics.bootstrap import Bootstrap
from training.report.page import held_out_facts
from training.report.text import percent

BOOTSTRAP = Bootstrap(seed=7, replicates=400)


def company(
    *, called: float, seed: int, leads: int = 8_000, expected_of_held_out: float = 1.0
) -> HeldOutComparison:
    """A tenth of the leads is held out; calling multiplies the chance of the others."""
    chance = np.random.default_rng(seed)
    held_out = chance.random(leads) < 0.1
    basic = chance.beta(2, 12, leads)
    truth = np.clip(basic * np.where(held_out, 1.0, called), 0, 1)
    expected = truth * np.where(held_out, expected_of_held_out, 1.0)
    converted = (chance.random(leads) < truth).astype(float)
    compared = compare_held_out(held_out, expected, converted, np.arange(leads), bootstrap=BOOTSTRAP)
    assert compared is not None
    return compared


def test_compare_held_out__sees_that_calling_by_the_list_wins() -> None:
    compared = company(called=1.6, seed=1)

    assert compared.difference.low > 0
    assert compared.sentences[0].startswith("Calling by the list wins more: +")
    assert compared.difference.value == pytest.approx(
        compared.rates[1].value - compared.rates[0].value, abs=1e-12
    )
    assert sum(compared.leads) == 8_000


def test_compare_held_out__sees_that_selection_bent_what_is_learnt() -> None:
    # The model learnt from called leads, and promises the held-out ones 1.5 times what they do.
    bent = company(called=1.5, seed=2, expected_of_held_out=1.5)

    assert bent.bend.high < 1
    assert bent.bend.value == pytest.approx(1 / 1.5, rel=0.2)
    assert bent.sentences[1].startswith("Selection bent what is learnt")


def test_compare_held_out__is_silent_where_nothing_differs() -> None:
    seen = [company(called=1.0, seed=seed) for seed in range(20)]

    # Intervals of 95 %: of 20 companies four at most, with a chance of 0.3 %.
    assert sum(each.difference.low > 0 or each.difference.high < 0 for each in seen) <= 4
    assert sum(each.bend.low > 1 or each.bend.high < 1 for each in seen) <= 4


def test_compare_held_out__draws_whole_clusters() -> None:
    chance = np.random.default_rng(3)
    cluster = np.repeat(np.arange(300), 10)
    held_out = np.repeat(chance.random(300) < 0.3, 10)
    # All leads of an account share their fate.
    converted = np.repeat((chance.random(300) < 0.3).astype(float), 10)
    expected = np.full(3_000, 0.3)

    by_account = compare_held_out(held_out, expected, converted, cluster, bootstrap=BOOTSTRAP)
    by_lead = compare_held_out(held_out, expected, converted, np.arange(3_000), bootstrap=BOOTSTRAP)

    assert by_account is not None
    assert by_lead is not None
    width = [each.difference.high - each.difference.low for each in (by_account, by_lead)]
    # The root of ten.
    assert width[0] / width[1] == pytest.approx(3.16, rel=0.25)


def test_compare_held_out__of_few_conversions_says_nothing() -> None:
    held_out = np.arange(200) < 100
    converted = (np.arange(200) % 100 < 9).astype(float)

    assert (
        compare_held_out(held_out, np.full(200, 0.1), converted, np.arange(200), bootstrap=BOOTSTRAP) is None
    )


def test_compare_held_out_examples__tells_the_groups_by_the_hash_of_the_id() -> None:
    predictions = backtest_predictions()
    made = history([lead(f"l{number}", account_id=None) for number in range(1_500)])

    compared = compare_held_out_examples(predictions, made, share=0.2, bootstrap=BOOTSTRAP)

    assert compared is not None
    is_held_out = (draw_leads(made, np.arange(1_500))[:, 0] < 0.2)[predictions.lead]
    assert compared.leads == (is_held_out.sum() / 2, (~is_held_out).sum() / 2)
    converted, expected = predictions.converted[is_held_out], sigmoid(predictions.predicted[is_held_out])
    assert compared.rates[0].value == pytest.approx(converted.mean())
    assert compared.levels[0].value == pytest.approx(converted.sum() / expected.sum())
    # Nobody was held out of this list, and its scorecard predicts the truth.
    assert compared.difference.low < 0 < compared.difference.high
    assert compared.bend.low < 1 < compared.bend.high
    assert compare_held_out_examples(predictions, made, share=0.0, bootstrap=BOOTSTRAP) is None


def test_held_out_facts__show_the_figures_of_both_groups() -> None:
    compared = company(called=1.6, seed=1)

    facts = held_out_facts(compared)

    assert facts["sentences"] == compared.sentences
    assert [row[0] for row in facts["table"].rows[:2]] == ["held out", "others"]
    assert facts["table"].rows[2][3].text == percent(compared.difference.value)
    assert facts["table"].rows[2][4].text == f"{compared.bend.value:.2f}"
    assert held_out_facts(None)["table"] is None
    assert "Too few leads" in held_out_facts(None)["sentences"][0]


def test_to_json__has_figures_and_sentences() -> None:
    record = json.loads(json.dumps(company(called=1.2, seed=4).to_json()))

    assert {*record} == {"held_out", "others", "rate_difference", "level_ratio", "sentences"}
    assert {*record["held_out"]} == {"clusters", "rate", "observed_over_expected"}
    assert "Held out against the others" in str(company(called=1.2, seed=4))
