from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from features.catalog.spec import Feature, FeatureSet
from features.engine.matrix import FeatureMatrix
from features.times import NEVER_US, US_PER_DAY
from models.scorecard.bins import encode
from models.scorecard.points import points
from models.scorecard.scoring import hazard_logits, log_odds, probabilities
from training.baselines.unrestricted import fit_unrestricted
from training.config import TrainingConfig
from training.examples.labels import Labels
from training.fitting.boosting import fit_hazard, fit_live_bins
from training.fitting.design_matrix import Layout, hazard_inputs
from training.fitting.fit_data import FitData, prepare
from training.fitting.hazard_rows import choose_rows, training_examples
from training.fitting.scorecard_fit import FittedHazard, fit_scorecard
from training.fitting.table_extraction import NotAdditiveError, extract_scorecard

EDGES = (0, 1, 3, 7, 14, 30)
CONFIG = TrainingConfig(iterations=30, search_budget=0, l2_regularization=10)
NAMES = ("calls", "age", "nothing", "source")
VOCABULARY = ("ads", "fair", "mail", "rare")


def feature_set() -> FeatureSet:
    *numbers, source = NAMES
    return FeatureSet(
        (
            *(Feature(name, "attribute", name, attribute=name) for name in numbers),
            Feature(source, "attribute", source, attribute=source, type="category"),
        )
    )


def world(examples: int, *, seed: int = 0, has_pair: bool = False) -> tuple[FeatureMatrix, Labels]:
    """Leads whose daily hazard depends on calls (also by time), age and source; some values are missing."""
    rng = np.random.default_rng(seed)
    calls = rng.poisson(1.5, examples).astype(np.float64)
    age = rng.gamma(2.0, 8.0, examples)
    source = rng.choice([0.0, 1.0, 2.0, 3.0], examples, p=[0.5, 0.3, 0.199, 0.001])
    logit = -4.5 + 0.4 * calls - 0.05 * age + np.array([0.0, 1.0, -1.0, 0.0])[source.astype(int)]
    if has_pair:
        logit = -4.0 + 2.0 * np.where((calls > 1) ^ (age > 12), 1, -1)
    age[rng.random(examples) < 0.1] = np.nan
    source[rng.random(examples) < 0.1] = np.nan
    time = rng.exponential(1.0, examples) / np.exp(logit)
    # Calls hurry: half the time to conversion.
    time = np.where(calls > 2, time / 2, time)
    observed = (rng.random(examples) * 60 * US_PER_DAY).astype(np.int64)
    time_us = 1 + (np.minimum(time, 1e6) * US_PER_DAY).astype(np.int64)
    values = np.array([calls, age, np.full(examples, np.nan), source])
    seen = time_us <= observed
    return (
        FeatureMatrix(NAMES, values, {"source": VOCABULARY}),
        Labels(np.where(seen, time_us, NEVER_US), observed),
    )


def fit_data_of(matrix: FeatureMatrix, labels: Labels, config: TrainingConfig = CONFIG) -> FitData:
    lead = np.arange(matrix.values.shape[1])
    return prepare(matrix, feature_set(), labels, lead, time_edges_days=EDGES, config=config)


def fitted(matrix: FeatureMatrix, labels: Labels, config: TrainingConfig = CONFIG) -> FittedHazard:
    return fit_scorecard(fit_data_of(matrix, labels, config), horizon_days=30, config=config)


def bits_of(hazard: FittedHazard) -> bytes:
    scorecard = hazard.scorecard
    edges = b"".join(bins.edges.tobytes() for bins in scorecard.bins)
    return edges + scorecard.average.tobytes() + b"".join(term.table.tobytes() for term in scorecard.terms)


def test_fit_scorecard__equals_its_ensemble_on_100_000_rows_in_every_time_bin() -> None:
    matrix, labels = world(100_000)
    rows = choose_rows(labels, EDGES, config=CONFIG)

    hazard = fitted(matrix, labels)

    # The same bins, those of dropped features included, and the same fit.
    examples = training_examples(labels, EDGES)
    lead = np.arange(matrix.values.shape[1])
    bins = fit_live_bins(matrix, feature_set(), rows, examples=examples, lead=lead, config=CONFIG)
    codes = encode(bins, matrix)
    model = fit_hazard(codes, Layout(bins), rows, config=CONFIG)
    logits = hazard_logits(hazard.scorecard, encode(hazard.scorecard.bins, matrix))
    for time_bin in range(len(EDGES) - 1):
        inputs = hazard_inputs(codes, np.full(len(codes), time_bin), Layout(bins))
        assert np.abs(logits[:, time_bin] - model.decision_function(inputs)).max() < 1e-9


