"""One predictor, whose scores can be computed by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from features.funnel import STAGES, Condition
from features.history.lead_history import LeadHistory
from models.errors import HorizonError
from models.scorecard.bands import Band
from models.scorecard.scorecard import Replica
from serving.scoring.predictor import Predictor
from serving.scoring.score_columns import NO_BAND, STATUSES, Scores
from tests.support.builders import at, history, lead, lost, touch, won
from tests.support.small_models import random_bundle, small_bundle
from tests.test_parity import CATEGORIES, FEATURES


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def score_all(predictor: Predictor, made: LeadHistory, when: float = 10, **options: object) -> Scores:
    return predictor.score(made, np.arange(made.leads_count), at(when), **options)  # type: ignore[arg-type]


def statuses(scores: Scores) -> list[str]:
    return [STATUSES[code] for code in scores.status]


def test_score__is_the_sum_anyone_can_compute() -> None:
    made = history(
        [lead("a", country="DE", has_budget=True), lead("b")],
        [touch("a", "meeting_held", 1), touch("a", "meeting_held", 2)],
    )

    scores = score_all(Predictor.from_bundle(small_bundle(shift=0.1)), made)

    # a: -2 + 0.1 + two meetings 2 + DE 0.5 + budget 0.25; b: -2 + 0.1
    assert scores.log_odds == pytest.approx([0.85, -1.9], abs=1e-12)
    assert scores.probability == pytest.approx([sigmoid(0.85), sigmoid(-1.9)], abs=1e-12)
    assert scores.base_log_odds == pytest.approx(-1.9, abs=1e-12)
    assert scores.curve[:, -1].tolist() == scores.probability.tolist()


@pytest.mark.parametrize(("when", "status"), [(-1e-9, "scored"), (0, "converted"), (1e-9, "converted")])
def test_score__knows_an_outcome_from_the_tick_it_is_available(when: float, status: str) -> None:
    made = history(outcomes=[won("a", 5, available_at=7)])
    ticks = round(when * 1e9)

    scores = Predictor.from_bundle(small_bundle()).score(made, np.array([0]), at(7) + ticks)

    assert statuses(scores) == [status]


def test_score__leaves_numbers_to_open_leads() -> None:
    made = history(["a", "b", "c"], outcomes=[won("a", 5), lost("c", 6)])

    scores = score_all(Predictor.from_bundle(small_bundle()), made)

    assert statuses(scores) == ["converted", "scored", "lost"]
    assert scores.row.tolist() == [1]
    assert len(scores.probability) == 1


def test_score__fails_the_lead_without_a_finite_answer_alone() -> None:
    made = history([lead("a", country="XX"), lead("b", country="DE")])

    scores = score_all(Predictor.from_bundle(small_bundle()), made)

    assert statuses(scores) == ["failed", "scored"]
    assert scores.failures == {0: "the model gave no finite number"}
    # -2 + DE 0.5
    assert scores.log_odds == pytest.approx([-1.5], abs=1e-12)


@pytest.mark.parametrize(
    ("average", "band"), [(0.0, "A"), (-1e-9, "B"), (-20.0, "C")], ids=["on the limit", "below", "far below"]
)
def test_score__puts_a_lead_into_the_first_band_it_reaches(average: float, band: str) -> None:
    bands = (Band("A", 0.5), Band("B", 0.1), Band("C", 0.0))
    predictor = Predictor.from_bundle(small_bundle(average=average, bands=bands))

    scores = score_all(predictor, history())

    assert [predictor.band_names[code] for code in scores.band] == [band]


def test_score__gives_no_band_where_the_range_reaches_from_the_lowest_to_the_highest() -> None:
    # The replicas' logits lie 1 apart from the model's -2, so that the spread is sqrt(2) and t for two
    # replicas takes the range from far below C to far above A; without replicas there is no range.
    sure = small_bundle()
    replicas = tuple(
        Replica(sure.scorecard.average + step, tuple(term.table for term in sure.scorecard.terms))
        for step in (-1.0, 1.0)
    )
    unsure = replace(sure, scorecard=replace(sure.scorecard, replicas=replicas))

    both = [score_all(Predictor.from_bundle(bundle), history()) for bundle in (sure, unsure)]

    assert [statuses(scores) for scores in both] == [["scored"], ["insufficient_evidence"]]
    assert both[1].band.tolist() == [NO_BAND]
    assert both[1].low[0] < 0.05 < both[1].probability[0] < 0.4 < both[1].high[0]
    assert both[0].probability.tolist() == both[1].probability.tolist()


@pytest.mark.parametrize("amount", [-300.0, 0.0])
def test_score__ranks_by_probability_where_a_stored_amount_would_reverse_it(amount: float) -> None:
    predictor = Predictor.from_bundle(small_bundle(expected_amount=amount))

    scores = score_all(predictor, history())

    assert scores.priority.tolist() == scores.probability.tolist()
    assert np.isnan(scores.expected_value).all()


def test_score__multiplies_by_the_expected_amount() -> None:
    with_amount = Predictor.from_bundle(small_bundle(average=0.0, expected_amount=300.0))
    without = Predictor.from_bundle(small_bundle(average=0.0))

    # P is one half.
    assert score_all(with_amount, history()).expected_value == pytest.approx([150.0])
    assert np.isnan(score_all(without, history()).expected_value).all()


def test_score__reads_stage_prospect_and_waiting_off_the_same_interactions() -> None:
    made = history(
        [lead("a", size=50), lead("b", size=5), lead("c")],
        [
            touch("a", "meeting_held", 1),
            touch("b", "meeting_held", 1),
            touch("c", "form_submitted", 9.5, direction="inbound"),
        ],
    )
    profile = (Condition("size", at_least=10),)

    scores = score_all(Predictor.from_bundle(small_bundle(conditions=profile)), made)

    assert [STAGES[code] for code in scores.stage[:2]] == ["sql", "sql"]
    assert scores.prospect.tolist() == [True, False, False]
    # From day 9.5 to day 10.
    assert scores.waiting_hours[2] == pytest.approx(12.0)


@pytest.mark.parametrize("count", [0, 1, 3, 1000, "all"])
def test_score__reasons_add_up_to_the_log_odds(count: int | str) -> None:
    predictor = Predictor.from_bundle(random_bundle(FEATURES, CATEGORIES, seed=3))
    made = history(
        [lead("a", country="DE", size=3.0), lead("b")],
        [touch("a", "meeting_held", day) for day in (0.5, 3, 8)] + [touch("b", "page_view", 9)],
    )

    scores = score_all(predictor, made, reasons=count)

    summed = scores.base_log_odds + scores.reasons.points.sum(axis=1) + scores.reasons.other
    logits = np.log(scores.probability / (1 - scores.probability))
    assert summed == pytest.approx(logits, abs=1e-6)
    expected = {0: 0, 1: 1, 3: 3}.get(count, len(predictor.term_labels))  # type: ignore[call-overload]
    assert scores.reasons.terms.shape == (2, expected)


def test_score__names_the_strongest_reasons_first_and_none_that_adds_nothing() -> None:
    made = history([lead("a", country="FR", has_budget=True)], [touch("a", "meeting_held", 1)])
    predictor = Predictor.from_bundle(small_bundle())

    reasons = score_all(predictor, made, reasons="all").reasons

    # A meeting 1, FR -0.5, a budget 0.25; the account is unknown and adds nothing.
    names = [predictor.term_labels[term].name for term in reasons.terms[0]]
    assert names == ["meetings_count", "country", "has_budget", "account_count"]
    assert reasons.points[0] == pytest.approx([1, -0.5, 0.25, 0], abs=1e-12)
    assert reasons.is_shown.tolist() == [[True, True, True, False]]


def test_score__answers_any_horizon_up_to_the_last_edge() -> None:
    predictor = Predictor.from_bundle(small_bundle(average=0.0))

    half = score_all(predictor, history(), horizon_days=15.0)

    # The hazard is one half in 30 days, spread evenly in the cumulative hazard: 1 - sqrt(1/2) in 15.
    assert half.probability == pytest.approx([1 - math.sqrt(0.5)], abs=1e-12)
    assert half.horizon_days == 15.0
    with pytest.raises(HorizonError, match="31 days"):
        score_all(predictor, history(), horizon_days=31.0)


def test_score__does_not_look_at_what_is_known_later() -> None:
    predictor = Predictor.from_bundle(small_bundle())
    later = [touch("a", "meeting_held", 11), touch("a", "meeting_held", 2, available_at=10.001)]

    assert score_all(predictor, history(interactions=later)).probability.tolist() == (
        score_all(predictor, history()).probability.tolist()
    )


def test_from_bundle__reads_only_attributes_that_features_use() -> None:
    predictor = Predictor.from_bundle(small_bundle(conditions=(Condition("size", at_least=10),)))

    assert predictor.attribute_types == {"country": "category", "has_budget": "boolean", "size": "number"}
    assert predictor.reads_account
