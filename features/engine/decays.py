"""Decayed counts: sums of weights over chosen rows, added in the order of the history.

Every sum runs over its own rows alone, so that its last bit depends neither on the other features of the plan
nor on the other examples.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from features.engine.cells import Cells, Layers
from features.engine.known_rows import KnownRows
from features.engine.selections import Selection
from features.engine.stack_layout import Layout, Place
from features.engine.tallies import days_to_us
from features.history.lead_history import Floats, Ints


@dataclass(frozen=True, slots=True)
class DecayPlan:
    """Decayed counts.

    Attributes:
        at: rows of the stack.
        half_lives: (half-lives, 1) whole microseconds, negative.
        table: (layers, cells) slot.
        half_life_of: (layers,) which half-life; None where each half-life has one layer.
    """

    at: slice
    half_lives: Ints
    table: Ints
    half_life_of: Ints | None


@dataclass(slots=True)
class DecayBuilder:
    """Collects decayed counts, and tells each where it will stand."""

    cells: Cells
    by_half_life: dict[float, Layers] = field(default_factory=dict)

    def add_up(self, selection: Selection, half_life_days: float) -> Place:
        """Gives the place of a decayed count."""
        layers = self.by_half_life.setdefault(half_life_days, Layers(self.cells))
        return Place(_block(half_life_days), layers.slot(selection))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack, each with one slot more, for unwanted rows."""
        return ((_block(days), len(layers.slots) + 1) for days, layers in self.by_half_life.items())

    def plan(self, layout: Layout) -> DecayPlan | None:
        """Gives the plan for all that was asked for; None where nothing was."""
        if not self.by_half_life:
            return None
        tables = [layers.table() for layers in self.by_half_life.values()]
        blocks = [_block(days) for days in self.by_half_life]
        at = layout.part(blocks[0], blocks[-1])
        starts = [layout.part(block).start - at.start for block in blocks]
        half_life_of = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        return DecayPlan(
            at,
            np.array([[-days_to_us(days)] for days in self.by_half_life]),
            np.concatenate([table + start for table, start in zip(tables, starts, strict=True)]),
            half_life_of if len(half_life_of) > len(tables) else None,
        )


def decay(plan: DecayPlan, rows: KnownRows, stack: Floats) -> None:
    """Adds up 2^(-age / half-life) into the stack.

    Args:
        plan: what was asked for.
        rows: of the examples.
        stack: (rows of the stack, examples) to be filled.
    """
    place = plan.table.take(rows.cell, axis=1)
    if rows.examples_count > 1:
        place *= rows.examples_count
        place += rows.example
    weight = np.exp2(rows.age / plan.half_lives)
    if plan.half_life_of is not None:
        weight = weight.take(plan.half_life_of, axis=0)
    out = stack[plan.at]
    out[:] = np.bincount(place.ravel(), weight.ravel(), minlength=out.size).reshape(out.shape)


def _block(half_life_days: float) -> str:
    return f"half-life {half_life_days}"
