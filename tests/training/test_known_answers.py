"""What a training finds in worlds whose answer is known beforehand."""

from __future__ import annotations

from typing import Final

import numpy as np
import pytest

from features.history.lead_history import CONVERTED, Floats, Ints
from features.history.outcomes import one_of_each
from features.times import US_PER_DAY
from models.errors import HorizonError
from models.scorecard.bins import encode
from models.scorecard.hazards import sigmoid
from models.scorecard.scorecard import Scorecard, Term
from models.scorecard.scoring import probabilities
from tests.support.worlds import (
    World,
    arrivals,
    backtest_world,
    converted_share,
    make_world,
    names,
    numbers,
    train_world,
)
from training.backtesting.jobs import SCORECARD
from training.baselines.mature_boosting import MATURE_BOOSTING
from training.bundling.bands import choose_bands, predict_open_leads
from training.config import TrainingConfig
from training.evaluation.evaluate import evaluate
from training.examples.dataset import Dataset
from training.metrics.bootstrap import Bootstrap
from training.promotion.gate import decide
from training.promotion.gate_inputs import gather_gate_inputs

EDGES: Final = (0.0, 3.0, 7.0, 14.0, 30.0)
HORIZON: Final = 30.0

# Few trees, no baselines: enough to see whether the answer is found, though not to the last per cent.
CONFIG: Final = TrainingConfig(
    quick=True,
    workers=1,
    time_edges_days=EDGES,
    grid_spacing_days=5,
    iterations=60,
    bootstrap_replicates=200,
)
# As without a configuration, but with no candidates: later rows choose the number of trees.
SEARCHING: Final = CONFIG.model_copy(
    update={"quick": False, "search_budget": 1, "iterations": TrainingConfig().iterations}
)
BOOTSTRAP: Final = Bootstrap(CONFIG.seed, CONFIG.bootstrap_replicates)
LOSS: Final = 0.02


def attributes_of(leads_count: int, *, seed: int) -> dict[str, Ints | Floats]:
    """A size from 0 to 19, and three attributes that no world uses."""
    rng = np.random.default_rng([seed, 9])
    return {
        "size": rng.integers(0, 20, leads_count),
        "luck": rng.random(leads_count),
        "dice": rng.integers(1, 7, leads_count),
        "team": rng.integers(0, 4, leads_count),
    }


def world_of(
    created: Floats, rate: Floats | float, drawn: dict[str, Ints | Floats], *, days: float, seed: int
) -> World:
    """A world of these attributes, in which leads are lost at the usual rate."""
    teams = names(drawn["team"].astype(np.int64), ("a", "b", "c", "d"))
    attributes = {name: numbers(values) for name, values in drawn.items() if name != "team"} | {"team": teams}
    return make_world(created, rate, LOSS, dict(sorted(attributes.items())), days=days, seed=seed)


def term_of(scorecard: Scorecard, name: str) -> Term | None:
    """The term of this name, None where it was dropped."""
    return next((term for term in scorecard.terms if scorecard.term_name(term) == name), None)


def predicted_and_true(dataset: Dataset, scorecard: Scorecard, world: World) -> tuple[Floats, Floats]:
    """(examples,) probabilities within the main horizon: predicted, and true."""
    predicted = probabilities(scorecard, encode(scorecard.bins, dataset.matrix), HORIZON)
    return predicted, world.probability(dataset.lead, HORIZON)


def spread_of(scorecard: Scorecard, dataset: Dataset, name: str) -> float:
    """Standard deviation over examples of what a term adds to the logits; 0 where it was dropped."""
    term = term_of(scorecard, name)
    if term is None:
        return 0.0
    codes = encode(scorecard.bins, dataset.matrix)
    return float(term.table[codes[:, term.features[0]]].std(axis=0).mean())


# A lead of size 12 or more converts five times as fast.
STEP_AT, SLOW, FAST = 12, 0.01, 0.05


@pytest.fixture(scope="module")
def step() -> tuple[World, Dataset, Scorecard]:
    drawn = attributes_of(4_000, seed=1)
    rate = np.where(drawn["size"] >= STEP_AT, FAST, SLOW)
    world = world_of(arrivals(4_000, days=180, seed=1), rate, drawn, days=180, seed=1)
    dataset, hazard = train_world(world, CONFIG)
    return world, dataset, hazard.scorecard


def hazards(rate: float) -> Floats:
    """(K,) true hazards of the time bins; a lost lead stays at risk."""
    below = converted_share(rate, LOSS, np.array(EDGES))
    return np.diff(below) / (1 - below[:-1])


