"""Rows on one side of an age that is a window or is known from the tallies: their number, sum, or greatest.

Nothing is put in order for them: "after the last inbound row" is "of smaller age than the youngest inbound
row", "the latest row" is "of no greater age than the youngest", and the youngest is already in the tallies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from features.engine.cells import Cells
from features.engine.known_rows import KnownRows, greatest
from features.engine.selections import Selection
from features.engine.stack_layout import Layout, Place
from features.engine.tallies import GREATESTS, LEASTS
from features.history.lead_history import Bools, Floats, Ints
from features.times import US_PER_HOUR

# What is added up, or of what the greatest is found; also the blocks of the stack, in their order.
What = Literal["rows", "values", "hours", "largest values", "channels"]
_SUMS: Final[tuple[What, ...]] = ("rows", "values")
_GREATEST: Final[tuple[What, ...]] = ("hours", "largest values", "channels")

_COLUMN_OF: Final[Mapping[What, What]] = MappingProxyType(
    {"rows": "rows", "values": "values", "hours": "hours", "largest values": "values", "channels": "channels"}
)

# The found number is turned into the wanted one, sign x found / unit; the greatest of the negative codes is
# that of the first channel by name.
_SIGN_UNIT: Final[Mapping[What, tuple[float, float]]] = MappingProxyType(
    {"hours": (1.0, float(US_PER_HOUR)), "largest values": (1.0, 1.0), "channels": (-1.0, 1.0)}
)


@dataclass(frozen=True, slots=True)
class Bound:
    """Rows of a selection on one side of a limit.

    Attributes:
        selection: the rows.
        limit: place of an age among the extremes.
        is_after: whether rows of smaller age are meant, or those of greater.
        is_inclusive: whether rows of the very age are.
        from_limit: whether a time is counted from the limit on, or until `as_of`.
    """

    selection: Selection
    limit: Place
    is_after: bool = True
    is_inclusive: bool = False
    from_limit: bool = False

    @property
    def side(self) -> int:
        """1 after the limit, -1 before it."""
        return 1 if self.is_after else -1

    @property
    def limit_sign(self) -> int:
        """Makes the extreme comparable with ages times side: a greatest age stands there with a minus."""
        return -self.side if self.limit.block == GREATESTS else self.side


@dataclass(frozen=True, slots=True)
class BoundedPlan:
    """All that is asked of bounded rows: first sums, then greatest numbers.

    Attributes:
        sums_at: rows of the stack for the sums.
        greatest_at: rows of the stack for the greatest numbers.
        columns: what is looked at of the rows.
        column_of: (asked,) which of these.
        member: (asked, cells) which rows are looked at.
        side: (asked, 1) see `Bound`.
        limit: (asked,) row among the extremes.
        limit_sign: (asked, 1) see `Bound`.
        reach: (asked, 1) 1 where rows of the very age count, else 0.
        nothing: (asked, 1) what a row that is not looked at counts.
        groups: (sums, 1) 0, 1, 2 and so on.
        from_limit: (greatest, 1) 1 where the limit is added.
        sign: (greatest, 1) of the found number.
        unit: (greatest, 1) of the wanted number.
    """

    sums_at: slice
    greatest_at: slice
    columns: tuple[What, ...]
    column_of: Ints
    member: Bools
    side: Ints
    limit: Ints
    limit_sign: Ints
    reach: Ints
    nothing: Floats
    groups: Ints
    from_limit: Ints
    sign: Floats
    unit: Floats


@dataclass(slots=True)
class BoundedBuilder:
    """Collects what features ask of bounded rows, and tells each where it will stand."""

    cells: Cells
    asked: dict[What, list[Bound]] = field(default_factory=lambda: {what: [] for what in _SUMS + _GREATEST})

    def find(self, what: What, bound: Bound) -> Place:
        """Gives the place of a sum or a greatest number: 0 or NaN where there is no such row."""
        if bound not in self.asked[what]:
            self.asked[what].append(bound)
        return Place(what, self.asked[what].index(bound))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        return ((what, len(bounds)) for what, bounds in self.asked.items())

    def plan(self, layout: Layout) -> BoundedPlan | None:
        """Gives the plan for all that was asked for; None where nothing was."""
        whats = [what for what in _SUMS + _GREATEST for _ in self.asked[what]]
        bounds = [bound for what in _SUMS + _GREATEST for bound in self.asked[what]]
        if not bounds:
            return None
        columns = tuple(dict.fromkeys(_COLUMN_OF[what] for what in whats))
        sums = sum(len(self.asked[what]) for what in _SUMS)
        sign, unit = (_column([_SIGN_UNIT[what][i] for what in whats[sums:]]) for i in range(2))
        from_limit = _whole_column([bound.from_limit for bound in bounds[sums:]])
        return BoundedPlan(
            layout.part(*_SUMS),
            layout.part(_GREATEST[0], _GREATEST[-1]),
            columns,
            np.array([columns.index(_COLUMN_OF[what]) for what in whats]),
            np.array([self.cells.members(bound.selection) for bound in bounds]),
            _whole_column([bound.side for bound in bounds]),
            np.array([layout.row(bound.limit) - layout.part(LEASTS).start for bound in bounds]),
            _whole_column([bound.limit_sign for bound in bounds]),
            _whole_column([bound.is_inclusive for bound in bounds]),
            _column([0.0] * sums + [-np.inf] * (len(bounds) - sums)),
            np.arange(sums)[:, None],
            from_limit,
            # From the limit to the oldest row is the one age less the other.
            np.where(from_limit, -sign, sign),
            unit,
        )


def measure_bounded(plan: BoundedPlan, rows: KnownRows, extremes: Ints, stack: Floats) -> None:
    """Adds up and finds what was asked for.

    Args:
        plan: what was asked for.
        rows: of the examples.
        extremes: (slots, examples) from `tally`.
        stack: (rows of the stack, examples) to be filled.
    """
    limits = extremes.take(plan.limit, axis=0)
    limits *= plan.limit_sign
    # Beyond the greatest integer lies the smallest: where the limit is never, no row is looked at.
    limits += plan.reach
    chosen = plan.member.take(rows.cell, axis=1)
    chosen &= plan.side * rows.age < (
        limits if rows.examples_count == 1 else limits.take(rows.example, axis=1)
    )
    numbers = np.where(chosen, _lay_columns(plan, rows).take(plan.column_of, axis=0), plan.nothing)
    sums = len(plan.groups)
    if sums:
        _add_up(plan, rows, numbers[:sums], stack[plan.sums_at])
    if sums < len(numbers):
        found = greatest(numbers[sums:], rows, nothing=-np.inf)
        np.copyto(found, np.nan, where=found == -np.inf)
        found *= plan.sign
        # Even where that is 0: it makes 0 of the negative of code 0.
        found += plan.from_limit * limits[sums:]
        np.divide(found, plan.unit, out=stack[plan.greatest_at])


def _lay_columns(plan: BoundedPlan, rows: KnownRows) -> Floats:
    """Gives (columns, rows) what can be added up or compared."""
    columns = np.empty((len(plan.columns), len(rows.age)))
    for place, what in enumerate(plan.columns):
        if what == "channels":
            np.negative(rows.interactions.channel.codes[rows.row], out=columns[place])
        elif what == "rows":
            columns[place] = 1.0
        else:
            columns[place] = rows.age if what == "hours" else rows.interactions.value[rows.row]
    return columns


def _add_up(plan: BoundedPlan, rows: KnownRows, numbers: Floats, out: Floats) -> None:
    # Counting with weights adds strictly in the order of the rows.
    if rows.examples_count == 1:
        group = plan.groups.repeat(len(rows.age))
    else:
        group = (plan.groups * rows.examples_count + rows.example).ravel()
    out[:] = np.bincount(group, numbers.ravel(), minlength=out.size).reshape(out.shape)


def _column(numbers: Sequence[float]) -> Floats:
    return np.array(numbers, dtype=np.float64)[:, None]


def _whole_column(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)[:, None]
