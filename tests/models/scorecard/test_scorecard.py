"""The scorecard's probabilities: formulas at both ends, horizons, bits, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.errors import CodesError, HorizonError, ScorecardError
from models.scorecard.bins import FeatureBins
from models.scorecard.hazards import logit_of, sigmoid, softplus
from models.scorecard.prediction import interval, look_ahead, t_90
from models.scorecard.scorecard import (
    Misfit,
    Replica,
    Scorecard,
    Term,
    bin_weights,
    hazard_logits,
    log_odds,
    probabilities,
)
from tests.support.scorecards import random_codes, random_scorecard

MANY = 100_000


def two_bins(**changes: Any) -> Scorecard:
    """One feature of three codes; the average lead has hazards 0.25 and 0.5, code 1 has 0.5 and 0.25."""
    table = np.array([[0.0, 0.0], [math.log(3.0), -math.log(3.0)], [1.0, 1.0]])
    average = np.array([-math.log(3.0), 0.0])  # hazards 0.25 and 0.5
    facts: dict[str, Any] = {
        "bins": (FeatureBins("calls_count", "number", np.array([1.0])),),
        "time_edges_days": np.array([0.0, 10.0, 30.0]),
        "horizon_days": 30.0,
        "terms": (Term((0,), table),),
        "average": average,
    }
    return Scorecard(**{**facts, **changes})


CODES = np.array([[0], [1]], dtype=np.uint8)


def test_hazard_logits__average_plus_table() -> None:
    logits = hazard_logits(two_bins(), CODES)

    assert np.allclose(logits, [[-math.log(3.0), 0.0], [0.0, -math.log(3.0)]], atol=1e-15)


def test_probabilities__of_hazards() -> None:
    # 1 - 0.75 * 0.5 = 0.625, and 1 - 0.5 * 0.75 the same; after 10 days only the first hazard has passed.
    assert probabilities(two_bins(), CODES) == pytest.approx([0.625, 0.625], abs=1e-15)
    assert probabilities(two_bins(), CODES, 10.0) == pytest.approx([0.25, 0.5], abs=1e-15)


def test_probabilities__within_a_bin_the_hazard_is_constant() -> None:
    # Half of the second bin: 1 - 0.75 * sqrt(0.5).
    assert probabilities(two_bins(), CODES[:1], 20.0) == pytest.approx([1 - 0.75 * math.sqrt(0.5)], abs=1e-15)


def test_log_odds__level_shift_is_added() -> None:
    shifted = log_odds(two_bins(level_shift=0.3), CODES)

    assert shifted == pytest.approx(log_odds(two_bins(), CODES) + 0.3, abs=1e-15)


def test_log_odds__never_decreases_with_the_horizon() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, 300)

    by_horizon = np.array([log_odds(scorecard, codes, days) for days in np.linspace(0.25, 90.0, 200)])

    assert (np.diff(by_horizon, axis=0) > 0).all()


def test_curve__never_decreases_and_ends_at_the_last_edge() -> None:
    scorecard = random_scorecard(spread=0.8)
    codes = random_codes(scorecard, 5_000)

    rising = look_ahead(scorecard, codes).curve

    assert rising.shape == (5_000, 8)
    assert (np.diff(rising, axis=1) >= 0).all()
    assert np.array_equal(rising[:, 7], probabilities(scorecard, codes, 90.0))


def test_curve__has_the_bits_of_the_probability_at_the_main_horizon() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, 5_000)

    assert np.array_equal(look_ahead(scorecard, codes).curve[:, 5], probabilities(scorecard, codes))


@pytest.mark.parametrize("horizon_days", [0.0, -1.0, 30.000001, math.nan, math.inf])
def test_log_odds__refuses_horizons_it_knows_nothing_of(horizon_days: float) -> None:
    with pytest.raises(HorizonError, match="answers for horizons above 0 and up to 30 days"):
        log_odds(two_bins(), CODES, horizon_days)


def test_bin_weights__whole_bins_weigh_exactly_one() -> None:
    assert bin_weights(two_bins(), 10.0).tolist() == [1.0, 0.0]
    assert bin_weights(two_bins(), 15.0).tolist() == [1.0, 0.25]


@pytest.mark.parametrize(
    ("features", "pairs", "time_bins"), [(72, 8, 8), (72, 0, 1), (1, 0, 1), (2, 1, 1), (1, 0, 2), (9, 3, 3)]
)
def test_hazard_logits__one_row_has_the_bits_of_the_batch(features: int, pairs: int, time_bins: int) -> None:
    scorecard = random_scorecard(features=features, pairs=pairs, time_bins=time_bins)
    examples = MANY if (features, time_bins) == (72, 8) else 3_000
    codes = random_codes(scorecard, examples)

    batch = hazard_logits(scorecard, codes)

    alone = np.concatenate([hazard_logits(scorecard, codes[i : i + 1]) for i in range(examples)])
    assert np.array_equal(batch, alone)


@pytest.mark.parametrize("time_bins", [1, 8])
@pytest.mark.parametrize("horizon_days", [30.0, 25.0])
def test_answers__one_row_has_the_bits_of_the_batch(time_bins: int, horizon_days: float) -> None:
    scorecard = random_scorecard(time_bins=time_bins, replicas=3)
    codes = random_codes(scorecard, 500)

    def answer(part: Any) -> Any:
        told = look_ahead(scorecard, part, horizon_days)
        apart = probabilities(scorecard, part, horizon_days)
        return np.column_stack([apart, told.probability, told.low, told.high, told.curve, told.logits])

    batch = answer(codes)

    assert np.array_equal(batch, np.concatenate([answer(codes[i : i + 1]) for i in range(len(codes))]))
    assert np.array_equal(batch, np.concatenate([answer(codes[i : i + 7]) for i in range(0, len(codes), 7)]))


def test_probabilities__many_rows_have_the_bits_of_any_split() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, MANY)

    batch = probabilities(scorecard, codes)

    splits = np.cumsum(np.random.default_rng(2).integers(1, 3_000, 40))
    parts = [probabilities(scorecard, part) for part in np.split(codes, splits[splits < MANY])]
    assert np.array_equal(batch, np.concatenate(parts))


def test_hazard_logits__pair_is_looked_up_by_both_codes() -> None:
    bins = two_bins().bins[0], FeatureBins("size", "number", np.array([1.0, 2.0]))
    table = np.arange(24.0).reshape(3, 4, 2)
    scorecard = two_bins(bins=bins, terms=(Term((0, 1), table),), average=np.zeros(2))

    logits = hazard_logits(scorecard, np.array([[2, 1], [0, 3]], dtype=np.uint8))

    assert logits.tolist() == [table[2, 1].tolist(), table[0, 3].tolist()]
    assert scorecard.term_names == ("calls_count x size",)


def test_hazard_logits__no_terms_is_the_average() -> None:
    scorecard = two_bins(bins=(), terms=())

    assert (
        hazard_logits(scorecard, np.empty((3, 0), dtype=np.uint8)).tolist()
        == [scorecard.average.tolist()] * 3
    )


def test_hazard_logits__refuses_codes_of_other_bins() -> None:
    with pytest.raises(CodesError, match=r"shape \(2, 3\) were given to a scorecard of 1 features"):
        hazard_logits(two_bins(), np.zeros((2, 3), dtype=np.uint8))


def test_interval__none_without_replicas() -> None:
    assert interval(two_bins(level_spread=0.2), CODES) is None


def test_interval__level_alone_where_replicas_agree() -> None:
    same = Replica(two_bins().average, (two_bins().terms[0].table,))
    scorecard = two_bins(level_shift=0.1, level_spread=0.2, replicas=(same, same))

    found = interval(scorecard, CODES)

    middle = log_odds(scorecard, CODES)
    assert found is not None
    assert found[0] == pytest.approx(sigmoid(middle - 1.6448536 * 0.2), abs=1e-8)
    assert found[1] == pytest.approx(sigmoid(middle + 1.6448536 * 0.2), abs=1e-8)


def test_interval__spread_of_replicas_is_their_standard_deviation() -> None:
    # One time bin, so that logit P is the logit hazard: replicas at -2.1, -2.0 and -1.9 have deviation 0.1.
    scorecard = two_bins(
        time_edges_days=np.array([0.0, 30.0]),
        average=np.array([-2.0]),
        terms=(),
        bins=(),
        replicas=tuple(Replica(np.array([level]), ()) for level in (-2.1, -2.0, -1.9)),
    )

    found = interval(scorecard, np.empty((1, 0), dtype=np.uint8))

    assert found is not None
    assert found[0] == pytest.approx(sigmoid(np.array([-2.0 - 0.1 * t_90(3)])), abs=1e-8)


def test_interval__wider_by_what_tests_were_off_there() -> None:
    # Replicas agree and the level never moved: what is left is half of 0.2 + 0.4 at -3, midway from -4 to -2.
    scorecard = two_bins(
        time_edges_days=np.array([0.0, 30.0]),
        average=np.array([-3.0]),
        terms=(),
        bins=(),
        replicas=(Replica(np.array([-3.0]), ()),) * 2,
        misfit=Misfit(np.array([-4.0, -2.0]), np.array([0.2, 0.4])),
    )
    no_code = np.empty((1, 0), dtype=np.uint8)

    found = interval(scorecard, no_code)

    # logit P lies a little off the logit hazard, -3.
    middle = log_odds(scorecard, no_code)
    half = 1.6448536 * (0.2 + (middle + 4.0) / 2.0 * 0.2)
    assert found is not None
    assert found[0] == pytest.approx(sigmoid(middle - half), abs=1e-8)
    assert found[1] == pytest.approx(sigmoid(middle + half), abs=1e-8)


# From tables of Student's t: 95 % points at 2, 4, 9 and 49 degrees of freedom.
@pytest.mark.parametrize(("replicas", "t"), [(3, 2.920), (5, 2.132), (10, 1.833), (50, 1.677)])
def test_t_90__is_students(replicas: int, t: float) -> None:
    assert t_90(replicas) == pytest.approx(t, rel=0.02)


@pytest.mark.parametrize("logit", [-700.0, -40.0, -1e-9, 0.0, 3.0, 40.0, 700.0])
def test_softplus__exact_at_both_ends(logit: float) -> None:
    expected = math.log1p(math.exp(logit)) if logit < 30 else logit + math.exp(-logit)

    assert softplus(np.array([logit]))[0] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("hazard", [1e-300, 1e-12, 0.5, 3.0, 40.0, 700.0])
def test_logit_of__exact_at_both_ends(hazard: float) -> None:
    expected = (
        math.log(hazard) if hazard < 1e-10 else math.log(math.expm1(hazard)) if hazard < 100 else hazard
    )

    assert logit_of(np.array([hazard]))[0] == pytest.approx(expected, rel=1e-12)


def test_sigmoid__no_overflow() -> None:
    assert sigmoid(np.array([-1e6, 0.0, 1e6])).tolist() == [pytest.approx(0.0, abs=1e-300), 0.5, 1.0]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"time_edges_days": np.array([0.0, 30.0, 10.0])}, "time edges should be days that rise from 0"),
        ({"time_edges_days": np.array([1.0, 10.0, 30.0])}, "time edges should be days that rise from 0"),
        ({"time_edges_days": np.array([0.0, 10.0, math.inf])}, "time edges should be days that rise from 0"),
        ({"horizon_days": 31.0}, "main horizon should be within 30 days, but is 31.0"),
        (
            {"average": np.zeros(3)},
            r"average should be float64 of shape \(2,\), but is float64 of shape \(3,\)",
        ),
        ({"average": np.array([0.0, math.nan])}, "average should be finite numbers, but is partly NaN"),
        ({"level_shift": math.inf}, "level should be finite numbers"),
        ({"level_spread": math.nan}, "level should be finite numbers"),
        (
            {"terms": (Term((0,), np.zeros((4, 2))),)},
            r"table of calls_count should be float64 of shape \(3, 2\)",
        ),
        (
            {"terms": (Term((0,), np.full((3, 2), math.nan)),)},
            "table of calls_count should be finite numbers",
        ),
        ({"terms": (Term((1,), np.zeros((3, 2))),)}, "term 0 should be about one or two known features"),
        ({"terms": (Term((), np.zeros((3, 2))),)}, "term 0 should be about one or two known features"),
        ({"misfit": Misfit(np.array([1.0, 0.0]), np.zeros(2))}, "misfit should be log-odds that rise"),
        ({"misfit": Misfit(np.zeros(1), -np.ones(1))}, "misfit should be log-odds that rise and spreads"),
        (
            {"misfit": Misfit(np.zeros(1), np.zeros(2))},
            r"spreads of the misfit should be float64 of shape \(1,",
        ),
        ({"replicas": (Replica(np.zeros(2), ()),)}, "list of tables of replica 0 should be 1 long, but is 0"),
        ({"replicas": (Replica(np.zeros(2), (np.zeros((3, 1)),)),)}, "table of calls_count of replica 0"),
    ],
)
def test_scorecard__refuses_parts_that_do_not_fit(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ScorecardError, match=sentence):
        two_bins(**changes)


def test_scorecard__replace_lays_the_tables_out_again() -> None:
    moved = replace(two_bins(), average=np.array([0.0, 0.0]))

    assert hazard_logits(moved, CODES[:1]).tolist() == [[0.0, 0.0]]
