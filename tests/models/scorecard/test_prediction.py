"""What is predicted of a lead: curve, plausible range, and the same bits alone and in a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from models.scorecard.hazards import sigmoid
from models.scorecard.prediction import interval, predict, t_90
from models.scorecard.scorecard import MEAN_RANGES, Misfit, Replica, Scorecard, Shrinkage
from models.scorecard.scoring import log_odds, probabilities
from tests.support.scorecards import TWO_CODES, random_codes, random_scorecard, two_bins


def test_curve__never_decreases_and_ends_at_the_last_edge() -> None:
    scorecard = random_scorecard(spread=0.8)
    codes = random_codes(scorecard, 5_000)

    rising = predict(scorecard, codes).curve

    assert rising.shape == (5_000, 8)
    assert (np.diff(rising, axis=1) >= 0).all()
    assert np.array_equal(rising[:, 7], probabilities(scorecard, codes, 90.0))


def test_curve__has_the_bits_of_the_probability_at_the_main_horizon() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, 5_000)

    assert np.array_equal(predict(scorecard, codes).curve[:, 5], probabilities(scorecard, codes))


@pytest.mark.parametrize("time_bins", [1, 8])
@pytest.mark.parametrize("horizon_days", [30.0, 25.0])
def test_answers__one_row_has_the_bits_of_the_batch(time_bins: int, horizon_days: float) -> None:
    scorecard = random_scorecard(time_bins=time_bins, replicas=3)
    codes = random_codes(scorecard, 500)

    def answer(part: Any) -> Any:
        prediction = predict(scorecard, part, horizon_days)
        alone = probabilities(scorecard, part, horizon_days)
        return np.column_stack(
            [
                alone,
                prediction.probability,
                prediction.low,
                prediction.high,
                prediction.curve,
                prediction.logits,
            ]
        )

    batch = answer(codes)

    assert np.array_equal(batch, np.concatenate([answer(codes[i : i + 1]) for i in range(len(codes))]))
    assert np.array_equal(batch, np.concatenate([answer(codes[i : i + 7]) for i in range(0, len(codes), 7)]))


def test_interval__none_without_replicas() -> None:
    assert interval(two_bins(level_spread=0.2), TWO_CODES) is None


def test_interval__level_alone_where_replicas_agree() -> None:
    same = Replica(two_bins().average, (two_bins().terms[0].table,))
    scorecard = two_bins(level_shift=0.1, level_spread=0.2, replicas=(same, same))

    found = interval(scorecard, TWO_CODES)

    middle = log_odds(scorecard, TWO_CODES)
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


@pytest.mark.parametrize(("moves", "low", "high"), [([-0.4, 0.2], -0.1, 0.0), ([0.4, 0.6], 0.0, 0.5)])
def test_interval__reaches_where_longer_boosting_would_move(
    moves: list[float], low: float, high: float
) -> None:
    # Replicas agree and the level never moved: the range is what the shrinkage adds on one side.
    scorecard = two_bins(
        time_edges_days=np.array([0.0, 30.0]),
        average=np.array([0.0]),
        terms=(),
        bins=(),
        level_shift=1.0,
        level_spread=0.0,
        replicas=(Replica(np.array([0.0]), ()),) * 2,
        shrinkage=Shrinkage(np.array([-2.0, 2.0]), np.array(moves)),
    )
    no_code = np.empty((1, 0), dtype=np.uint8)

    found = predict(scorecard, no_code)

    # A logit hazard of 0 is P = 1/2, midway between -2 and 2; the level shift does not move the place.
    assert found.log_odds == pytest.approx([1.0])
    assert found.low == pytest.approx(sigmoid(np.array([1.0 + low])))
    assert found.high == pytest.approx(sigmoid(np.array([1.0 + high])))
    assert found.probability == pytest.approx(sigmoid(np.array([1.0])))


@pytest.mark.parametrize("average", [-3.0, 1.0])
def test_interval__the_probability_is_the_mean_of_what_it_spans(average: float) -> None:
    scorecard = one_bin(average, (average, average), level_spread=0.5)
    no_code = np.empty((1, 0), dtype=np.uint8)

    found = predict(scorecard, no_code)

    low, high = logit(found.low), logit(found.high)
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mean = (sigmoid((low + high) / 2 + 0.5 * nodes) * weights).sum() / weights.sum()
    assert (high - low) / 2 == pytest.approx([1.6448536 * 0.5])
    # The delta method leaves out what is of the fourth order of 0.5.
    assert mean == pytest.approx(found.probability, rel=0.01)


@pytest.mark.parametrize(("off", "half"), [(0.1, 0.2 * t_90(2)), (0.9, 1.6448536 * 0.9)])
def test_interval__counts_what_replicas_and_tests_both_show_once(off: float, half: float) -> None:
    # Two replicas 0.28 apart have deviation 0.2.
    scorecard = one_bin(-3.0, (-3.1414214, -2.8585786), misfit=Misfit(np.zeros(1), np.array([off])))

    found = predict(scorecard, np.empty((1, 0), dtype=np.uint8))

    assert logit(found.high) - logit(found.low) == pytest.approx([2 * half], rel=0.03)


def test_interval__more_doubt_never_lowers_the_upper_end() -> None:
    no_code = np.empty((1, 0), dtype=np.uint8)

    found = [
        predict(one_bin(-3.0, (-3.0, -3.0), level_spread=spread), no_code)
        for spread in (0.5, 1.0, 2.0, 4.0, 8.0)
    ]

    assert all(each.low < each.probability < each.high for each in found)
    assert (np.diff([each.high[0] for each in found]) > 0).all()
    assert (np.diff([each.low[0] for each in found]) < 0).all()


def one_bin(
    average: float,
    replicas: tuple[float, ...],
    *,
    level_spread: float = 0.0,
    misfit: Misfit | None = None,
) -> Scorecard:
    """A scorecard of one time bin and no features, so that every lead has the same logit hazard."""
    return two_bins(
        time_edges_days=np.array([0.0, 30.0]),
        average=np.array([average]),
        terms=(),
        bins=(),
        level_spread=level_spread,
        misfit=misfit,
        replicas=tuple(Replica(np.array([level]), ()) for level in replicas),
        range_rule=MEAN_RANGES,
    )


# From tables of Student's t: 95 % points at 2, 4, 9 and 49 degrees of freedom.
@pytest.mark.parametrize(("replicas", "t"), [(3, 2.920), (5, 2.132), (10, 1.833), (50, 1.677)])
def test_t_90__is_students(replicas: int, t: float) -> None:
    assert t_90(replicas) == pytest.approx(t, rel=0.02)
