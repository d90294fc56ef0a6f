"""Points add up to the log-odds exactly, for the average lead and for the most extreme one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.errors import HorizonError
from models.scorecard.points import base_log_odds, points
from models.scorecard.scorecard import Scorecard
from models.scorecard.scoring import bin_weights, find_positions, hazard_logits, log_odds
from tests.support.scorecards import random_codes, random_scorecard


def shares_by_sums(scorecard: Scorecard, entries: np.ndarray, horizon_days: float) -> np.ndarray:
    """The same shares by 20,000 midpoints, in the plain words of the definition."""
    weights = bin_weights(scorecard, horizon_days)
    total = entries.sum(axis=0)
    shares = np.zeros(len(entries))
    for step in range(5_000):
        eta = scorecard.average + (step + 0.5) / 5_000 * total
        cumulative = (weights * np.log1p(np.exp(eta))).sum()
        slope = weights / (1 + np.exp(-eta)) / (1 - math.exp(-cumulative))
        shares += entries @ slope / 5_000
    return shares


@pytest.mark.parametrize("horizon_days", [30.0, 17.0, 0.5, 90.0])
def test_points__are_the_shares_of_the_definition(horizon_days: float) -> None:
    scorecard = random_scorecard(features=5, pairs=1, spread=0.7)
    codes = random_codes(scorecard, 3)

    base, shares = points(scorecard, codes, horizon_days)

    for lead, row in zip(codes, shares, strict=True):
        entries = np.array([term.table[tuple(lead[list(term.features)])] for term in scorecard.terms])
        assert row == pytest.approx(shares_by_sums(scorecard, entries, horizon_days), abs=1e-7)
    assert base == pytest.approx(base_log_odds(scorecard, horizon_days))


def test_points__of_one_time_bin_are_its_table_entries() -> None:
    # With one whole bin logit P is the logit hazard itself, a plain sum.
    scorecard = random_scorecard(features=4, pairs=0, time_bins=1, spread=1.0)
    codes = random_codes(scorecard, 50)

    base, shares = points(scorecard, codes)

    entries = [[term.table[lead[term.features[0]], 0] for term in scorecard.terms] for lead in codes]
    assert base == pytest.approx(scorecard.average[0] + 0.1, abs=1e-14)
    assert shares == pytest.approx(np.array(entries), abs=1e-13)


@pytest.mark.parametrize("level", [-9.0, -5.0, -2.0])
@pytest.mark.parametrize("spread", [0.05, 0.2, 0.5, 1.0, 3.0])
def test_points__add_up_for_ordinary_and_for_extreme_leads(level: float, spread: float) -> None:
    scorecard = random_scorecard(level=level, spread=spread)
    codes = random_codes(scorecard, 500)

    for horizon_days in (30.0, 90.0, 12.5):
        base, shares = points(scorecard, codes, horizon_days)

        logit = log_odds(scorecard, codes, horizon_days)
        assert np.abs(base + shares.sum(axis=1) - logit).max() <= 1e-9


@pytest.mark.parametrize("horizon_days", [1.0, 30.0])
def test_points__add_up_from_minus_twelve_to_plus_six(horizon_days: float) -> None:
    scorecard = random_scorecard(features=40, pairs=5, level=-5.0, spread=0.65)
    codes = random_codes(scorecard, 20_000)
    order = np.argsort(hazard_logits(scorecard, codes)[:, 0])
    extreme = codes[np.concatenate([order[:300], order[-300:]])]

    base, shares = points(scorecard, extreme, horizon_days)

    one_day = log_odds(scorecard, extreme, 1.0)
    assert one_day.min() < -12
    assert one_day.max() > 6
    assert np.abs(base + shares.sum(axis=1) - log_odds(scorecard, extreme, horizon_days)).max() <= 1e-9


@pytest.mark.parametrize(
    ("features", "pairs", "time_bins", "spread"),
    [(72, 8, 8, 0.15), (72, 8, 8, 1.0), (10, 0, 1, 0.5), (1, 0, 1, 0.5), (1, 0, 8, 2.0), (2, 1, 2, 2.0)],
)
@pytest.mark.parametrize("part", [1.0, 0.3])  # of the time: all time bins, or the first of them
def test_points__one_row_has_the_bits_of_the_batch(
    features: int, pairs: int, time_bins: int, spread: float, part: float
) -> None:
    scorecard = random_scorecard(features=features, pairs=pairs, time_bins=time_bins, spread=spread)
    codes = random_codes(scorecard, 600)
    horizon_days = part * float(scorecard.time_edges_days[-1])

    _, batch = points(scorecard, codes, horizon_days)

    alone = [points(scorecard, codes[i : i + 1], horizon_days)[1][0] for i in range(len(codes))]
    assert np.array_equal(batch, np.array(alone))


def test_points__many_rows_have_the_bits_of_any_split() -> None:
    scorecard = random_scorecard(spread=0.25)
    codes = random_codes(scorecard, 30_000)

    _, batch = points(scorecard, codes)

    splits = np.cumsum(np.random.default_rng(2).integers(1, 3_000, 40))
    parts = [points(scorecard, part)[1] for part in np.split(codes, splits[splits < len(codes)])]
    assert np.array_equal(batch, np.concatenate(parts))


def test_points__with_logits_at_hand_are_the_same() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, 100)

    _, shares = points(scorecard, codes, logits=hazard_logits(scorecard, codes))

    assert np.array_equal(shares, points(scorecard, codes)[1])


def test_points__of_the_average_lead_are_zero() -> None:
    scorecard = random_scorecard(features=3, pairs=0, spread=0.0)

    base, shares = points(scorecard, random_codes(scorecard, 5))

    assert not shares.any()
    assert base == pytest.approx(log_odds(scorecard, random_codes(scorecard, 1))[0], abs=1e-14)


def test_points__no_leads_or_no_terms() -> None:
    scorecard = random_scorecard(features=3, pairs=0)
    bare = random_scorecard(features=0, pairs=0)

    assert points(scorecard, random_codes(scorecard, 0))[1].shape == (0, 3)
    assert points(bare, np.empty((4, 0), dtype=np.uint8))[1].shape == (4, 0)


def test_points__refuses_a_longer_horizon() -> None:
    scorecard = random_scorecard(features=3, pairs=0)

    with pytest.raises(HorizonError, match="up to 90 days"):
        points(scorecard, random_codes(scorecard, 1), 91.0)


def test_points__same_with_positions_and_odds_at_hand() -> None:
    scorecard = random_scorecard(pairs=8, spread=0.4)
    codes = random_codes(scorecard, 60)

    for place in range(len(codes)):
        row = codes[place : place + 1]
        at_hand = {"positions": find_positions(scorecard, row), "odds": log_odds(scorecard, row)}
        assert np.array_equal(
            points(scorecard, row, **at_hand)[1], points(scorecard, codes)[1][place : place + 1]
        )
