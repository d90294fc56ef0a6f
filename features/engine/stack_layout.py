"""Where each number of a scope stands: blocks of rows, one below the other, whose sizes are known last."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Place(NamedTuple):
    """A row of a block; a negative one counts from the end of the block.

    Attributes:
        block: name of the block.
        row: in the block.
    """

    block: str
    row: int


class Layout:
    """Blocks one below the other.

    >>> layout = Layout([("counts", 4), ("days", 3)])
    >>> layout.row(Place("days", -1)), layout.part("days"), layout.rows_count
    (6, slice(4, 7, None), 7)
    """

    def __init__(self, blocks: Iterable[tuple[str, int]]) -> None:
        self._parts: dict[str, slice] = {}
        self.rows_count = 0
        for block, size in blocks:
            self._parts[block] = slice(self.rows_count, self.rows_count + size)
            self.rows_count += size

    def part(self, first: str, last: str | None = None) -> slice:
        """Gives the rows of a block, or of all from one to another."""
        return slice(self._parts[first].start, self._parts[last or first].stop)

    def row(self, place: Place) -> int:
        """Gives the row of a place."""
        part = self._parts[place.block]
        edge: int = part.start if place.row >= 0 else part.stop
        return edge + place.row
