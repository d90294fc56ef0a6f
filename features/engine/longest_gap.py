"""The longest gap between rows: the only feature for which rows must be in the order of `occurred_at`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells
from features.engine.known_rows import KnownRows, greatest
from features.engine.selections import EVERYTHING, Selection
from features.engine.stack_layout import StackLayout, StackRow
from features.history.lead_history import Bools, Floats, Ints
from features.times import NEVER_US, US_PER_DAY

BLOCK: Final = "longest gaps"


@dataclass(frozen=True, slots=True)
class LongestGapPlan:
    """All longest gaps of a scope.

    Attributes:
        at: rows of the stack.
        member: (gaps, cells) which cells belong to the selection; None: all cells.
        leasts: (gaps,) rows of the stack that hold the least ages, in days.
    """

    at: slice
    member: Bools | None
    leasts: Ints


@dataclass(slots=True)
class LongestGapBuilder:
    """Collects the longest gaps that features request."""

    cells: Cells
    requests: list[tuple[Selection, StackRow]] = field(default_factory=list)

    def longest_gap(self, selection: Selection, least: StackRow) -> StackRow:
        """Gives the row of the longest gap between rows of a selection, whose least age is in row `least`."""
        self.requests.append((selection, least))
        return StackRow(BLOCK, len(self.requests) - 1)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the block of the stack."""
        yield BLOCK, len(self.requests)

    def plan(self, layout: StackLayout) -> LongestGapPlan | None:
        """Gives the plan for all requests; None where there are none."""
        if not self.requests:
            return None
        is_everything = all(selection == EVERYTHING for selection, _ in self.requests)
        members = [] if is_everything else [self.cells.members(selection) for selection, _ in self.requests]
        return LongestGapPlan(
            layout.rows(BLOCK),
            np.array(members) if members else None,
            np.array([layout.index(least) for _, least in self.requests]),
        )


def find_longest_gaps(plan: LongestGapPlan, rows: KnownRows, stack: Floats) -> None:
    """Finds the longest gaps in days, `as_of` being the end of the last one; NaN where no row is selected.

    Args:
        plan: the longest gaps.
        rows: known rows of the examples.
        stack: (rows of the stack, examples) that holds the least ages and receives the longest gaps.
    """
    ages = np.empty((len(plan.leasts), len(rows.age)), dtype=np.int64)
    ages[:] = rows.age
    if plan.member is not None:
        # A row outside the selection gets age 0, the moment `as_of`: it splits no gap, as the last gap ends
        # there.
        ages *= plan.member.take(rows.cell, axis=1)
    _sort_within(ages, rows)
    gaps = ages.copy()
    later = gaps[:, 1:]
    later -= ages[:, :-1]
    if rows.examples_count > 1:
        # The first row of an example is its youngest: the gap after it ends at `as_of`.
        gaps[:, rows.first_rows] = ages[:, rows.first_rows]
    longest = greatest(gaps, rows, nothing=0) / US_PER_DAY
    # The longest gap is at least the last one. Where no row is selected the least age is NaN, and NaN
    # remains.
    np.maximum(longest, stack.take(plan.leasts, axis=0), out=stack[plan.at])


def _sort_within(ages: Ints, rows: KnownRows) -> None:
    """Sorts (gaps, rows) ages within each example; `example` rises, so it needs no sorting."""
    if rows.examples_count == 1:
        ages.sort(axis=1)
        return
    step = int(rows.age.max(initial=0)) + 1
    if step > NEVER_US // rows.examples_count:
        # Histories of centuries: example and age do not fit into one integer.
        for own in ages:
            own[:] = own[np.lexsort((own, rows.example))]
        return
    offset = rows.example * step
    ages += offset
    ages.sort(axis=1)
    ages -= offset
