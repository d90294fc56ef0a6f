"""Aggregates of the rows on one side of an age limit: their number, sum or greatest value.

The limit is a window, or an extreme age from the tallies, so no row has to be sorted: "after the last inbound
row" means an age below the least inbound age, "the latest row" an age not above the least age.
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
from features.engine.stack_layout import StackLayout, StackRow
from features.engine.tallies import GREATESTS, LEASTS
from features.history.lead_history import Bools, Floats, Ints
from features.times import US_PER_HOUR

# What is summed up, or of what the greatest value is found; also the blocks of the stack, in order.
Aggregate = Literal["rows", "values", "hours", "largest values", "channels"]
_SUMS: Final[tuple[Aggregate, ...]] = ("rows", "values")
_GREATEST: Final[tuple[Aggregate, ...]] = ("hours", "largest values", "channels")

_GREATEST_SUM: Final = float(np.finfo(np.float64).max)

_COLUMN_OF: Final[Mapping[Aggregate, Aggregate]] = MappingProxyType(
    {"rows": "rows", "values": "values", "hours": "hours", "largest values": "values", "channels": "channels"}
)

# The feature is sign x greatest / unit. Channels are compared by their negative codes: the greatest one is
# the first channel by name.
_SIGN_UNIT: Final[Mapping[Aggregate, tuple[float, float]]] = MappingProxyType(
    {"hours": (1.0, float(US_PER_HOUR)), "largest values": (1.0, 1.0), "channels": (-1.0, 1.0)}
)


@dataclass(frozen=True, slots=True)
class OneSidedRows:
    """Rows of a selection on one side of a limit.

    Attributes:
        selection: the rows.
        limit: row of an age among the extremes.
        is_after: whether rows with a smaller age are meant, or rows with a greater age.
        is_inclusive: whether rows of exactly that age are included.
        from_limit: whether a duration is measured from the limit, or until `as_of`.
    """

    selection: Selection
    limit: StackRow
    is_after: bool = True
    is_inclusive: bool = False
    from_limit: bool = False

    @property
    def side(self) -> int:
        """1 after the limit, -1 before it."""
        return 1 if self.is_after else -1

    @property
    def limit_sign(self) -> int:
        """Makes the extreme comparable with age x side: greatest ages are stored with a minus."""
        return -self.side if self.limit.block == GREATESTS else self.side


@dataclass(frozen=True, slots=True)
class OneSidedPlan:
    """All one-sided aggregates of a scope: first sums, then greatest values.

    Attributes:
        sums_at: rows of the stack for the sums.
        greatest_at: rows of the stack for the greatest values.
        columns: columns of the rows that are aggregated.
        column_of: (aggregates,) column of each aggregate.
        member: (aggregates, cells) which cells belong to the selection.
        side: (aggregates, 1) see `OneSidedRows`.
        limit: (aggregates,) row among the extremes.
        limit_sign: (aggregates, 1) see `OneSidedRows`.
        reach: (aggregates, 1) 1 where rows of exactly the limit's age are included, else 0.
        nothing: (aggregates, 1) value of a row outside the selection or on the other side.
        groups: (sums, 1) 0, 1, 2 and so on.
        from_limit: (greatest values, 1) 1 where the limit is added.
        sign: (greatest values, 1) sign of the greatest value.
        unit: (greatest values, 1) unit of the feature.
    """

    sums_at: slice
    greatest_at: slice
    columns: tuple[Aggregate, ...]
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
class OneSidedBuilder:
    """Collects the one-sided aggregates that features request."""

    cells: Cells
    requests: dict[Aggregate, list[OneSidedRows]] = field(
        default_factory=lambda: {kind: [] for kind in _SUMS + _GREATEST}
    )

    def aggregate(self, kind: Aggregate, rows: OneSidedRows) -> StackRow:
        """Gives the row of an aggregate; without any such row a sum is 0 and a greatest value NaN."""
        if rows not in self.requests[kind]:
            self.requests[kind].append(rows)
        return StackRow(kind, self.requests[kind].index(rows))

    def blocks(self) -> Iterator[tuple[str, int]]:
        """Gives the blocks of the stack."""
        return ((kind, len(requests)) for kind, requests in self.requests.items())

    def plan(self, layout: StackLayout) -> OneSidedPlan | None:
        """Gives the plan for all requests; None where there are none."""
        kinds = [kind for kind in _SUMS + _GREATEST for _ in self.requests[kind]]
        requests = [rows for kind in _SUMS + _GREATEST for rows in self.requests[kind]]
        if not requests:
            return None
        columns = tuple(dict.fromkeys(_COLUMN_OF[kind] for kind in kinds))
        sums = sum(len(self.requests[kind]) for kind in _SUMS)
        sign, unit = (_column([_SIGN_UNIT[kind][i] for kind in kinds[sums:]]) for i in range(2))
        from_limit = _whole_column([rows.from_limit for rows in requests[sums:]])
        return OneSidedPlan(
            layout.rows(*_SUMS),
            layout.rows(_GREATEST[0], _GREATEST[-1]),
            columns,
            np.array([columns.index(_COLUMN_OF[kind]) for kind in kinds]),
            np.array([self.cells.members(rows.selection) for rows in requests]),
            _whole_column([rows.side for rows in requests]),
            np.array([layout.index(rows.limit) - layout.rows(LEASTS).start for rows in requests]),
            _whole_column([rows.limit_sign for rows in requests]),
            _whole_column([rows.is_inclusive for rows in requests]),
            _column([0.0] * sums + [-np.inf] * (len(requests) - sums)),
            np.arange(sums)[:, None],
            from_limit,
            # The time from the limit to the oldest row is the limit's age minus the row's age.
            np.where(from_limit, -sign, sign),
            unit,
        )


def aggregate_one_sided(plan: OneSidedPlan, rows: KnownRows, extremes: Ints, stack: Floats) -> None:
    """Computes the sums and greatest values into the stack.

    Args:
        plan: the aggregates.
        rows: known rows of the examples.
        extremes: (slots, examples) from `tally`.
        stack: (rows of the stack, examples) that receives the aggregates.
    """
    limits = extremes.take(plan.limit, axis=0)
    limits *= plan.limit_sign
    # With an inclusive limit that does not exist, NEVER_US + 1 wraps to the minimum, so no row matches.
    limits += plan.reach
    chosen = plan.member.take(rows.cell, axis=1)
    chosen &= plan.side * rows.age < (
        limits if rows.examples_count == 1 else limits.take(rows.example, axis=1)
    )
    numbers = np.where(chosen, _lay_out_columns(plan, rows).take(plan.column_of, axis=0), plan.nothing)
    sums = len(plan.groups)
    if sums:
        _add_up(plan, rows, numbers[:sums], stack[plan.sums_at])
    if sums < len(numbers):
        found = greatest(numbers[sums:], rows, nothing=-np.inf)
        np.copyto(found, np.nan, where=found == -np.inf)
        found *= plan.sign
        # Added even where it is 0: the sum turns -0.0, the negative of code 0, into 0.0.
        found += plan.from_limit * limits[sums:]
        np.divide(found, plan.unit, out=stack[plan.greatest_at])


def _lay_out_columns(plan: OneSidedPlan, rows: KnownRows) -> Floats:
    """Gives the (columns, rows) values that are aggregated."""
    columns = np.empty((len(plan.columns), len(rows.age)))
    for column, kind in zip(columns, plan.columns, strict=True):
        if kind == "channels":
            np.negative(rows.interactions.channel.codes[rows.row], out=column)
        elif kind == "rows":
            column[:] = 1.0
        else:
            column[:] = rows.age if kind == "hours" else rows.interactions.value[rows.row]
    return columns


def _add_up(plan: OneSidedPlan, rows: KnownRows, numbers: Floats, out: Floats) -> None:
    # `bincount` with weights adds strictly in the order of the rows.
    if rows.examples_count == 1:
        group = plan.groups.repeat(len(rows.age))
    else:
        group = (plan.groups * rows.examples_count + rows.example).ravel()
    out[:] = np.bincount(group, numbers.ravel(), minlength=out.size).reshape(out.shape)
    # A sum beyond the range of a double becomes the greatest double: a feature is never infinite.
    np.minimum(out, _GREATEST_SUM, out=out)
    np.maximum(out, -_GREATEST_SUM, out=out)


def _column(numbers: Sequence[float]) -> Floats:
    return np.array(numbers, dtype=np.float64)[:, None]


def _whole_column(numbers: Sequence[int]) -> Ints:
    return np.array(numbers, dtype=np.int64)[:, None]
