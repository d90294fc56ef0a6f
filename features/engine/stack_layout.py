"""The layout of the stack, the matrix of all aggregates of a scope: blocks of rows, one below the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class StackRow(NamedTuple):
    """A row of a block of the stack; a negative row counts from the end of the block.

    The sizes of the blocks are only known when all features have made their requests.

    Attributes:
        block: name of the block.
        row: row within the block.
    """

    block: str
    row: int


class StackLayout:
    """Blocks of rows, one below the other.

    >>> layout = StackLayout([("counts", 4), ("days", 3)])
    >>> layout.index(StackRow("days", -1)), layout.rows("days"), layout.rows_count
    (6, slice(4, 7, None), 7)
    """

    def __init__(self, blocks: Iterable[tuple[str, int]]) -> None:
        self._rows: dict[str, slice] = {}
        self.rows_count = 0
        for block, size in blocks:
            self._rows[block] = slice(self.rows_count, self.rows_count + size)
            self.rows_count += size

    def rows(self, first: str, last: str | None = None) -> slice:
        """Gives the rows of a block, or of all blocks from one to another."""
        return slice(self._rows[first].start, self._rows[last or first].stop)

    def index(self, row: StackRow) -> int:
        """Gives the index of a row in the stack."""
        block = self._rows[row.block]
        edge: int = block.start if row.row >= 0 else block.stop
        return edge + row.row
