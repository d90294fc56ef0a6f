"""How a column is written, decided from its cells: by those that have one meaning, for all of them.

A cell such as `1,234` or `03/04/2016` has two meanings. Which one it has is the same in the whole column, so
it is decided by the cells beside it that have one, `1,234.50` or `10/20/2016`. Where there are none, nothing
is decided. Marks of parts of a column merge to those of the whole, in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from features.history.settings import NUMBER_FORMATS, Format


@dataclass(frozen=True, slots=True)
class Marks:
    """What the cells of a column tell about two ways to write it.

    Attributes:
        first: the least cell that has a meaning in the first way only; empty: there is none.
        second: likewise in the second way.
        both: the least cell with a meaning in each.
        plain: the least such cell that has its first meaning unless others prove the second way.
        is_written: whether any cell is other than plain.
    """

    first: str = ""
    second: str = ""
    both: str = ""
    plain: str = ""
    is_written: bool = False

    def merged(self, other: Marks) -> Marks:
        """Adds the marks of another part of the column."""
        return Marks(
            _least(self.first, other.first),
            _least(self.second, other.second),
            _least(self.both, other.both),
            _least(self.plain, other.plain),
            self.is_written or other.is_written,
        )


NO_MARKS = Marks()


def least(cells: Sequence[str]) -> str:
    """Gives the least of some cells; empty where there are none."""
    return min(cells, default="")


def _least(one: str, other: str) -> str:
    return min(one, other) if one and other else one or other


@dataclass(frozen=True, slots=True)
class Decision:
    """How a column is written.

    Attributes:
        format: how; None where no cell needs it.
        fault: `undecided` where nothing tells what a cell means, `contradicted` where cells contradict what
            is stated, or each other; else empty.
        cell: the cell concerned.
        other: a cell that contradicts it.
    """

    format: Format | None = None
    fault: Literal["", "undecided", "contradicted"] = ""
    cell: str = ""
    other: str = ""


def decide(marks: Marks, ways: tuple[Format, Format], stated: Format | None = None) -> Decision:
    """Decides how a column is written.

    Args:
        marks: of the whole column.
        ways: the two ways.
        stated: what the settings of the history say; other than `ways` where they say nothing of them.

    >>> decide(Marks(first="1,234.5", both="1,234", is_written=True), ("1,234.5", "1.234,5")).format
    '1,234.5'
    >>> decide(Marks(both="1,234", is_written=True), ("1,234.5", "1.234,5")).fault
    'undecided'
    """
    first, second = ways
    if stated in ways:
        other = marks.second if stated == first else marks.first
        return Decision(stated, "contradicted", other) if other else Decision(stated)
    if not marks.is_written:
        return Decision()
    open_cell = marks.both or (marks.plain if marks.second else "")
    if marks.first and marks.second:
        # Numbers that have one meaning each can be read beside each other; an order of dates is one.
        is_sound = not open_cell and ways == NUMBER_FORMATS
        return Decision() if is_sound else Decision(None, "contradicted", marks.first, marks.second)
    if marks.first or marks.second:
        return Decision(first if marks.first else second)
    return Decision(None, "undecided", open_cell) if open_cell else Decision()
