from __future__ import annotations

import numpy as np
import pytest

from training.metrics import (
    calibration_error,
    calibration_squares,
    captured,
    equal_mass_bins,
    lift,
    log_losses,
    point_metrics,
)


def test_point_metrics__repeats_the_numbers_printed_in_the_manual_of_scikit_learn() -> None:
    # roc_auc_score and average_precision_score of these four are printed there as 0.75 and 0.83.
    ranked = point_metrics(
        np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]), np.arange(4)
    )
    # brier_score_loss is printed as 0.0375.
    squared = point_metrics(
        np.array([0.1, 0.9, 0.8, 0.3]), np.array([False, True, True, False]), np.arange(4)
    )
    # log_loss is printed as 0.21616...
    logged = point_metrics(
        np.array([0.9, 0.1, 0.2, 0.65]), np.array([True, False, False, True]), np.arange(4)
    )

    assert ranked["auc"] == 0.75
    assert ranked["average_precision"] == pytest.approx(0.8333, abs=1e-4)
    assert squared["brier"] == pytest.approx(0.0375)
    assert logged["log_loss"] == pytest.approx(0.21616, abs=1e-5)


def test_point_metrics__gives_skill_zero_to_the_share_that_converted() -> None:
    converted = np.array([True, False, False, False])

    metrics = point_metrics(np.full(4, 0.25), converted, np.arange(4))

    assert metrics["log_loss_skill"] == pytest.approx(0.0, abs=1e-12)
    assert metrics["brier_skill"] == pytest.approx(0.0, abs=1e-12)
    assert metrics["calibration_in_the_large"] == 1.0
    assert metrics["auc"] == 0.5
    assert metrics["lift_at_10"] == pytest.approx(1.0)


def test_point_metrics__calibration_in_the_large_is_promised_over_happened() -> None:
    metrics = point_metrics(
        np.array([0.5, 0.5, 0.4, 0.6]), np.array([True, False, False, False]), np.arange(4)
    )

    assert metrics["calibration_in_the_large"] == pytest.approx(2.0)  # 2.0 promised, 1 happened


def test_log_losses__equal_minus_log_of_the_probability_of_what_happened() -> None:
    log_odds = np.array([2.0, -1.0, 0.3])
    converted = np.array([True, True, False])

    losses = log_losses(log_odds, converted)

    probability = 1 / (1 + np.exp(-log_odds))
    expected = -np.log(np.where(converted, probability, 1 - probability))
    np.testing.assert_allclose(losses, expected, rtol=1e-14)


def test_equal_mass_bins__keeps_equal_probabilities_together_whatever_their_order() -> None:
    probability = np.array([0.3, 0.1, 0.1, 0.1, 0.2, 0.3])

    bins = equal_mass_bins(probability, bins=3)

    # Thirds end at 0.1 and 0.2.
    assert bins.tolist() == [2, 0, 0, 0, 1, 2]


def test_calibration_error__with_one_example_a_lead_is_the_printed_formula() -> None:
    rng = np.random.default_rng(4)
    probability = rng.random(500)
    converted = rng.random(500) < probability**1.5

    error = calibration_error(probability, converted, np.arange(500), bins=10)

    squares = 0.0
    bin_of = equal_mass_bins(probability, bins=10)
    for number in range(10):
        inside = bin_of == number
        n, pbar, ybar = inside.sum(), probability[inside].mean(), converted[inside].mean()
        squares += n * ((pbar - ybar) ** 2 - ybar * (1 - ybar) / (n - 1)) / 500
    assert error == pytest.approx(np.sqrt(squares), rel=1e-12)


def test_calibration_error__of_the_truth_is_zero_on_average_also_with_many_examples_a_lead() -> None:
    rng = np.random.default_rng(7)
    excess, plain_only = [], []
    for _ in range(200):
        lead = np.repeat(np.arange(300), 8)
        probability = np.repeat(rng.beta(1, 4, 300), 8)
        converted = np.repeat(rng.random(300), 8) < probability  # the examples of a lead share their fate
        plain, noise = calibration_squares(probability, converted, lead)
        excess.append(plain - noise)
        plain_only.append(plain)

    assert abs(np.mean(excess)) < 3 * np.std(excess) / np.sqrt(200)
    assert np.mean(plain_only) > 20 * np.std(plain_only) / np.sqrt(200)


def test_calibration_error__finds_a_shift_of_a_tenth() -> None:
    rng = np.random.default_rng(8)
    truth = rng.uniform(0.2, 0.6, 40_000)

    error = calibration_error(truth + 0.1, rng.random(40_000) < truth, np.arange(40_000))

    assert error == pytest.approx(0.1, abs=0.01)


def test_lift__counts_equal_probabilities_in_part() -> None:
    probability = np.array([0.9, 0.5, 0.5, 0.5, 0.1])
    converted = np.array([True, True, False, False, False])

    # 40 % are two rows: the first whole, then one of three equals, a third of the one conversion among them.
    assert lift(probability, converted, share=0.4) == pytest.approx((1 + 1 / 3) / 2 / 0.4)


def test_captured__tells_the_part_of_revenue_among_the_first() -> None:
    probability = np.array([0.1, 0.2, 0.3, 0.4])
    amount = np.array([10.0, 0.0, 30.0, 60.0])

    assert captured(probability, amount, share=0.25) == pytest.approx(0.6)
    assert captured(probability, amount, share=0.5) == pytest.approx(0.9)


def test_metrics__do_not_depend_on_the_order_of_rows() -> None:
    rng = np.random.default_rng(3)
    probability = rng.integers(0, 20, 400) / 20 * 0.9 + 0.05
    converted = rng.random(400) < probability
    lead = rng.integers(0, 90, 400)
    shuffled = rng.permutation(400)

    metrics = point_metrics(probability, converted, lead)

    again = point_metrics(probability[shuffled], converted[shuffled], lead[shuffled])
    assert again == pytest.approx(metrics, rel=1e-12)
