"""The longest silence: the only feature for which rows must stand in the order in which they occurred."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.engine.cells import Cells
from features.engine.known_rows import KnownRows, greatest
from features.engine.selections import EVERYTHING, Selection
from features.engine.stack_layout import Layout, Place
from features.history.lead_history import Bools, Floats, Ints
from features.times import NEVER_US, US_PER_DAY

BLOCK: Final = "silences"


@dataclass(frozen=True, slots=True)
class SilencePlan:
    """Longest silences.

    Attributes:
        at: rows of the stack.
        member: (silences, cells) which rows are looked at; None: all.
        youngest: (silences,) rows of the smallest ages, in days, of the stack.
    """

    at: slice
    member: Bools | None
    youngest: Ints


@dataclass(slots=True)
class SilenceBuilder:
    """Collects longest silences, and tells each where it will stand."""

    cells: Cells
    asked: list[tuple[Selection, Place]] = field(default_factory=list)

    def find(self, selection: Selection, youngest: Place) -> Place:
        """Gives the place of the longest silence between rows of a selection."""
        self.asked.append((selection, youngest))
        return Place(BLOCK, len(self.asked) - 1)

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the block of the stack."""
        yield BLOCK, len(self.asked)

    def plan(self, layout: Layout) -> SilencePlan | None:
        """Gives the plan for all that was asked for; None where nothing was."""
        if not self.asked:
            return None
        is_everything = all(selection == EVERYTHING for selection, _ in self.asked)
        return SilencePlan(
            layout.part(BLOCK),
            None
            if is_everything
            else np.array([self.cells.members(selection) for selection, _ in self.asked]),
            np.array([layout.row(place) for _, place in self.asked]),
        )


def measure_silences(plan: SilencePlan, rows: KnownRows, stack: Floats) -> None:
    """Finds the longest silences in days; NaN where no row was chosen.

    Args:
        plan: what was asked for.
        rows: of the examples.
        stack: (rows of the stack, examples) to be filled; the smallest ages stand in it.
    """
    ages = np.empty((len(plan.youngest), len(rows.age)), dtype=np.int64)
    ages[:] = rows.age
    if plan.member is not None:
        # A row that is not chosen moves to `as_of`, where it parts no silence: the last one ends there.
        ages *= plan.member.take(rows.cell, axis=1)
    _sort_within(ages, rows)
    gaps = ages.copy()
    later = gaps[:, 1:]
    later -= ages[:, :-1]
    if rows.examples_count > 1:
        # The youngest row of an example is followed by `as_of`.
        gaps[:, rows.begins] = ages[:, rows.begins]
    longest = greatest(gaps, rows, nothing=0) / US_PER_DAY
    # None is shorter than the last, and where there is no row that is NaN, which stays.
    np.maximum(longest, stack.take(plan.youngest, axis=0), out=stack[plan.at])


def _sort_within(ages: Ints, rows: KnownRows) -> None:
    """Sorts (silences, rows) ages within each example; `example` rises, so it stays as it is."""
    if rows.examples_count == 1:
        ages.sort(axis=1)
        return
    step = int(rows.age.max(initial=0)) + 1
    if step > NEVER_US // rows.examples_count:
        # Histories of centuries: example and age do not fit in one number.
        for one in ages:
            one[:] = one[np.lexsort((one, rows.example))]
        return
    offset = rows.example * step
    ages += offset
    ages.sort(axis=1)
    ages -= offset
