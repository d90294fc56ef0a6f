from __future__ import annotations

import numpy as np
import pytest

from features.history.lead_history import Bools, Floats, Ints
from training.metrics.bootstrap import Bootstrap, ends, mean_estimate, metric_estimates, ratio_estimate
from training.metrics.cluster_sums import metric_sums, metrics_of_sums
from training.metrics.formulas import point_metrics


def _world(seed: int, *, leads: int = 400, examples: int = 5) -> tuple[Floats, Bools, Ints]:
    """Leads that share their fate over all their examples, with their true probabilities."""
    rng = np.random.default_rng(seed)
    truth = rng.beta(1, 3, leads)
    converted = rng.random(leads) < truth
    lead = np.repeat(np.arange(leads), examples)
    return truth[lead], converted[lead], lead


def test_metric_estimates__have_the_values_of_the_point_metrics_inside_their_intervals() -> None:
    probability, converted, lead = _world(1)

    estimates = metric_estimates(probability, converted, lead, Bootstrap(5))

    assert {name: estimate.value for name, estimate in estimates.items()} == point_metrics(
        probability, converted, lead
    )
    assert all(estimate.low <= estimate.value <= estimate.high for estimate in estimates.values())
    assert all(estimate.n == 2_000 for estimate in estimates.values())


def test_metric_estimates__cover_the_truth_about_95_times_in_100() -> None:
    # The truth of log loss and of AUC under the world's own rule, from one very large draw.
    probability, converted, lead = _world(0, leads=400_000, examples=1)
    truth = point_metrics(probability, converted, lead) | {
        "calibration_error": 0.0,
        "calibration_in_the_large": 1,
    }

    covered = dict.fromkeys(truth, 0)
    for seed in range(1, 61):
        for name, estimate in metric_estimates(*_world(seed), Bootstrap(seed, 300)).items():
            covered[name] += estimate.low <= truth[name] <= estimate.high

    # 60 draws at 95 %: 57 expected, 51 is 3.5 standard deviations below.
    assert min(covered.values()) >= 51, covered


def test_mean_estimate__of_examples_as_if_independent_would_claim_half_the_error() -> None:
    probability, converted, lead = _world(2)
    squares = (probability - converted) ** 2

    by_lead = mean_estimate(squares, lead, Bootstrap(1))
    by_example = mean_estimate(squares, np.arange(len(lead)), Bootstrap(1))

    # Five examples that share their fate: the true error is sqrt(5) times that of independent ones.
    assert (by_lead.high - by_lead.low) / (by_example.high - by_example.low) == pytest.approx(
        5**0.5, rel=0.15
    )


def test_ratio_estimate__has_the_interval_of_the_normal_law_when_that_holds() -> None:
    rng = np.random.default_rng(9)
    above = rng.normal(3.0, 1.0, 4_000)

    estimate = ratio_estimate(above, np.full(4_000, 2.0), np.arange(4_000), Bootstrap(2))

    # Mean 1.5, standard error 0.5 / sqrt(4000) = 0.0079.
    assert estimate.value == pytest.approx(above.mean() / 2)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * 0.5 / 4_000**0.5, rel=0.1)


def test_mean_estimate__is_the_same_with_the_same_seed_and_another_with_another() -> None:
    probability, _, lead = _world(3)

    first, second, other = (mean_estimate(probability, lead, Bootstrap(seed)) for seed in (1, 1, 2))

    assert first == second
    assert first.low != other.low


def test_metrics_of_sums__repeat_the_point_metrics_where_rank_groups_hold_one_value_each() -> None:
    rng = np.random.default_rng(6)
    probability = rng.integers(1, 60, 3_000) / 60
    converted = rng.random(3_000) < probability
    lead = rng.integers(0, 500, 3_000)

    sums = metric_sums(probability, converted, lead)
    metrics = metrics_of_sums(np.asarray(sums.sum(axis=1)).reshape(-1, 1))

    expected = point_metrics(probability, converted, lead)
    for name in set(expected) - {"calibration_error"}:
        assert metrics[name][0] == pytest.approx(expected[name], rel=1e-10), name


def test_ends__leave_out_what_has_no_bounds() -> None:
    drawn = np.array([np.inf, 0.0, np.nan, 40.0, -np.inf])

    # Between 0 and 40 the points lie 2.5 % from either end.
    assert ends(drawn) == pytest.approx((1.0, 39.0))
    assert np.isnan(ends(np.full(3, np.inf))).all()
