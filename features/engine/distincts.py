"""How many different campaigns, channels and days there are among chosen rows.

A name is within a window exactly when its latest row is, so one sort that brings the latest row of every name
to the front serves all windows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells
from features.engine.known_rows import KnownRows
from features.engine.selections import EVERYTHING, Selection
from features.engine.stack_layout import Layout, Place
from features.engine.tallies import add_up_buckets, days_to_us
from features.history.lead_history import Bools, Floats, Ints
from features.times import US_PER_DAY

BLOCK: Final = "distinct names"

# Bits of the number of a name: codes are int32, days of an int64 of microseconds have 28 with their sign.
_NAME_BITS: Final = 32
_NAME_MASK: Final = (1 << _NAME_BITS) - 1
# More days than lie between the first day that can be written and 1970: every day is a positive number.
_DAYS_BEFORE_1970: Final = 1 << 27


@dataclass(frozen=True, slots=True)
class DistinctPlan:
    """Counts of different names.

    Attributes:
        at: rows of the stack: (passes x buckets).
        passes: what is told apart, and among which cells (None: all).
        edges: (buckets - 1,) rising ages in microseconds: the windows of these counts.
        groups: (passes, 1) 0, 1, 2 and so on, beyond the bits of a name.
        bucket_bits: bits that hold a bucket.
    """

    at: slice
    passes: tuple[tuple[str, Bools | None], ...]
    edges: Ints
    groups: Ints
    bucket_bits: int


@dataclass(slots=True)
class DistinctBuilder:
    """Collects counts of different names, and tells each where it will stand."""

    cells: Cells
    edges: Ints
    passes: list[tuple[str, Selection]] = field(default_factory=list)

    def count(self, what: str, selection: Selection, window_days: float | None) -> Place:
        """Gives the place of a count.

        Args:
            what: the measure.
            selection: of the rows.
            window_days: one of those that the edges were made of.
        """
        if (what, selection) not in self.passes:
            self.passes.append((what, selection))
        bucket = len(self.edges)
        if window_days is not None:
            bucket = int(np.searchsorted(self.edges, days_to_us(window_days)))
        return Place(BLOCK, (self.passes.index((what, selection)) << _bits(self.edges)) + bucket)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the block of the stack."""
        yield BLOCK, len(self.passes) << _bits(self.edges)

    def plan(self, layout: Layout) -> DistinctPlan | None:
        """Gives the plan for all that was asked for; None where nothing was."""
        if not self.passes:
            return None
        return DistinctPlan(
            layout.part(BLOCK),
            tuple(
                (what, None if chosen == EVERYTHING else self.cells.members(chosen))
                for what, chosen in self.passes
            ),
            self.edges,
            np.arange(len(self.passes))[:, None] << _NAME_BITS,
            _bits(self.edges),
        )


def count_distinct(plan: DistinctPlan, rows: KnownRows, stack: Floats) -> None:
    """Counts different names into the stack.

    Args:
        plan: what was asked for.
        rows: of the examples.
        stack: (rows of the stack, examples) to be filled.
    """
    names = np.empty((len(plan.passes), len(rows.age)), dtype=np.int64)
    for (what, member), named in zip(plan.passes, names, strict=True):
        _name(what, rows, named)
        if member is not None:
            np.multiply(named, member.take(rows.cell), out=named)
    keys, is_first = _sort_names(plan, names, rows)
    if rows.examples_count == 1 and not plan.bucket_bits:
        np.add.reduce(is_first.reshape(names.shape), axis=1, keepdims=True, out=stack[plan.at])
        return
    latest = keys[is_first]
    place = latest >> (_NAME_BITS + plan.bucket_bits)
    if plan.bucket_bits:
        place <<= plan.bucket_bits
        place += latest & ((1 << plan.bucket_bits) - 1)
    shape = len(plan.passes), rows.examples_count, 1 << plan.bucket_bits
    counts = np.bincount(place, minlength=shape[0] * shape[1] * shape[2]).reshape(shape).transpose(0, 2, 1)
    add_up_buckets(counts, stack[plan.at].reshape(counts.shape))


def _bits(edges: Ints) -> int:
    return len(edges).bit_length()


def _name(what: str, rows: KnownRows, out: Ints) -> None:
    """Fills in positive numbers for names, 0 for a row without one."""
    if what == "active_days":
        np.floor_divide(rows.interactions.occurred_at[rows.row], US_PER_DAY, out=out)
        out += _DAYS_BEFORE_1970
        return
    named = rows.interactions.campaign if what == "distinct_campaigns" else rows.interactions.channel
    np.add(named.codes[rows.row], 1, out=out)


def _sort_names(plan: DistinctPlan, names: Ints, rows: KnownRows) -> tuple[Ints, Bools]:
    """Packs (group, name, bucket) into one number and sorts the numbers of each pass; uses up the names.

    A group is an example in a pass.

    Returns:
        (passes x rows) numbers, and whether each is of the latest row of its name.
    """
    # Numbers sort several times faster than rows, and shifts beat divisions.
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
