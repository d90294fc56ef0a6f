"""Cells of (kind, direction, channel, value): every row of a history belongs to one cell.

A selection is a set of cells. Everything that depends on the declarations alone is computed once: selecting
rows takes one look-up per row, for any number of selections.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final, NamedTuple

import numpy as np

from features.catalog.spec import Feature
from features.engine.selections import OF_CHANNELS, OF_VALUES, Selection
from features.history.lead_history import Bools, Interactions, Ints

# Inbound, outbound, and none.
_DIRECTIONS_COUNT: Final = 3


class CellMaps(NamedTuple):
    """What each code of one history adds to the cell number of a row; the last entry is for code -1.

    Attributes:
        of_kind: by code of the kind.
        of_channel: by code of the channel; None where channels do not matter.
        of_direction: (3,) by direction 0, 1 and -1, which is the last entry.
        splits_value: whether a value adds 1.
    """

    of_kind: Ints
    of_channel: Ints | None
    of_direction: Ints
    splits_value: bool


class NameSteps(NamedTuple):
    """What the names of one column add to the cell number of a row.

    Attributes:
        by_name: for each name in the declarations.
        other: for any other name.
        missing: where the name is missing.
    """

    by_name: Mapping[str, int]
    other: int
    missing: int

    def map(self, names: Sequence[str]) -> Ints:
        """Gives (codes + 1,) what each code adds; the last entry is for code -1."""
        return np.array([*map(self.by_name.get, names, repeat(self.other)), self.missing])


class CellSteps(NamedTuple):
    """What kind, direction, channel and value add to the cell number of a row, by name instead of code.

    Attributes:
        of_kind: by name of the kind.
        of_channel: by name of the channel; None where channels do not matter.
        of_direction: (3,) by direction 0, 1 and -1, which is the last entry.
        splits_value: whether a value adds 1.
    """

    of_kind: NameSteps
    of_channel: NameSteps | None
    of_direction: Ints
    splits_value: bool

    def maps(self, interactions: Interactions) -> CellMaps:
        """Computes what the codes of these interactions add."""
        return CellMaps(
            self.of_kind.map(interactions.kind.values),
            None if self.of_channel is None else self.of_channel.map(interactions.channel.values),
            self.of_direction,
            self.splits_value,
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells that declarations distinguish: kinds and channels that they do not name share one index.

    Attributes:
        kinds: index of each kind in the declarations.
        channels: index of each channel in the declarations.
        splits_missing_channel: whether rows without a channel have an index of their own.
        splits_value: whether rows with a value have cells of their own.
    """

    kinds: Mapping[str, int]
    channels: Mapping[str, int]
    splits_missing_channel: bool = False
    splits_value: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Number of indices of kinds, directions, channels, and of rows without and with a value."""
        return (
            len(self.kinds) + 1,
            _DIRECTIONS_COUNT,
            len(self.channels) + 1 + self.splits_missing_channel,
            1 + self.splits_value,
        )

    @property
    def count(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def members(self, selection: Selection) -> Bools:
        """Tells (cells,) which cells belong to a selection."""
        member = np.ones(self.shape, dtype=np.bool_)
        if selection.kinds:
            kinds = [self.kinds[kind] for kind in selection.kinds]
            member[[i for i in range(len(self.kinds) + 1) if i not in kinds]] = False
        member[[self.kinds[kind] for kind in selection.except_kinds]] = False
        if selection.direction is not None:
            member[:, [i for i in range(_DIRECTIONS_COUNT) if i != selection.direction + 1]] = False
        if selection.channel is not None:
            channel = self.channels[selection.channel]
            member[:, :, :channel] = False
            member[:, :, channel + 1 :] = False
        if selection.has_channel:
            member[:, :, -1] = False
        if selection.has_value:
            member[:, :, :, 0] = False
        return member.ravel()

    def steps(self) -> CellSteps:
        """Computes what every name adds to a cell number."""
        kinds, directions, channels, values = self.shape
        width = channels * values
        # The added width shifts directions -1 to 1 to indices 0 to 2.
        return CellSteps(
            _steps(self.kinds, kinds - 1, step=directions * width, start=width),
            _steps(self.channels, channels - 1, step=values) if channels > 1 else None,
            np.array([0, width, -width]),
            self.splits_value,
        )


def cells_of(features: Iterable[Feature]) -> Cells:
    """Builds the cells that distinguish every kind and channel in the features."""
    kinds: dict[str, int] = {}
    channels: dict[str, int] = {}
    measures = set()
    for feature in features:
        measures.add(feature.measure)
        for kind in feature.kinds + feature.before_kinds + feature.except_kinds:
            kinds.setdefault(kind, len(kinds))
        if feature.channel is not None:
            channels.setdefault(feature.channel, len(channels))
    return Cells(kinds, channels, not measures.isdisjoint(OF_CHANNELS), not measures.isdisjoint(OF_VALUES))


def _steps(index_of: Mapping[str, int], missing: int, *, step: int, start: int = 0) -> NameSteps:
    by_name = {name: index * step + start for name, index in index_of.items()}
    return NameSteps(by_name, len(index_of) * step + start, missing * step + start)


@dataclass(slots=True)
class SlotTable:
    """The slots of selections, in layers: selections of one layer do not overlap, so a row has one slot each.

    Attributes:
        cells: the cells that selections consist of.
        slots: slot of each selection.
        layers: for each layer, (cells,) slot of each cell, -1 where no selection of the layer has the cell.
    """

    cells: Cells
    slots: dict[Selection, int] = field(default_factory=dict)
    layers: list[Ints] = field(default_factory=list)

    def slot(self, selection: Selection) -> int:
        """Gives the slot of a selection, a new one where it has none."""
        if selection not in self.slots:
            member = self.cells.members(selection)
            layer = self._free_layer(member)
            layer[member] = len(self.slots)
            self.slots[selection] = len(self.slots)
        return self.slots[selection]

    def table(self) -> Ints:
        """Gives (layers, cells) slots; cells of no selection get the slot after the last."""
        slots = np.array(self.layers, dtype=np.int64).reshape(len(self.layers), self.cells.count)
        slots[slots < 0] = len(self.slots)
        return slots

    def _free_layer(self, member: Bools) -> Ints:
        for layer in self.layers:
            if (layer[member] < 0).all():
                return layer
        self.layers.append(np.full(self.cells.count, -1, dtype=np.int64))
        return self.layers[-1]
