from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from features.checks.checked_history import read_history
from features.checks.model_inputs import ModelInputs
from features.history.lead_history import LeadHistory
from models.bundle.card import Card
from tests.support.backtests import backtest_predictions
from tests.support.gate_worlds import honest_world
from tests.support.lead_fates import DAY, fate, history_of
from tests.support.small_business import write_business
from tests.support.small_models import small_bundle
from training.backtesting.jobs import SCORECARD
from training.baselines.base_rate import BASE_RATE
from training.evaluation.capacity import Capacity, week_of
from training.evaluation.figure_parts import CREATION, GRID
from training.evaluation.inputs import EvaluationInputs
from training.evaluation.segments import WEEK, Segmentation
from training.metrics.bootstrap import Bootstrap
from training.promotion.champion_comparison import (
    capture_change,
    find_faults,
    find_lost_inputs,
    gated_segments,
    loss_change,
)

BOOTSTRAP = Bootstrap(3, 200)


def _history(*, converted: int, first_day: int = 0, end: int = 200) -> LeadHistory:
    """100 leads of the first 100 days; the first ones convert two days after they came."""
    fates = [
        fate((first_day + number) * DAY, converted_at=(first_day + number + 2) * DAY)
        if number < converted
        else fate((first_day + number) * DAY)
        for number in range(100)
    ]
    return history_of(fates, observed_until=end * DAY)


# At day 150 the champion saw 100 leads, of which 50 had converted.
CARD: Card = replace(
    small_bundle().card,
    history_from=0,
    observed_until=150 * DAY,
    trained_on={"leads": 100, "converted_leads": 50},
)

# Converted of 100, first day, end of outcomes; what is found.
HISTORIES: list[tuple[dict[str, int], str | None]] = [
    ({"converted": 50}, None),
    ({"converted": 49}, None),  # 0.98 of 50, erased leads
    ({"converted": 48}, "48 had converted by then, the champion saw 50 of 100"),  # 0.96
    ({"converted": 55}, None),  # 1.1: reported late
    ({"converted": 56}, "56 had converted by then"),
    ({"converted": 50, "end": 150}, None),
    ({"converted": 50, "end": 149}, "before 1970-05-31"),
    ({"converted": 30, "first_day": 2}, None),  # an export of the last months holds other leads
]


@pytest.mark.parametrize(("made", "fault"), HISTORIES)
def test_find_faults__finds_outcomes_that_were_lost_or_added(made: dict[str, int], fault: str | None) -> None:
    faults = list(find_faults(_history(**made), CARD))

    assert len(faults) == (fault is not None)
    assert fault is None or fault in faults[0]


def test_find_faults__of_a_card_without_counts_are_none() -> None:
    assert list(find_faults(_history(converted=5), replace(CARD, trained_on={}))) == []


def test_find_lost_inputs__names_columns_types_and_kinds(tmp_path: Path) -> None:
    history = read_history(write_business(tmp_path / "history", honest_world().tables())).history
    known = ModelInputs(
        attributes={"country": "category", "size": "number"},
        kinds=frozenset({"page_view", "call_outbound"}),
        kind_shares={"page_view": 0.9},
        reads_interactions=True,
    )
    more = replace(
        known,
        attributes={"country": "number", "size": "number", "budget": "number"},
        kinds=known.kinds | {"demo_held"},
        kind_shares={"page_view": 0.9, "demo_held": 0.1},
    )

    assert list(find_lost_inputs(known, history)) == []
    lost = list(find_lost_inputs(more, history))
    assert lost[0] == "attribute country is a category, it was a number"
    assert [sentence[:4] for sentence in lost[1:]] == ["D090", "D099"]


def test_gated_segments__are_populations_and_configured_attributes_with_enough_conversions() -> None:
    predictions = backtest_predictions()
    by_half = Segmentation(("first", "second"), (predictions.lead >= 1_100).astype(np.int64))
    by_tenth = Segmentation(("rest", "few"), (predictions.lead >= 1_400).astype(np.int64))
    inputs = EvaluationInputs(segments={"source": by_half, "country": by_tenth, WEEK: by_half})

    gated = gated_segments(predictions, inputs)

    # 1,500 leads, about a fourth of which converts; the unseen ones and the last 400 or 100 are too few.
    assert set(gated) == {GRID, CREATION, "source=first", "country=rest"}


def test_loss_change__of_the_same_predictions_is_zero_and_of_the_base_rate_above() -> None:
    predictions = backtest_predictions()
    everyone = np.ones(len(predictions.lead), dtype=np.bool_)
    worse = replace(
        predictions, log_odds=dict(predictions.log_odds) | {SCORECARD: predictions.log_odds[BASE_RATE]}
    )

    same = loss_change(predictions, predictions.predicted, everyone, BOOTSTRAP)
    lost = loss_change(worse, predictions.predicted, everyone, BOOTSTRAP)

    assert (same.low, same.value, same.high) == (0, 0, 0)
    assert lost.low > 0.02


def test_capture_change__is_at_the_capacity_of_sales() -> None:
    predictions = backtest_predictions()
    weeks = np.unique(week_of(predictions.as_of))
    # All 3,000 test examples lie in one week, of 1,500 open leads.
    everybody, some = (
        Capacity(leads, is_derived=False, week=weeks, open_leads=np.full(len(weeks), 1_500))
        for leads in (1_500.0, 75.0)
    )
    at_random = np.random.default_rng(0).normal(size=len(predictions.lead))

    all_called = capture_change(predictions, at_random, everybody, BOOTSTRAP)
    few_called = capture_change(predictions, at_random, some, BOOTSTRAP)
    same = capture_change(predictions, predictions.predicted, some, BOOTSTRAP)

    assert all_called.value == 0  # whoever calls all captures all
    assert few_called.low > 0.5  # a twentieth, chosen well instead of at random
    assert (same.low, same.value, same.high) == (0, 0, 0)
