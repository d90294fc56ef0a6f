"""Counts and extreme ages: one pass over the known rows serves every window of every selection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells, SlotTable
from features.engine.known_rows import KnownRows
from features.engine.selections import Selection
from features.engine.stack_layout import StackLayout, StackRow
from features.history.lead_history import Floats, Ints
from features.times import NEVER_US, US_PER_DAY

# Blocks of the stack.
COUNTS: Final = "counts"
LEASTS, WINDOWS, GREATESTS = "least ages", "windows", "greatest ages"

# Up to this many examples, one running sum is faster than one addition per bucket.
_FEW_EXAMPLES: Final = 16


def days_to_us(days: float) -> int:
    """Converts days of a declaration to whole microseconds."""
    return round(days * US_PER_DAY)


@dataclass(frozen=True, slots=True)
class TallyPlan:
    """All counts and extreme ages of a scope.

    Attributes:
        counts_at: rows of the stack for (slots x buckets) counts: rows of a selection with an age below the
            end of the bucket.
        edges: (buckets - 1,) rising ages in microseconds: every window; the last bucket has no end.
        count_table: (layers, cells) slot of a row in each cell, times the number of buckets.
        count_slots: number of slots, including the slot for rows of no selection.
        days_at: rows of the stack for extreme ages in days.
        extreme_table: (layers, cells) slot of a row in each cell.
        extreme_sign: (layers, 1) 1 for least ages, -1 for greatest ages.
        extreme_start: (slots,) initial values: NEVER_US, and the windows in their slots.
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
    """Collects the counts and extreme ages that features request."""

    cells: Cells
    edges: Ints
    counts: SlotTable = field(init=False)
    leasts: SlotTable = field(init=False)
    greatests: SlotTable = field(init=False)
    windows: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.counts, self.leasts, self.greatests = (SlotTable(self.cells) for _ in range(3))

    def count(self, selection: Selection, window_days: float | None) -> StackRow:
        """Gives the row of the number of rows of a selection within a window."""
        bucket = len(self.edges)
        if window_days is not None:
            bucket = int(np.searchsorted(self.edges, days_to_us(window_days)))
        return StackRow(COUNTS, self.counts.slot(selection) * (len(self.edges) + 1) + bucket)

    def least(self, selection: Selection) -> StackRow:
        """Gives the row of the least age."""
        return StackRow(LEASTS, self.leasts.slot(selection))

    def greatest(self, selection: Selection) -> StackRow:
        """Gives the row of the greatest age, which is stored among the extremes with a minus."""
        return StackRow(GREATESTS, self.greatests.slot(selection))

    def window(self, window_days: float | None) -> StackRow:
        """Gives the row among the extremes that holds a window; without a window, an age above all others."""
        us = NEVER_US if window_days is None else days_to_us(window_days)
        if us not in self.windows:
            self.windows.append(us)
        return StackRow(WINDOWS, self.windows.index(us))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        yield COUNTS, _slots_count(self.counts) * (len(self.edges) + 1)
        yield LEASTS, _slots_count(self.leasts)
        yield WINDOWS, len(self.windows)
        yield GREATESTS, _slots_count(self.greatests)

    def plan(self, layout: StackLayout) -> TallyPlan:
        """Gives the plan for all requests."""
        least, greatest = self.leasts.table(), self.greatests.table()
        start = layout.rows(LEASTS).start
        sizes = [_slots_count(self.leasts), len(self.windows), _slots_count(self.greatests)]
        return TallyPlan(
            layout.rows(COUNTS),
            self.edges,
            self.counts.table() * (len(self.edges) + 1),
            _slots_count(self.counts),
            layout.rows(LEASTS, GREATESTS),
            np.concatenate([least, greatest + (layout.rows(GREATESTS).start - start)]),
            np.repeat([1, -1], [len(least), len(greatest)])[:, None],
            np.array([NEVER_US] * sizes[0] + self.windows + [NEVER_US] * sizes[2], dtype=np.int64),
            np.repeat([US_PER_DAY, US_PER_DAY, -US_PER_DAY], sizes)[:, None],
        )


def edges_of(windows_days: Iterable[float | None]) -> Ints:
    """Gives the distinct windows as rising ages in microseconds."""
    return np.array(sorted({days_to_us(days) for days in windows_days if days is not None}), dtype=np.int64)


def tally(plan: TallyPlan, rows: KnownRows, stack: Floats) -> Ints:
    """Computes counts and extreme ages into the stack.

    Args:
        plan: the counts and extreme ages.
        rows: known rows of the examples.
        stack: (rows of the stack, examples) that receives them; an age is NaN where there is no row.

    Returns:
        (slots, examples) the extremes: least ages, windows, and negative greatest ages, in microseconds;
        NEVER_US where there is no row.
    """
    if len(plan.count_table):
        _count(plan, rows, stack[plan.counts_at])
    extremes = _find_extremes(plan, rows)
    days = np.divide(extremes, plan.us_per_day, out=stack[plan.days_at])
    np.copyto(days, np.nan, where=extremes == NEVER_US)
    return extremes


def _count(plan: TallyPlan, rows: KnownRows, out: Floats) -> None:
    buckets, examples = len(plan.edges) + 1, rows.examples_count
    bins = plan.count_table.take(rows.cell, axis=1)
    # The first bucket whose end lies above the age.
    bins += plan.edges.searchsorted(rows.age, side="right")
    if examples > 1:
        bins *= examples
        bins += rows.example
    counts = np.bincount(bins.ravel(), minlength=plan.count_slots * buckets * examples)
    shape = plan.count_slots, buckets, examples
    add_up_buckets(counts.reshape(shape), out.reshape(shape))


def add_up_buckets(counts: Ints, out: Floats) -> None:
    """Cumulates counts over buckets, (groups, buckets, examples): rows with an age below a bucket's end."""
    if out.shape[2] <= _FEW_EXAMPLES:
        np.add.accumulate(counts, axis=1, out=out)
        return
    # Many examples are added bucket by bucket: NumPy's running sum goes example by example.
    out[:, 0] = counts[:, 0]
    for bucket in range(1, out.shape[1]):
        np.add(out[:, bucket - 1], counts[:, bucket], out=out[:, bucket])


def _find_extremes(plan: TallyPlan, rows: KnownRows) -> Ints:
    examples = rows.examples_count
    extremes = plan.extreme_start.repeat(examples)
    if len(plan.extreme_table):
        bins = plan.extreme_table.take(rows.cell, axis=1)
        if examples > 1:
            bins *= examples
            bins += rows.example
        # The greatest age is the least of the negative ages.
        np.minimum.at(extremes, bins.ravel(), (plan.extreme_sign * rows.age).ravel())
    return extremes.reshape(-1, examples)


def _slots_count(table: SlotTable) -> int:
    # One more slot for rows of no selection; none where there are no requests.
    return len(table.slots) + 1 if table.slots else 0