def test_step__is_found_at_its_edge_with_its_height(step: tuple[World, Dataset, Scorecard]) -> None:
    _, _, scorecard = step

    term = term_of(scorecard, "size")

    assert term is not None
    edges = scorecard.bins[term.features[0]].edges
    # Code 0 is a missing size; bin 1 ends at the first edge.
    rises = np.diff(term.table[1:], axis=0)
    assert edges[np.argmax(rises.mean(axis=1))] == STEP_AT
    below, above = term.table[1 : STEP_AT + 1], term.table[STEP_AT + 1 :]
    truth = [np.log(h / (1 - h)) for h in (hazards(SLOW), hazards(FAST))]
    # Each side has 500 conversions or more: a standard error of 0.06 logits; 0.2 is three.
    assert above.mean(axis=0) - below.mean(axis=0) == pytest.approx(truth[1] - truth[0], abs=0.2)


def test_step__has_the_true_probability_on_both_sides(step: tuple[World, Dataset, Scorecard]) -> None:
    world, dataset, scorecard = step

    predicted, true = predicted_and_true(dataset, scorecard, world)

    for side in np.unique(true):
        # 0.198 and 0.627, from 500 conversions each: 0.03 is two standard errors and more.
        assert predicted[true == side].mean() == pytest.approx(side, abs=0.03)


def test_step__features_without_information_have_hardly_any_effect(
    step: tuple[World, Dataset, Scorecard],
) -> None:
    _, dataset, scorecard = step

    size = spread_of(scorecard, dataset, "size")

    # Half of a step of 1.6 logits, a little less as the sides are 12 to 8.
    assert size == pytest.approx(0.75, abs=0.15)
    # Chance alone gives bins of 200 leads, of which 60 convert, a spread of 0.13 logits.
    others = [name for name in scorecard.term_names if name != "size"]
    assert max(spread_of(scorecard, dataset, name) for name in others) < 0.13


@pytest.mark.parametrize("horizon_days", [1.0, 3.0, 5.0, 14.0, 22.0, 30.0])
def test_step__one_scorecard_is_right_at_every_horizon(
    step: tuple[World, Dataset, Scorecard], horizon_days: float
) -> None:
    world, dataset, scorecard = step
    codes = encode(scorecard.bins, dataset.matrix)

    predicted = probabilities(scorecard, codes, horizon_days)

    true = world.probability(dataset.lead, horizon_days)
    # Within a time bin the hazard is taken as constant, which is as good as exact here; of the conversions
    # within a day there are 60: one standard error is 13 %.
    assert predicted.mean() == pytest.approx(true.mean(), rel=0.3 if horizon_days < 3 else 0.1)
    assert (predicted >= probabilities(scorecard, codes, 0.99 * horizon_days)).all()


def test_step__a_horizon_beyond_the_last_edge_is_refused(step: tuple[World, Dataset, Scorecard]) -> None:
    _, dataset, scorecard = step

    with pytest.raises(HorizonError, match="up to 30 days"):
        probabilities(scorecard, encode(scorecard.bins, dataset.matrix), 30.01)


@pytest.mark.parametrize("pairs", [0, 4])
def test_interaction__is_found_by_a_pair_and_missed_without(pairs: int) -> None:
    # Fast is who is large or has luck, not both: half of either, so that neither explains anything alone.
    drawn = attributes_of(4_000, seed=6)
    is_fast = (drawn["size"] >= 10) ^ (drawn["dice"] > 3)
    rate = np.where(is_fast, FAST, SLOW)
    world = world_of(arrivals(4_000, days=180, seed=6), rate, drawn, days=180, seed=6)
    config = CONFIG.model_copy(update={"quick": False, "search_budget": 1, "pairs": pairs})

    dataset, hazard = train_world(world, config)

    predicted, true = predicted_and_true(dataset, hazard.scorecard, world)
    slow, fast = (predicted[true == side].mean() for side in np.unique(true))
    tables = [name for name in hazard.scorecard.term_names if " x " in name]
    if pairs == 0:
        # Without pairs 0.198 and 0.627 cannot be distinguished; 0.06 is chance.
        assert tables == []
        assert fast - slow < 0.06
    else:
        # Cells of 140 leads are shrunken towards the others: a tenth of the difference may be missing.
        assert tables == ["dice x size"]
        assert [slow, fast] == pytest.approx(np.unique(true), abs=0.06)


@pytest.fixture(scope="module")
def noise() -> World:
    # One such world in twenty lies outside each 95 % interval; this is one of the others.
    drawn = attributes_of(4_000, seed=9)
    return world_of(arrivals(4_000, days=180, seed=9), SLOW, drawn, days=180, seed=9)