def test_fit_hazard__leaves_a_feature_alone_that_none_of_its_rows_has() -> None:
    matrix, labels = world(2_000)
    is_late = np.arange(2_000) >= 1_000
    # A kind recorded only lately: bins are fitted on all rows, trials and replicas on some of them.
    matrix.values[1, ~is_late] = np.nan
    rows = choose_rows(labels, EDGES, config=CONFIG)
    every = np.arange(2_000)
    bins = fit_live_bins(matrix, feature_set(), rows, examples=every, lead=every, config=CONFIG)
    codes = encode(bins, matrix)
    age = [each.name for each in bins].index("age")

    model = fit_hazard(codes, Layout(bins), rows.take(~is_late[rows.example]), config=CONFIG)

    inputs = hazard_inputs(codes[is_late], np.zeros(1_000, np.int64), Layout(bins))
    has_age = ~np.isnan(inputs[:, age])
    assert 850 < has_age.sum() < 950
    without = inputs.copy()
    without[:, age] = np.nan
    assert (model.decision_function(inputs) == model.decision_function(without)).all()
    assert len(np.unique(model.decision_function(inputs))) > 5


def test_fit_scorecard__terms_are_centred_on_the_training_examples() -> None:
    matrix, labels = world(5_000)

    hazard = fitted(matrix, labels)

    scorecard = hazard.scorecard
    taught = training_examples(labels, EDGES)
    codes = encode(scorecard.bins, matrix)[taught]
    for term in scorecard.terms:
        assert np.abs(term.table[codes[:, term.features[0]]].mean(axis=0)).max() < 1e-12
    assert hazard_logits(scorecard, codes).mean(axis=0) == pytest.approx(scorecard.average, abs=1e-12)


def test_fit_scorecard__features_that_earn_nothing_are_dropped() -> None:
    matrix, labels = world(5_000)

    hazard = fitted(matrix, labels)

    assert [bins.name for bins in hazard.scorecard.bins] == ["calls", "age", "source"]
    assert hazard.feature_set.names == ("calls", "age", "source")


def test_fit_scorecard__effects_may_change_with_the_time_bin() -> None:
    matrix, labels = world(50_000)

    calls = fitted(matrix, labels).scorecard.terms[0].table

    assert np.abs(np.diff(calls, axis=1)).max() > 1e-3


def test_fit_scorecard__finds_the_effects_of_the_world() -> None:
    matrix, labels = world(40_000)

    scorecard = fitted(matrix, labels, CONFIG.model_copy(update={"iterations": 100})).scorecard

    source = scorecard.terms[2].table
    # Codes are 1 ads, 2 fair, 3 mail: the world has 0, 1 and -1.
    assert np.mean(source[2] - source[1]) == pytest.approx(1, abs=0.2)
    assert np.mean(source[3] - source[1]) == pytest.approx(-1, abs=0.3)


def test_fit_scorecard__reasons_add_up_to_the_log_odds() -> None:
    matrix, labels = world(20_000)
    scorecard = fitted(matrix, labels).scorecard
    codes = encode(scorecard.bins, matrix)[:2_000]

    base, shares = points(scorecard, codes, 30)

    assert np.abs(base + shares.sum(axis=1) - log_odds(scorecard, codes, 30)).max() < 1e-6


def test_fit_scorecard__predicts_what_is_observed() -> None:
    matrix, labels = world(60_000)
    later, outcome = world(60_000, seed=1)

    scorecard = fitted(matrix, labels).scorecard

    mature = outcome.observed_us >= 30 * US_PER_DAY
    predicted = probabilities(scorecard, encode(scorecard.bins, later), 30)[mature].sum()
    observed = (outcome.time_to_conversion_us[mature] <= 30 * US_PER_DAY).sum()
    assert predicted == pytest.approx(observed, rel=0.05)


def test_extract_scorecard__refuses_a_model_that_is_not_additive() -> None:
    matrix, labels = world(20_000, has_pair=True)
    unrestricted = fit_unrestricted(fit_data_of(matrix, labels), config=CONFIG)
    codes = encode(unrestricted.bins, matrix)

    with pytest.raises(NotAdditiveError, match="differs from the sum of its tables by"):
        extract_scorecard(
            unrestricted.model,
            Layout(unrestricted.bins),
            codes,
            time_edges_days=EDGES,
            horizon_days=30,
            seed=1,
        )


def test_extract_scorecard__takes_logits_of_billions_and_refuses_the_same_with_a_pair() -> None:
    matrix, labels = world(2_000)
    layout = Layout(fit_data_of(matrix, labels).bins)
    codes = encode(layout.bins, matrix)

    class Steep:
        """Many trees, each rounded: their sum and the sum of the tables differ by some 1e-7."""

        def __init__(self, *, pair: float) -> None:
            self.pair = pair

        def decision_function(self, inputs: np.ndarray) -> np.ndarray:
            calls, age, _, time_bin = np.nan_to_num(inputs).T
            logits = np.zeros(len(inputs))
            for tree in range(1, 40):
                logits += 1e9 / 3 * np.sin(tree + calls * time_bin) + 1e9 / 7 * np.cos(tree * age)
            return logits + self.pair * calls * age

    extract = partial(extract_scorecard, time_edges_days=EDGES, horizon_days=30, seed=1)

    scorecard = extract(Steep(pair=0.0), layout, codes)

    exact = Steep(pair=0.0).decision_function(
        hazard_inputs(codes, np.zeros(len(codes), dtype=np.int64), layout)
    )
    sums = hazard_logits(scorecard, np.ascontiguousarray(codes[:, : len(scorecard.bins)]))[:, 0]
    assert 1e-9 < np.abs(sums - exact).max() < 1e-5
    # `source` has no effect: what rounding leaves of its differences is no term.
    assert [bins.name for bins in scorecard.bins] == ["calls", "age"]
    with pytest.raises(NotAdditiveError, match="differs from the sum"):
        extract(Steep(pair=1e3), layout, codes)


