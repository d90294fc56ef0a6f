"""Splits of a fit's rows into an earlier and a later part, to choose by the loss on the later one.

What is chosen before a fit (how many trees, which pairs) is fitted on the earlier part and tested on the
later one. Both were known at the origin; a random split of rows would test a lead on other examples of the
same lead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.lead_history import Floats, Ints
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import HazardRows, since_bin_end

# Part of the conversions that are in a later part.
_LATE_SHARE: Final = 0.25

# Different accounts or leads that must convert in either part; with fewer, chance would choose.
LEAST_CONVERSIONS: Final = 60


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """Rows of a fit, split at a moment before the origin.

    Attributes:
        moment_us: time from the moment to the origin.
        early: rows whose time bin had ended by the moment.
        late: rows of the examples after it, up to the next moment. Rows of earlier examples that ended after
            the moment are in neither part.
    """

    moment_us: int
    early: HazardRows
    late: HazardRows


def split_rows(fit_data: FitData) -> TimeSplit | None:
    """Splits the rows of a fit at the moment after which a quarter of the conversions lie.

    Returns:
        None where either part has too few leads that convert.
    """
    return next(roll_back(fit_data, times=1), None)


def roll_back(fit_data: FitData, *, times: int) -> Iterator[TimeSplit]:
    """Splits the rows at moments further and further back: a quarter of the conversions lie between two.

    Args:
        fit_data: of the fit.
        times: number of moments; splitting ends where a part has too few leads that convert.
    """
    rows = fit_data.rows
    # Time from the example, and from the end of the row's time bin, to the origin.
    drawn = fit_data.labels.observed_us[rows.example]
    ended = since_bin_end(fit_data.labels, rows.example, rows.time_bin, fit_data.time_edges_days)
    latest = 0
    for turn in range(1, times + 1 if rows.converted.any() else 0):
        moment = int(np.quantile(drawn[rows.converted], turn * _LATE_SHARE, method="lower"))
        late = (latest <= drawn) & (drawn < moment)
        split = TimeSplit(moment, early=rows.take(ended >= moment), late=rows.take(late))
        converting = (part.clusters_converting(fit_data.cluster) for part in (split.early, split.late))
        if min(converting) < LEAST_CONVERSIONS:
            return
        yield split
        latest = moment


def sums_by_cluster(values: Floats, cluster: Ints) -> Floats:
    """(clusters,) sums of values over the rows of each account or lead."""
    clusters, place = np.unique(cluster, return_inverse=True)
    return sums_at(values, place, count=len(clusters))


def sums_at(values: Floats, places: Ints, *, count: int) -> Floats:
    """(count,) sums of the values of each place."""
    sums = np.zeros(count)
    np.add.at(sums, places, values)
    return sums


def error_of_sum(by_cluster: Floats) -> float:
    """Computes the standard error of the sum over clusters, which are independent."""
    return float(np.sqrt(len(by_cluster)) * by_cluster.std())