def test_noise__is_predicted_by_the_base_rate(noise: World) -> None:
    dataset, hazard = train_world(noise, SEARCHING)

    predicted, true = predicted_and_true(dataset, hazard.scorecard, noise)

    # Leads whose month is over determine the base rate to 1.96 sqrt(p (1 - p) / n): 3,300 of them to 0.014.
    month_us = round(HORIZON * US_PER_DAY)
    leads_count = int((noise.history.created_at <= noise.history.observed_until - month_us).sum())
    base = true[0]
    assert abs(predicted.mean() - base) < 1.96 * np.sqrt(base * (1 - base) / leads_count)
    # No lead has half or twice of it.
    assert base / 2 < predicted.min()
    assert predicted.max() < base * 2


def test_noise__claims_neither_lift_nor_skill(noise: World) -> None:
    predictions = backtest_world(noise, CONFIG)

    evaluation = evaluate(predictions, BOOTSTRAP)

    metrics = evaluation.metrics
    assert metrics["lift_at_10"].low < 1 < metrics["lift_at_10"].high
    assert metrics["auc"].low < 0.5 < metrics["auc"].high
    assert metrics["log_loss_skill"].high < 0.01
    verdict = decide(gather_gate_inputs(predictions, evaluation, problems=()))
    assert "better_than_base_rate" in {row.rule for row in verdict.rows if not row.passed}


@pytest.mark.parametrize(("first", "towards"), [(0.1, -1), (0.02, 1)])
def test_trend__the_last_origins_predict_the_true_level(first: float, towards: int) -> None:
    # The rate at which new leads convert halves or doubles every 150 days: by a factor of four in all.
    created = arrivals(4_000, days=300, seed=3, growth=0.01)
    luck = {"luck": numbers(np.random.default_rng(3).random(4_000))}
    rate = first * 2.0 ** (towards * created / 150)
    world = make_world(created, rate, 0.05, luck, days=300, seed=3)
    # Full: baselines are fitted at both of the last origins.
    config = CONFIG.model_copy(update={"quick": False, "full": True, "origins": 6})

    predictions = backtest_world(world, config)

    last = predictions.origin >= len(predictions.origins) - 2
    true = world.probability(predictions.lead[last], HORIZON).mean()

    def distance(log_odds: Floats) -> float:
        return abs(float(np.log(sigmoid(log_odds[last]).mean() / true)))

    # The training data are on average some 100 days old, 2^(100/150) = 1.6 in the rate and 1.3 in the
    # probability. Young leads are newer than mature ones, and the shifts of past origins correct the rest.
    mature = distance(predictions.log_odds[MATURE_BOOSTING])
    assert mature > np.log(1.25)
    assert distance(predictions.log_odds[SCORECARD]) < mature - 0.02
    assert distance(predictions.predicted) < np.log(1.2)


# Conversions a day of leads below size 14, and from there on four times as many.
SELDOM: Final = (0.00007, 0.00028)
OFTEN: Final = (0.03, 0.12)


@pytest.mark.parametrize(
    ("leads_count", "days", "rates", "share", "near"),
    [
        # 141 conversions: a standard error of 8 %, and of 12 % on one side; of which 0.3 is two and a half.
        (30_000, 180.0, SELDOM, 0.005, 0.3),
        # 1,800 conversions: 0.05 is three standard errors of the side with fewer leads.
        (3_000, 150.0, OFTEN, 0.6, 0.05),
    ],
)
def test_extremes__half_a_per_cent_and_sixty_per_cent_are_predicted_as_they_are(
    leads_count: int, days: float, rates: tuple[float, float], share: float, near: float
) -> None:
    drawn = attributes_of(leads_count, seed=4)
    rate = np.where(drawn["size"] >= 14, rates[1], rates[0])
    world = world_of(arrivals(leads_count, days=days, seed=4), rate, drawn, days=days, seed=4)
    config = CONFIG.model_copy(update={"grid_spacing_days": 10})

    dataset, hazard = train_world(world, config)
    predictions = backtest_world(world, config)

    assert (one_of_each(world.history.outcomes).outcome == CONVERTED).mean() == pytest.approx(share, rel=0.1)
    assert dataset.horizon_days == HORIZON
    predicted, true = predicted_and_true(dataset, hazard.scorecard, world)
    for side in np.unique(true):
        assert predicted[true == side].mean() == pytest.approx(side, rel=near)
    later = world.probability(predictions.lead, HORIZON)
    assert sigmoid(predictions.predicted).mean() == pytest.approx(later.mean(), rel=near)
    level = evaluate(predictions, BOOTSTRAP).metrics["calibration_in_the_large"]
    assert level.low < 1 < level.high
    # A tenth of the open leads is A, a fifth B, 30 % C: three tenths of the leads are of the better side.
    bands = choose_bands(predict_open_leads(dataset, hazard.scorecard, hazard.feature_set), config=config)
    better, worse = true.max(), true.min()
    assert [band.name for band in bands] == ["A", "B", "C", "D"]
    assert (better + worse) / 2 < bands[0].at_least
    assert worse / 2 < bands[2].at_least < (better + worse) / 2
