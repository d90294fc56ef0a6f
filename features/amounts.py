"""Sums, means, largest and latest values of chosen rows that have one, added in the order of the history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows, filled, group_rows
from features.selections import Bools, Cells, selection_of
from features.spec import Feature
from features.tallies import days_to_us
from features.times import NEVER_US


@dataclass(frozen=True, slots=True)
class ValuePlan:
    """Measures of values.

    Attributes:
        member: (features, cells) which rows are looked at.
        window: (features, 1) microseconds, NEVER_US where there is none.
        sums: places of the features that are sums; likewise means, largest and latest values.
        means: see `sums`.
        largest: see `sums`; the latest value is the largest of the rows that remain.
        is_latest: (features,) whether only the latest rows remain.
    """

    member: Bools
    window: Ints
    sums: Ints
    means: Ints
    largest: Ints
    is_latest: Bools


def plan_values(features: Sequence[Feature], cells: Cells) -> ValuePlan:
    """Plans them in the order of the features."""
    windows = [days_to_us(feature.window_days) if feature.window_days else NEVER_US for feature in features]
    return ValuePlan(
        np.array([cells.members(selection_of(feature)) for feature in features]),
        np.array(windows, dtype=np.int64)[:, None],
        _places(features, "value_sum"),
        _places(features, "value_mean"),
        _places(features, "value_max", "value_last"),
        np.array([feature.measure == "value_last" for feature in features]),
    )


def measure_values(plan: ValuePlan, rows: KnownRows) -> Floats:
    """Gives (features, examples); NaN where no chosen row has a value."""
    measured = np.full((len(plan.window), rows.examples_count), np.nan)
    value = rows.interactions.value[rows.row]
    has_value = ~np.isnan(value)
    if has_value.any():
        chosen = plan.member.take(rows.cell, axis=1)
        chosen &= has_value
        chosen &= rows.age < plan.window
        group, place = group_rows(chosen, rows)
        _fill(plan, measured, group, value.take(place), rows.age.take(place))
    return measured


def _fill(plan: ValuePlan, measured: Floats, group: Ints, value: Floats, age: Ints) -> None:
    if len(plan.largest):
        kept = ~plan.is_latest.take(group // measured.shape[1]) | _is_latest(group, age, measured.size)
        # fmax takes the number where the other is NaN, so that the first value counts.
        np.fmax.at(measured.ravel(), group[kept], value[kept])
    if len(plan.sums) or len(plan.means):
        counts = np.bincount(group, minlength=measured.size)
        # Of nothing it counts zeros that are int, weights or not.
        sums = np.bincount(group, weights=value, minlength=measured.size).astype(np.float64, copy=False)
        sums[counts == 0] = np.nan
        measured[plan.sums] = sums.reshape(measured.shape)[plan.sums]
        means = sums / np.maximum(counts, 1)
        measured[plan.means] = means.reshape(measured.shape)[plan.means]


def _is_latest(group: Ints, age: Ints, groups_count: int) -> Bools:
    least = filled(groups_count, NEVER_US)
    np.minimum.at(least, group, age)
    return np.asarray(age == least.take(group))


def _places(features: Sequence[Feature], *measures: str) -> Ints:
    places = [place for place, feature in enumerate(features) if feature.measure in measures]
    return np.array(places, dtype=np.int64)
