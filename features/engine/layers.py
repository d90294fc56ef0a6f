"""Slots of selections: small tables over cells that tell in one look-up which selections a row belongs to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from features.engine.cells import Cells
from features.engine.selections import Selection
from features.history.lead_history import Bools, Ints


@dataclass(slots=True)
class Layers:
    """Gives every selection a slot; those in one layer do not overlap, so that a row has one slot a layer."""

    cells: Cells
    slots: dict[Selection, int] = field(default_factory=dict)
    tables: list[Ints] = field(default_factory=list)

    def slot(self, selection: Selection) -> int:
        """Gives the slot of a selection, a new one when it has none."""
        if selection not in self.slots:
            member = self.cells.members(selection)
            table = self._free_table(member)
            table[member] = len(self.slots)
            self.slots[selection] = len(self.slots)
        return self.slots[selection]

    def table(self) -> Ints:
        """Gives (layers, cells) slots; what no selection of the layer wants gets the slot after the last."""
        slots = np.array(self.tables, dtype=np.int64).reshape(len(self.tables), self.cells.count)
        slots[slots < 0] = len(self.slots)
        return slots

    def _free_table(self, member: Bools) -> Ints:
        for table in self.tables:
            if (table[member] < 0).all():
                return table
        self.tables.append(np.full(self.cells.count, -1, dtype=np.int64))
        return self.tables[-1]
