"""Counts and ages by slot: one pass over the known rows serves every window of every selection at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from features.columns import Floats, Ints
from features.rows import KnownRows, filled
from features.selections import Cells, Layers, Selection
from features.times import NEVER_US, US_PER_DAY


def days_to_us(days: float) -> int:
    """Turns days of a declaration into whole microseconds."""
    return round(days * US_PER_DAY)


@dataclass(frozen=True, slots=True)
class Tallies:
    """What one pass over the known rows gives.

    Attributes:
        counts: (slots x buckets, examples) rows of a selection of age below the bucket's upper edge.
        extremes: (slots, examples) smallest ages, then the negative of greatest ages, in microseconds;
            NEVER_US where there is no row.
        days: (slots, examples) the same ages in days, all positive; NaN where there is no row.
    """

    counts: Ints
    extremes: Ints
    days: Floats


@dataclass(frozen=True, slots=True)
class TallyPlan:
    """What to tally.

    Attributes:
        edges: (buckets - 1,) rising ages in microseconds: every window; the last bucket has no end.
        count_table: (layers, cells) slot times the number of buckets.
        count_slots: number of slots, the one for unwanted rows included.
        extreme_table: (layers, cells) slot; the layers of least ages, then those of greatest.
        least_layers: number of layers of least ages.
        extreme_slots: number of slots, those for unwanted rows included.
        us_per_day: (extreme slots, 1) negative for greatest ages.
    """

    edges: Ints
    count_table: Ints
    count_slots: int
    extreme_table: Ints
    least_layers: int
    extreme_slots: int
    us_per_day: Ints


@dataclass(slots=True)
class TallyBuilder:
    """Collects what features want tallied, and tells each where it will stand."""

    cells: Cells
    edges: Ints
    counts: Layers = field(init=False)
    leasts: Layers = field(init=False)
    greatests: Layers = field(init=False)

    def __post_init__(self) -> None:
        self.counts, self.leasts, self.greatests = Layers(self.cells), Layers(self.cells), Layers(self.cells)

    def count(self, selection: Selection, window_days: float | None) -> int:
        """Gives the row of `Tallies.counts` for a selection within a window."""
        return self.counts.slot(selection) * (len(self.edges) + 1) + self.bucket(window_days)

    def bucket(self, window_days: float | None) -> int:
        """Gives the bucket that ends where the window does."""
        if window_days is None:
            return len(self.edges)
        return int(np.searchsorted(self.edges, days_to_us(window_days)))

    def least(self, selection: Selection) -> int:
        """Gives the row of `Tallies.extremes` for the smallest age."""
        return self.leasts.slot(selection)

    def greatest(self, selection: Selection) -> int:
        """Gives the row of `Tallies.extremes` for the greatest age, counted from the end."""
        return -1 - self.greatests.slot(selection)

    def plan(self) -> TallyPlan:
        """Gives the plan for all that was asked for."""
        least, greatest = self.leasts.table(), self.greatests.table()
        # Each has one slot more, for unwanted rows.
        least_slots, greatest_slots = len(self.leasts.slots) + 1, len(self.greatests.slots) + 1
        sign = np.repeat([1, -1], [least_slots, greatest_slots])
        return TallyPlan(
            self.edges,
            self.counts.table() * (len(self.edges) + 1),
            len(self.counts.slots) + 1,
            np.concatenate([least, least_slots + greatest_slots - 1 - greatest]),
            len(least),
            least_slots + greatest_slots,
            (sign * US_PER_DAY)[:, None],
        )


def edges_of(windows_days: Iterable[float | None]) -> Ints:
    """Gives the distinct windows as rising ages in microseconds."""
    return np.array(sorted({days_to_us(days) for days in windows_days if days is not None}), dtype=np.int64)


def buckets_of(edges: Ints, age: Ints) -> Ints:
    """Gives (rows,) the first bucket whose upper edge lies above the age."""
    return np.searchsorted(edges, age, side="right")


def tally(plan: TallyPlan, rows: KnownRows, bucket: Ints) -> Tallies:
    """Tallies the known rows.

    Args:
        plan: what to tally.
        rows: of the examples.
        bucket: (rows,) from `buckets_of`.
    """
    extremes = _find_extremes(plan, rows)
    days = extremes / plan.us_per_day
    days[extremes == NEVER_US] = np.nan
    return Tallies(_count(plan, rows, bucket), extremes, days)


def _count(plan: TallyPlan, rows: KnownRows, bucket: Ints) -> Ints:
    buckets, examples = len(plan.edges) + 1, rows.examples_count
    place = plan.count_table.take(rows.cell, axis=1)
    place += bucket
    if examples > 1:
        place *= examples
        place += rows.example
    counts = np.bincount(place.ravel(), minlength=plan.count_slots * buckets * examples)
    summed = counts.reshape(plan.count_slots, buckets, examples).cumsum(axis=1)
    return summed.reshape(-1, examples)


def _find_extremes(plan: TallyPlan, rows: KnownRows) -> Ints:
    extremes = filled(plan.extreme_slots * rows.examples_count, NEVER_US)
    layers = len(plan.extreme_table)
    if layers:
        place = plan.extreme_table.take(rows.cell, axis=1)
        if rows.examples_count > 1:
            place *= rows.examples_count
            place += rows.example
        # The greatest age is the least of the negative ages.
        ages = [rows.age] * plan.least_layers + [-rows.age] * (layers - plan.least_layers)
        np.minimum.at(extremes, place.ravel(), np.concatenate(ages))
    return extremes.reshape(plan.extreme_slots, rows.examples_count)
