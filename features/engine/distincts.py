"""Numbers of distinct campaigns, channels and days among selected rows.

A name occurs within a window exactly when its latest row does: one sort that puts the latest row of every
name first serves all windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells
from features.engine.known_rows import KnownRows
from features.engine.selections import EVERYTHING, Selection
from features.engine.stack_layout import StackLayout, StackRow
from features.engine.tallies import add_up_buckets, days_to_us
from features.history.lead_history import Bools, Floats, Ints
from features.times import US_PER_DAY

BLOCK: Final = "distinct names"

# Bits of a name as an integer: codes are int32, and days of int64 microseconds have 28 bits with their sign.
_NAME_BITS: Final = 32
_NAME_MASK: Final = (1 << _NAME_BITS) - 1
# More than the number of days from the first valid date to 1970: every day becomes a positive integer.
_DAYS_BEFORE_1970: Final = 1 << 27


@dataclass(frozen=True, slots=True)
class DistinctPlan:
    """All counts of distinct names of a scope.

    Attributes:
        at: rows of the stack: (passes x buckets).
        passes: measure and cells (None: all cells) of each pass over the rows.
        edges: (buckets - 1,) rising ages in microseconds: the windows of these counts.
        groups: (passes, 1) 0, 1, 2 and so on, shifted above the bits of a name.
        bucket_bits: number of bits of a bucket.
    """

    at: slice
    passes: tuple[tuple[str, Bools | None], ...]
    edges: Ints
    groups: Ints
    bucket_bits: int


@dataclass(slots=True)
class DistinctBuilder:
    """Collects the counts of distinct names that features request."""

    cells: Cells
    edges: Ints
    passes: list[tuple[str, Selection]] = field(default_factory=list)

    def count(self, measure: str, selection: Selection, window_days: float | None) -> StackRow:
        """Gives the row of a count.

        Args:
            measure: name of the measure.
            selection: rows to count.
            window_days: one of the windows of `edges`; None: no window.
        """
        if (measure, selection) not in self.passes:
            self.passes.append((measure, selection))
        bucket = len(self.edges)
        if window_days is not None:
            bucket = int(np.searchsorted(self.edges, days_to_us(window_days)))
        return StackRow(BLOCK, (self.passes.index((measure, selection)) << _bits(self.edges)) + bucket)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the block of the stack."""
        yield BLOCK, len(self.passes) << _bits(self.edges)

    def plan(self, layout: StackLayout) -> DistinctPlan | None:
        """Gives the plan for all requests; None where there are none."""
        if not self.passes:
            return None
        return DistinctPlan(
            layout.rows(BLOCK),
            tuple(
                (measure, None if selection == EVERYTHING else self.cells.members(selection))
                for measure, selection in self.passes
            ),
            self.edges,
            np.arange(len(self.passes))[:, None] << _NAME_BITS,
            _bits(self.edges),
        )


def count_distinct(plan: DistinctPlan, rows: KnownRows, stack: Floats) -> None:
    """Counts distinct names into the stack.

    Args:
        plan: the counts.
        rows: known rows of the examples.
        stack: (rows of the stack, examples) that receives the counts.
    """
    names = np.empty((len(plan.passes), len(rows.age)), dtype=np.int64)
    for (measure, member), own in zip(plan.passes, names, strict=True):
        _fill_names(measure, rows, own)
        if member is not None:
            np.multiply(own, member.take(rows.cell), out=own)
    keys, is_first = _sort_names(plan, names, rows)
    if rows.examples_count == 1 and not plan.bucket_bits:
        np.add.reduce(is_first.reshape(names.shape), axis=1, keepdims=True, out=stack[plan.at])
        return
    latest = keys[is_first]
    bins = latest >> (_NAME_BITS + plan.bucket_bits)
    if plan.bucket_bits:
        bins <<= plan.bucket_bits
        bins += latest & ((1 << plan.bucket_bits) - 1)
    shape = len(plan.passes), rows.examples_count, 1 << plan.bucket_bits
    counts = np.bincount(bins, minlength=shape[0] * shape[1] * shape[2]).reshape(shape).transpose(0, 2, 1)
    add_up_buckets(counts, stack[plan.at].reshape(counts.shape))


def _bits(edges: Ints) -> int:
    return len(edges).bit_length()


def _fill_names(measure: str, rows: KnownRows, out: Ints) -> None:
    """Fills in names as positive integers, 0 for a row without a name."""
    if measure == "active_days":
        np.floor_divide(rows.interactions.occurred_at[rows.row], US_PER_DAY, out=out)
        out += _DAYS_BEFORE_1970
        return
    column = rows.interactions.campaign if measure == "distinct_campaigns" else rows.interactions.channel
    np.add(column.codes[rows.row], 1, out=out)


def _sort_names(plan: DistinctPlan, names: Ints, rows: KnownRows) -> tuple[Ints, Bools]:
    """Packs (group, name, bucket) into one integer and sorts the integers of each pass; overwrites `names`.

    A group is an example in a pass.

    Returns:
        (passes x rows) integers, and whether each belongs to the latest row of its name.
    """
    # Integers sort several times faster than rows, and shifts are faster than divisions.
    if rows.examples_count == 1:
        names += plan.groups
    else:
        names += plan.groups * rows.examples_count
        names += rows.example << _NAME_BITS
    if plan.bucket_bits:
        names <<= plan.bucket_bits
        names += plan.edges.searchsorted(rows.age, side="right")
    names.sort(axis=1)
    keys = names.reshape(-1)
    named = keys >> plan.bucket_bits if plan.bucket_bits else keys
    is_first = (named & _NAME_MASK) != 0
    later = is_first[1:]
    later &= named[1:] != named[:-1]
    return keys, is_first
