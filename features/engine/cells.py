"""Cells of (kind, direction, channel, value), into one of which every row of a history falls.

A selection is a set of cells. What depends on the declarations alone is worked out once, so that choosing
rows costs one look-up, however many selections there are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from features.catalog.spec import Feature
from features.engine.selections import OF_CHANNELS, OF_VALUES, Selection
from features.history.lead_history import Bools, Interactions, Ints

_DIRECTIONS: Final = 3


class CellMaps(NamedTuple):
    """What each code of one history adds to the cell of a row; the last entry is for code -1.

    Attributes:
        of_kind: by code of the kind.
        of_channel: by code of the channel; None where it does not matter.
        of_direction: (3,) by direction 0, 1 and -1, which is the last.
        tells_value: whether a row that has a value stands one cell further.
    """

    of_kind: Ints
    of_channel: Ints | None
    of_direction: Ints
    tells_value: bool


class NameSteps(NamedTuple):
    """What the names of one column add to a cell.

    Attributes:
        by_name: of those that are named.
        other: of any other name.
        missing: where there is none.
    """

    by_name: Mapping[str, int]
    other: int
    missing: int

    def map(self, names: Sequence[str]) -> Ints:
        """Gives what each code adds, (codes + 1,), the last entry for code -1."""
        step, other = self.by_name.get, self.other
        return np.array([*[step(name, other) for name in names], self.missing])


class CellSteps(NamedTuple):
    """What a row's kind, direction, channel and value add to its cell, whatever the codes of a history.

    Attributes:
        of_kind: names of kinds.
        of_channel: names of channels; None where they do not matter.
        of_direction: (3,) by direction 0, 1 and -1, which is the last.
        tells_value: whether a row that has a value stands one cell further.
    """

    of_kind: NameSteps
    of_channel: NameSteps | None
    of_direction: Ints
    tells_value: bool

    def maps(self, interactions: Interactions) -> CellMaps:
        """Works out what the codes of these interactions add to a cell."""
        return CellMaps(
            self.of_kind.map(interactions.kind.values),
            None if self.of_channel is None else self.of_channel.map(interactions.channel.values),
            self.of_direction,
            self.tells_value,
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """The kinds and channels that declarations name, each with a place of its own; all others share one.

    Attributes:
        kinds: place of each kind that is named.
        channels: place of each channel that is named.
        tells_channel: whether rows without a channel have a place of their own.
        tells_value: whether rows with a value have places of their own.
    """

    kinds: Mapping[str, int]
    channels: Mapping[str, int]
    tells_channel: bool = False
    tells_value: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """Places of kinds, directions, channels, and of rows without and with a value."""
        return (
            len(self.kinds) + 1,
            _DIRECTIONS,
            len(self.channels) + 1 + self.tells_channel,
            1 + self.tells_value,
        )

    @property
    def count(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def members(self, selection: Selection) -> Bools:
        """Tells (cells,) which cells a selection consists of."""
        member = np.ones(self.shape, dtype=np.bool_)
        if selection.kinds:
            chosen = [self.kinds[kind] for kind in selection.kinds]
            member[[place for place in range(len(self.kinds) + 1) if place not in chosen]] = False
        if selection.direction is not None:
            member[:, [place for place in range(_DIRECTIONS) if place != selection.direction + 1]] = False
        if selection.channel is not None:
            place = self.channels[selection.channel]
            member[:, :, :place] = False
            member[:, :, place + 1 :] = False
        if selection.has_channel:
            member[:, :, -1] = False
        if selection.has_value:
            member[:, :, :, 0] = False
        return member.ravel()

    def steps(self) -> CellSteps:
        """Works out what every name adds to a cell."""
        kinds, directions, channels, values = self.shape
        width = channels * values
        # The added width moves directions -1 to 1 to places 0 to 2.
        return CellSteps(
            _steps(self.kinds, kinds - 1, step=directions * width, start=width),
            _steps(self.channels, channels - 1, step=values) if channels > 1 else None,
            np.array([0, width, -width]),
            self.tells_value,
        )


def cells_of(features: Iterable[Feature]) -> Cells:
    """Gives a place to every kind and channel that the features name."""
    kinds: dict[str, int] = {}
    channels: dict[str, int] = {}
    measures = set()
    for feature in features:
        measures.add(feature.measure)
        for kind in feature.kinds + feature.before_kinds:
            kinds.setdefault(kind, len(kinds))
        if feature.channel is not None:
            channels.setdefault(feature.channel, len(channels))
    return Cells(kinds, channels, not measures.isdisjoint(OF_CHANNELS), not measures.isdisjoint(OF_VALUES))


def _steps(places: Mapping[str, int], missing: int, *, step: int, start: int = 0) -> NameSteps:
    by_name = {name: place * step + start for name, place in places.items()}
    return NameSteps(by_name, len(places) * step + start, missing * step + start)


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
