"""An earlier and a later part of the rows of a fit, to choose by what would have held up later.

Whatever is chosen before a fit (how many trees, which pairs) is tried on the earlier part and judged on the
later one. Both were known at the origin; a row-random split would judge a lead by other examples of the same
lead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.lead_history import Floats, Ints
from training.examples.labels import edges_us
from training.fitting.fit_data import FitData
from training.fitting.hazard_rows import HazardRows

# Part of the conversions that a later slice is judged on.
_LATE_SHARE: Final = 0.25

# Different leads that must convert in either part: below, chance would choose.
LEAST_CONVERSIONS: Final = 60


@dataclass(frozen=True, slots=True)
class Slices:
    """Rows of a fit, parted by a moment before the origin.

    Attributes:
        moment_us: how long before the origin the moment lies.
        early: rows whose time bin had ended by the moment.
        late: rows of the examples after it, up to the next moment. Rows of earlier examples that ended after
            it are in neither part.
    """

    moment_us: int
    early: HazardRows
    late: HazardRows


def part_rows(fit_data: FitData) -> Slices | None:
    """Parts the rows of a fit at the moment after which a quarter of the conversions lie.

    Returns:
        None where either part has too few leads that convert.
    """
    return next(roll_back(fit_data, times=1), None)


def roll_back(fit_data: FitData, *, times: int) -> Iterator[Slices]:
    """Parts the rows at moments further and further back: a quarter of the conversions lie between two.

    Args:
        fit_data: what a fit learns from.
        times: how many moments; fewer come back where a part has too few leads that convert.
    """
    rows = fit_data.rows
    # How long before the origin an example was drawn, and a row's time bin ended.
    drawn = fit_data.labels.observed_us[rows.example]
    ended = drawn - edges_us(fit_data.time_edges_days)[1:][rows.time_bin]
    latest = 0
    for turn in range(1, times + 1 if rows.converted.any() else 0):
        moment = int(np.quantile(drawn[rows.converted], turn * _LATE_SHARE, method="lower"))
        late = (latest <= drawn) & (drawn < moment)
        parts = Slices(moment, early=rows.take(ended >= moment), late=rows.take(late))
        converting = (part.leads_converting(fit_data.lead) for part in (parts.early, parts.late))
        if min(converting) < LEAST_CONVERSIONS:
            return
        yield parts
        latest = moment


def sums_by_lead(values: Floats, lead: Ints) -> Floats:
    """(leads,) sums of values over the rows of each lead, for errors by lead."""
    leads, whose = np.unique(lead, return_inverse=True)
    return sums_at(values, whose, count=len(leads))


def sums_at(values: Floats, places: Ints, *, count: int) -> Floats:
    """(count,) sums of the values at each place."""
    sums = np.zeros(count)
    np.add.at(sums, places, values)
    return sums


def error_of_sum(by_lead: Floats) -> float:
    """Standard error of the sum over leads, each drawn independently."""
    return float(np.sqrt(len(by_lead)) * by_lead.std())