def test_extract_scorecard__refuses_numbers_that_are_not_numbers() -> None:
    class Broken:
        def decision_function(self, inputs: np.ndarray) -> np.ndarray:
            return np.where(inputs[:, 0] == 2, np.nan, 0.0)

    matrix, labels = world(1_000)
    bins = fit_unrestricted(fit_data_of(matrix, labels), config=CONFIG).bins

    with pytest.raises(Exception, match=r"finite numbers|differs from the sum"):
        extract_scorecard(
            Broken(), Layout(bins), encode(bins, matrix), time_edges_days=EDGES, horizon_days=30, seed=1
        )


def test_fit_hazard__levels_are_those_of_all_rows_whatever_their_number() -> None:
    matrix, labels = world(20_000)
    fit_data = fit_data_of(matrix, labels)
    few = TrainingConfig(iterations=1, learning_rate=1e-9, min_leaf_rows=50)

    model = fit_hazard(fit_data.codes, Layout(fit_data.bins), fit_data.rows, config=few)

    rows = fit_data.rows
    weight = np.bincount(rows.time_bin, rows.weight)
    share = np.bincount(rows.time_bin, rows.weight * rows.converted) / weight
    inputs = hazard_inputs(
        np.zeros((len(share), len(fit_data.bins)), dtype=np.uint8),
        np.arange(len(share)),
        Layout(fit_data.bins),
    )
    assert model.decision_function(inputs) == pytest.approx(np.log(share / (1 - share)), abs=1e-3)


def test_fit_unrestricted__finds_a_pair_that_the_additive_hazard_cannot() -> None:
    matrix, labels = world(20_000, has_pair=True)
    unrestricted = fit_unrestricted(fit_data_of(matrix, labels), config=CONFIG)
    additive = fitted(matrix, labels).scorecard

    free = unrestricted.hazard_logits(matrix)
    held = hazard_logits(additive, encode(additive.bins, matrix))

    assert free.shape == held.shape
    assert free.std() > 1.5 * held.std()


def test_fit_scorecard__finds_a_pair_and_tells_it_exactly() -> None:
    matrix, labels = world(20_000, has_pair=True)
    config = CONFIG.model_copy(update={"search_budget": 1})
    later, outcome = world(20_000, seed=1, has_pair=True)
    mature = outcome.observed_us >= 30 * US_PER_DAY
    converted = outcome.time_to_conversion_us[mature] <= 30 * US_PER_DAY

    hazards = {pairs: fitted(matrix, labels, config.model_copy(update={"pairs": pairs})) for pairs in (0, 3)}

    losses = {}
    for pairs, hazard in hazards.items():
        odds = log_odds(hazard.scorecard, encode(hazard.scorecard.bins, later), 30)[mature]
        losses[pairs] = np.logaddexp(0, np.where(converted, -odds, odds)).mean()
    # Without pairs nothing is found: the loss is that of the base rate, about 0.46.
    assert losses[3] < 0.7 * losses[0]
    assert "calls x age" in hazards[3].scorecard.term_names
    pair = next(term for term in hazards[3].scorecard.terms if len(term.features) == 2)
    codes = encode(hazards[3].scorecard.bins, matrix)[training_examples(labels, EDGES)]
    first, second = (codes[:, position] for position in pair.features)
    sums = np.zeros(pair.table.shape[:2])
    np.add.at(sums, (first, second), pair.table[first, second, 0])
    # Purified: over the training examples no code of either feature gains or loses by the pair.
    assert np.abs(sums.sum(axis=0)).max() < 1e-6
    assert np.abs(sums.sum(axis=1)).max() < 1e-6


def test_fit_scorecard__same_bits_with_one_or_two_threads() -> None:
    matrix, labels = world(20_000)

    with threadpool_limits(limits=1):
        one = bits_of(fitted(matrix, labels))
    with threadpool_limits(limits=2):
        two = bits_of(fitted(matrix, labels))

    assert one == two


def test_fit_scorecard__same_bits_in_another_process() -> None:
    code = (
        "import hashlib; from tests.training.fitting.test_scorecard_fit import bits_of, fitted, world; "
        "print(hashlib.sha256(bits_of(fitted(*world(3_000)))).hexdigest())"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "2"}

    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert run.stdout.strip() == hashlib.sha256(bits_of(fitted(*world(3_000)))).hexdigest()


def test_fit_scorecard__too_few_rows_for_a_leaf_leave_the_average() -> None:
    matrix, labels = world(100)

    hazard = fitted(matrix, labels)

    assert hazard.scorecard.terms == ()
    assert hazard.feature_set.features == ()
    predicted = probabilities(hazard.scorecard, encode(hazard.scorecard.bins, matrix), 30)
    assert predicted.shape == (100,)
    assert len(np.unique(predicted)) == 1
