"""Which interactions a feature looks at, as small tables over cells of (kind, direction, channel).

A row of a history falls into one cell; a selection is a set of cells. What depends on the declarations alone
is worked out once, so that choosing rows costs one look-up, however many selections there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from features.columns import INBOUND, OUTBOUND, Interactions, Ints
from features.spec import Feature

Bools = npt.NDArray[np.bool_]

_DIRECTIONS: Final = 3
_CODE_OF_DIRECTION: Final[Mapping[str | None, int | None]] = {
    None: None,
    "inbound": INBOUND,
    "outbound": OUTBOUND,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Interactions of some kinds (empty: of all), of one direction and by one channel (None: of any)."""

    kinds: frozenset[str] = frozenset()
    direction: int | None = None
    channel: str | None = None


EVERYTHING: Final = Selection()


def selection_of(feature: Feature) -> Selection:
    """Gives what the kinds, direction and channel of a declaration leave."""
    return Selection(frozenset(feature.kinds), _CODE_OF_DIRECTION[feature.direction], feature.channel)


@dataclass(frozen=True, slots=True)
class CellMaps:
    """What each code of one history adds to the cell of a row; the last entry is for code -1."""

    of_kind: Ints
    of_channel: Ints | None
    direction_step: np.int64


@dataclass(frozen=True, slots=True)
class Cells:
    """The kinds and channels that declarations name, each with a place of its own; all others share one.

    Attributes:
        kinds: place of each kind that is named.
        channels: place of each channel that is named.
    """

    kinds: Mapping[str, int]
    channels: Mapping[str, int]

    @property
    def count(self) -> int:
        """Number of cells."""
        return (len(self.kinds) + 1) * _DIRECTIONS * (len(self.channels) + 1)

    def members(self, selection: Selection) -> Bools:
        """Tells (cells,) which cells a selection consists of."""
        member = np.ones((len(self.kinds) + 1, _DIRECTIONS, len(self.channels) + 1), dtype=np.bool_)
        if selection.kinds:
            chosen = [self.kinds[kind] for kind in selection.kinds]
            member[[place for place in range(len(self.kinds) + 1) if place not in chosen]] = False
        if selection.direction is not None:
            member[:, [place for place in range(_DIRECTIONS) if place != selection.direction + 1]] = False
        if selection.channel is not None:
            place = self.channels[selection.channel]
            member[:, :, :place] = False
            member[:, :, place + 1 :] = False
        return member.ravel()

    def maps(self, interactions: Interactions) -> CellMaps:
        """Works out what the codes of these interactions add to a cell."""
        width = len(self.channels) + 1
        # The added width moves directions -1 to 1 to places 0 to 2.
        of_kind = _steps(self.kinds, interactions.kind.values, step=_DIRECTIONS * width, start=width)
        of_channel = (
            _steps(self.channels, interactions.channel.values, step=1, start=0) if self.channels else None
        )
        return CellMaps(of_kind, of_channel, np.int64(width))


def cells_of(features: Iterable[Feature]) -> Cells:
    """Gives a place to every kind and channel that the features name."""
    kinds: dict[str, int] = {}
    channels: dict[str, int] = {}
    for feature in features:
        for kind in feature.kinds + feature.before_kinds:
            kinds.setdefault(kind, len(kinds))
        if feature.channel is not None:
            channels.setdefault(feature.channel, len(channels))
    return Cells(kinds, channels)


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


def _steps(places: Mapping[str, int], values: Sequence[str], *, step: int, start: int) -> Ints:
    other = len(places)
    steps = [places.get(value, other) * step + start for value in values]
    steps.append(other * step + start)
    return np.array(steps, dtype=np.int64)
