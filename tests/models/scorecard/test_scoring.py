"""Log-odds of a scorecard: what they are, horizons, bits, and what is refused."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest

from models.errors import CodesError, HorizonError
from models.scorecard.bins import FeatureBins
from models.scorecard.points import base_log_odds
from models.scorecard.scorecard import Term
from models.scorecard.scoring import bin_weights, hazard_logits, log_odds, probabilities
from tests.support.scorecards import TWO_CODES, random_codes, random_scorecard, two_bins

MANY = 100_000


def test_hazard_logits__average_plus_table() -> None:
    logits = hazard_logits(two_bins(), TWO_CODES)

    assert np.allclose(logits, [[-math.log(3.0), 0.0], [0.0, -math.log(3.0)]], atol=1e-15)


def test_probabilities__of_hazards() -> None:
    # 1 - 0.75 * 0.5 = 0.625, and 1 - 0.5 * 0.75 the same; after 10 days only the first hazard has passed.
    assert probabilities(two_bins(), TWO_CODES) == pytest.approx([0.625, 0.625], abs=1e-15)
    assert probabilities(two_bins(), TWO_CODES, 10.0) == pytest.approx([0.25, 0.5], abs=1e-15)


def test_probabilities__within_a_bin_the_hazard_is_constant() -> None:
    # Half of the second bin: 1 - 0.75 * sqrt(0.5).
    assert probabilities(two_bins(), TWO_CODES[:1], 20.0) == pytest.approx(
        [1 - 0.75 * math.sqrt(0.5)], abs=1e-15
    )


def test_log_odds__level_shift_is_added() -> None:
    shifted = log_odds(two_bins(level_shift=0.3), TWO_CODES)

    assert shifted == pytest.approx(log_odds(two_bins(), TWO_CODES) + 0.3, abs=1e-15)


def test_log_odds__never_decreases_with_the_horizon() -> None:
    scorecard = random_scorecard()
    codes = random_codes(scorecard, 300)

    by_horizon = np.array([log_odds(scorecard, codes, days) for days in np.linspace(0.25, 90.0, 200)])

    assert (np.diff(by_horizon, axis=0) > 0).all()


@pytest.mark.parametrize("horizon_days", [0.0, -1.0, 30.000001, math.nan, math.inf])
def test_log_odds__refuses_horizons_it_knows_nothing_of(horizon_days: float) -> None:
    with pytest.raises(HorizonError, match="answers for horizons above 0 and up to 30 days"):
        log_odds(two_bins(), TWO_CODES, horizon_days)


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


def test_bin_weights__kept_values_end_with_the_scorecard() -> None:
    plain = two_bins()
    columns = weakref.ref(plain.columns)

    for horizon_days in np.linspace(1.0, 15.0, 100).tolist():
        assert bin_weights(plain, horizon_days) is bin_weights(plain, horizon_days)
        base_log_odds(plain, horizon_days)
    assert len(plain.by_horizon) <= 64
    del plain
    gc.collect()

    assert columns() is None
