"""The metrics as functions of sums over clusters, so that thousands of replicates are one product.

A replicate draws clusters (leads or accounts) with replacement: its sums are those of the clusters, times how
often each was drawn. `training.metrics.bootstrap` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from scipy import sparse

from features.history.lead_history import Bools, Floats, Ints
from training.metrics.formulas import CALIBRATION_BINS, LIFT_SHARE, equal_mass_bins

# Metrics by rank are resampled on groups of equal mass; the value itself is computed exactly. Five times as
# many moved the ends of 72,000 examples by less than 0.5 %, and took most of the time.
RANK_GROUPS: Final = 200

# Rows of the sums: five over all examples, then count, converted and predicted of each bin, then the rank
# groups.
_COUNT, _CONVERTED, _PREDICTED, _LOG_LOSS, _SQUARE, _FIRST_BIN = range(6)
_FIRST_GROUP: Final = _FIRST_BIN + 3 * CALIBRATION_BINS


def sum_by_cluster(values: Floats, rows: Ints, cluster: Ints, *, rows_count: int) -> sparse.csr_array:
    """Sums values over the examples of each cluster.

    Args:
        values: (n,) what is summed.
        rows: (n,) row of the sums that each value goes to.
        cluster: (n,) number of each example's lead or account.
        rows_count: number of rows.

    Returns:
        (rows_count, clusters) sums; the clusters are the distinct ones, rising.
    """
    clusters, column = np.unique(cluster, return_inverse=True)
    return sparse.csr_array(sparse.coo_array((values, (rows, column)), shape=(rows_count, len(clusters))))


def metric_sums(probability: Floats, converted: Bools, cluster: Ints) -> sparse.csr_array:
    """Sums over each cluster what the metrics are made of.

    Args:
        probability: (n,) predicted.
        converted: (n,) observed.
        cluster: (n,) number of each example's lead or account.

    Returns:
        (rows, clusters) for `metrics_of_sums`.
    """
    outcome = converted.astype(np.float64)
    ones = np.ones(len(cluster))
    bin_row = _FIRST_BIN + equal_mass_bins(probability)
    group_row = _FIRST_GROUP + 2 * equal_mass_bins(probability, bins=RANK_GROUPS) + converted
    summands = [
        (ones, np.full(len(cluster), _COUNT)),
        (outcome, np.full(len(cluster), _CONVERTED)),
        (probability, np.full(len(cluster), _PREDICTED)),
        (_losses(probability, converted), np.full(len(cluster), _LOG_LOSS)),
        ((probability - outcome) ** 2, np.full(len(cluster), _SQUARE)),
        (ones, bin_row),
        (outcome, bin_row + CALIBRATION_BINS),
        (probability, bin_row + 2 * CALIBRATION_BINS),
        (ones, group_row),
    ]
    values = np.concatenate([summed for summed, _ in summands])
    rows = np.concatenate([row for _, row in summands])
    rows_count = _FIRST_GROUP + 2 * RANK_GROUPS
    return sum_by_cluster(values, rows, np.tile(cluster, len(summands)), rows_count=rows_count)


def metrics_of_sums(sums: Floats) -> dict[str, Floats]:
    """Computes the metrics of each replicate.

    Args:
        sums: (rows, replicates) of `metric_sums`.

    Returns:
        (replicates,) by name; `calibration_error` is the plain square, still with its noise. NaN where only
        one outcome occurred.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        count, converted = sums[_COUNT], sums[_CONVERTED]
        rate = converted / count
        base_loss = -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))
        log_loss, brier = sums[_LOG_LOSS] / count, sums[_SQUARE] / count
        return _rank_metrics(sums[_FIRST_GROUP::2], sums[_FIRST_GROUP + 1 :: 2]) | {
            "log_loss": log_loss,
            "log_loss_skill": 1 - log_loss / base_loss,
            "brier": brier,
            "brier_skill": 1 - brier / (rate * (1 - rate)),
            "calibration_in_the_large": sums[_PREDICTED] / converted,
            "calibration_error": _bin_squares(sums[_FIRST_BIN:_FIRST_GROUP]),
        }


def _rank_metrics(open_count: Floats, converted_count: Floats) -> dict[str, Floats]:
    """Computes the metrics by rank from counts (groups, replicates), groups rising with the probability."""
    opens, conversions = open_count[::-1], converted_count[::-1]
    open_total, converted_total = opens.sum(axis=0), conversions.sum(axis=0)
    below = open_total - np.cumsum(opens, axis=0) + opens / 2
    true_positives = np.cumsum(conversions, axis=0)
    positives = true_positives + np.cumsum(opens, axis=0)
    precision = np.divide(true_positives, positives, out=np.zeros_like(true_positives), where=positives > 0)
    capture = captured_of_groups(open_count + converted_count, converted_count, shares=[LIFT_SHARE])
    return {
        "auc": (conversions * below).sum(axis=0) / (open_total * converted_total),
        "average_precision": (conversions * precision).sum(axis=0) / converted_total,
        "lift_at_10": capture[0] / LIFT_SHARE,
    }


def captured_of_groups(count: Floats, amount: Floats, *, shares: Sequence[float]) -> Floats:
    """Computes which part of an amount the highest groups capture.

    Args:
        count: (groups, replicates) examples, groups rising with the probability.
        amount: (groups, replicates) conversions, or revenue, of the same.
        shares: parts of all examples that count as the highest.

    Returns:
        (shares, replicates); NaN where a replicate has no amount.
    """
    counts, amounts = (
        np.concatenate([np.zeros((1, each.shape[1])), np.cumsum(each[::-1], axis=0)])
        for each in (count, amount)
    )
    captured_amounts = [_interpolate(share * counts[-1], counts, amounts) for share in shares]
    total = amounts[-1]
    unknown = np.full((len(shares), len(total)), np.nan)
    parts: Floats = np.divide(np.array(captured_amounts), total, out=unknown, where=total > 0)
    return parts


def _interpolate(wanted: Floats, x: Floats, y: Floats) -> Floats:
    """(replicates,) `np.interp` of one number in each column, of all columns at once.

    Args:
        wanted: (replicates,) within the column.
        x: (points, replicates) rising from 0.
        y: (points, replicates)
    """
    column = np.arange(x.shape[1])
    low = np.minimum((x <= wanted).sum(axis=0), len(x) - 1) - 1
    width = x[low + 1, column] - x[low, column]
    rise = y[low + 1, column] - y[low, column]
    slope = np.divide(rise, width, out=np.zeros_like(width), where=width > 0)
    reached: Floats = slope * (wanted - x[low, column]) + y[low, column]
    # At the end of the column its last point, whatever rounding makes of the way there.
    return np.where(wanted >= x[-1], y[-1], reached)


def _bin_squares(sums: Floats) -> Floats:
    """Computes the mean square distance of predicted and observed of (3 x bins, replicates) sums."""
    count, converted, predicted = np.split(sums, 3)
    squares = np.divide((predicted - converted) ** 2, count, out=np.zeros_like(count), where=count > 0)
    total: Floats = squares.sum(axis=0) / count.sum(axis=0)
    return total


def _losses(probability: Floats, converted: Bools) -> Floats:
    """Computes the log loss of each example, clipped as scikit-learn clips it."""
    kept = np.clip(np.where(converted, probability, 1 - probability), np.finfo(np.float64).eps, None)
    losses: Floats = -np.log(kept)
    return losses
