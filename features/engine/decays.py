"""Decayed counts: sums of weights over selected rows, added in the order of the history.

Every sum adds its own rows alone: its last bit depends neither on other features nor on other examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from features.engine.cells import Cells, SlotTable
from features.engine.known_rows import KnownRows
from features.engine.selections import Selection
from features.engine.stack_layout import StackLayout, StackRow
from features.engine.tallies import days_to_us
from features.history.lead_history import Floats, Ints


@dataclass(frozen=True, slots=True)
class DecayPlan:
    """All decayed counts of a scope.

    Attributes:
        at: rows of the stack.
        half_lives: (half-lives, 1) whole microseconds, negative.
        table: (layers, cells) slot of a row in each cell.
        half_life_of: (layers,) number of the half-life; None where each half-life has one layer.
    """

    at: slice
    half_lives: Ints
    table: Ints
    half_life_of: Ints | None


@dataclass(slots=True)
class DecayBuilder:
    """Collects the decayed counts that features request."""

    cells: Cells
    by_half_life: dict[float, SlotTable] = field(default_factory=dict)

    def decayed_count(self, selection: Selection, half_life_days: float) -> StackRow:
        """Gives the row of a decayed count."""
        slots = self.by_half_life.setdefault(half_life_days, SlotTable(self.cells))
        return StackRow(_block(half_life_days), slots.slot(selection))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack, each with one more slot for rows of no selection."""
        return ((_block(days), len(table.slots) + 1) for days, table in self.by_half_life.items())

    def plan(self, layout: StackLayout) -> DecayPlan | None:
        """Gives the plan for all requests; None where there are none."""
        if not self.by_half_life:
            return None
        tables = [slots.table() for slots in self.by_half_life.values()]
        blocks = [_block(days) for days in self.by_half_life]
        at = layout.rows(blocks[0], blocks[-1])
        starts = [layout.rows(block).start - at.start for block in blocks]
        half_life_of = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        return DecayPlan(
            at,
            np.array([[-days_to_us(days)] for days in self.by_half_life]),
            np.concatenate([table + start for table, start in zip(tables, starts, strict=True)]),
            half_life_of if len(half_life_of) > len(tables) else None,
        )


def decay(plan: DecayPlan, rows: KnownRows, stack: Floats) -> None:
    """Sums 2^(-age / half-life) into the stack.

    Args:
        plan: the decayed counts.
        rows: known rows of the examples.
        stack: (rows of the stack, examples) that receives the decayed counts.
    """
    bins = plan.table.take(rows.cell, axis=1)
    if rows.examples_count > 1:
        bins *= rows.examples_count
        bins += rows.example
    weight = np.exp2(rows.age / plan.half_lives)
    if plan.half_life_of is not None:
        weight = weight.take(plan.half_life_of, axis=0)
    out = stack[plan.at]
    out[:] = np.bincount(bins.ravel(), weight.ravel(), minlength=out.size).reshape(out.shape)


def _block(half_life_days: float) -> str:
    return f"half-life {half_life_days}"
