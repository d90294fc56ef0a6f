"""Counts and ages by slot: one pass over the known rows serves every window of every selection at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells, Layers
from features.engine.known_rows import KnownRows
from features.engine.selections import Selection
from features.engine.stack_layout import Layout, Place
from features.history.lead_history import Floats, Ints
from features.times import NEVER_US, US_PER_DAY

# Blocks of the stack.
COUNTS: Final = "counts"
LEASTS, WINDOWS, GREATESTS = "least ages", "windows", "greatest ages"

# Up to here one running sum is quicker than one addition for each bucket.
_FEW_EXAMPLES: Final = 16


def days_to_us(days: float) -> int:
    """Turns days of a declaration into whole microseconds."""
    return round(days * US_PER_DAY)


@dataclass(frozen=True, slots=True)
class TallyPlan:
    """What to tally.

    Attributes:
        counts_at: rows of the stack for (slots x buckets) counts of rows of a selection that are younger than
            the bucket's end.
        edges: (buckets - 1,) rising ages in microseconds: every window; the last bucket has no end.
        count_table: (layers, cells) slot times the number of buckets.
        count_slots: number of slots, the one for unwanted rows included.
        days_at: rows of the stack for extreme ages in days.
        extreme_table: (layers, cells) slot.
        extreme_sign: (layers, 1) 1 for least ages, -1 for greatest.
        extreme_start: (slots,) NEVER_US, the windows among them.
        us_per_day: (slots, 1) negative for greatest ages.
    """

    counts_at: slice
    edges: Ints
    count_table: Ints
    count_slots: int
    days_at: slice
    extreme_table: Ints
    extreme_sign: Ints
    extreme_start: Ints
    us_per_day: Ints


@dataclass(slots=True)
class TallyBuilder:
    """Collects what features want tallied, and tells each where it will stand."""

    cells: Cells
    edges: Ints
    counts: Layers = field(init=False)
    leasts: Layers = field(init=False)
    greatests: Layers = field(init=False)
    windows: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts, self.leasts, self.greatests = Layers(self.cells), Layers(self.cells), Layers(self.cells)

    def count(self, selection: Selection, window_days: float | None) -> Place:
        """Gives the place of the number of rows of a selection within a window."""
        bucket = len(self.edges)
        if window_days is not None:
            bucket = int(np.searchsorted(self.edges, days_to_us(window_days)))
        return Place(COUNTS, self.counts.slot(selection) * (len(self.edges) + 1) + bucket)

    def least(self, selection: Selection) -> Place:
        """Gives the place of the smallest age."""
        return Place(LEASTS, self.leasts.slot(selection))

    def greatest(self, selection: Selection) -> Place:
        """Gives the place of the greatest age, which stands among the extremes with a minus."""
        return Place(GREATESTS, self.greatests.slot(selection))

    def window(self, window_days: float | None) -> Place:
        """Gives the place among the extremes where a window stands; without one an age that none reaches."""
        us = NEVER_US if window_days is None else days_to_us(window_days)
        if us not in self.windows:
            self.windows.append(us)
        return Place(WINDOWS, self.windows.index(us))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        yield COUNTS, _slots(self.counts) * (len(self.edges) + 1)
        yield LEASTS, _slots(self.leasts)
        yield WINDOWS, len(self.windows)
        yield GREATESTS, _slots(self.greatests)

    def plan(self, layout: Layout) -> TallyPlan:
        """Gives the plan for all that was asked for."""
        least, greatest = self.leasts.table(), self.greatests.table()
        start = layout.part(LEASTS).start
        sizes = [_slots(self.leasts), len(self.windows), _slots(self.greatests)]
        return TallyPlan(
            layout.part(COUNTS),
            self.edges,
            self.counts.table() * (len(self.edges) + 1),
            _slots(self.counts),
            layout.part(LEASTS, GREATESTS),
            np.concatenate([least, greatest + (layout.part(GREATESTS).start - start)]),
            np.repeat([1, -1], [len(least), len(greatest)])[:, None],
            np.array([NEVER_US] * sizes[0] + self.windows + [NEVER_US] * sizes[2], dtype=np.int64),
            np.repeat([US_PER_DAY, US_PER_DAY, -US_PER_DAY], sizes)[:, None],
        )


def edges_of(windows_days: Iterable[float | None]) -> Ints:
    """Gives the distinct windows as rising ages in microseconds."""
    return np.array(sorted({days_to_us(days) for days in windows_days if days is not None}), dtype=np.int64)


def tally(plan: TallyPlan, rows: KnownRows, stack: Floats) -> Ints:
    """Tallies the known rows into the stack.

    Args:
        plan: what to tally.
        rows: of the examples.
        stack: (rows of the stack, examples) to be filled; days are NaN where there is no row.

    Returns:
        (slots, examples) smallest ages, windows, and the negative of greatest ages, in microseconds; NEVER_US
        where there is no row.
    """
    if len(plan.count_table):
        _count(plan, rows, stack[plan.counts_at])
    extremes = _find_extremes(plan, rows)
    days = np.divide(extremes, plan.us_per_day, out=stack[plan.days_at])
    np.copyto(days, np.nan, where=extremes == NEVER_US)
    return extremes


def _count(plan: TallyPlan, rows: KnownRows, out: Floats) -> None:
    buckets, examples = len(plan.edges) + 1, rows.examples_count
    place = plan.count_table.take(rows.cell, axis=1)
    # The first bucket whose end lies above the age.
    place += plan.edges.searchsorted(rows.age, side="right")
    if examples > 1:
        place *= examples
        place += rows.example
    counts = np.bincount(place.ravel(), minlength=plan.count_slots * buckets * examples)
    shape = plan.count_slots, buckets, examples
    add_up_buckets(counts.reshape(shape), out.reshape(shape))


def add_up_buckets(counts: Ints, out: Floats) -> None:
    """Fills in how many rows are younger than the end of each bucket: (groups, buckets, examples)."""
    if out.shape[2] <= _FEW_EXAMPLES:
        np.add.accumulate(counts, axis=1, out=out)
        return
    # Of many examples whole buckets at a time: NumPy's running sum goes example by example.
    out[:, 0] = counts[:, 0]
    for bucket in range(1, out.shape[1]):
        np.add(out[:, bucket - 1], counts[:, bucket], out=out[:, bucket])


def _find_extremes(plan: TallyPlan, rows: KnownRows) -> Ints:
    examples = rows.examples_count
    extremes = plan.extreme_start.repeat(examples)
    if len(plan.extreme_table):
        place = plan.extreme_table.take(rows.cell, axis=1)
        if examples > 1:
            place *= examples
            place += rows.example
        # The greatest age is the least of the negative ages.
        np.minimum.at(extremes, place.ravel(), (plan.extreme_sign * rows.age).ravel())
    return extremes.reshape(-1, examples)


def _slots(layers: Layers) -> int:
    # One more, for unwanted rows; none where nothing was asked for.
    return len(layers.slots) + 1 if layers.slots else 0
