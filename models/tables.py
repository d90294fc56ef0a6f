"""All tables of a scorecard laid end to end, so that one look-up finds every term of a lead.

The order of additions is fixed: average first, then term after term, for one lead and for a million alike.
NumPy's own sums are not used along terms, because they add in pairs when the memory layout invites it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.columns import Floats
from models.bins import ByteCodes

Positions = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Term tables as rows of one block.

    Attributes:
        rows: (1 + all table cells, columns) row 0 is the average, then every cell of every term in order.
        columns: (columns, 1 + all table cells) the same, by column.
        offsets: (1 + terms,) first row of each term; entry 0 is the average's.
        first: (1 + terms,) feature whose code chooses the row.
        second: (1 + terms,) the other feature of a pair; where there is none, any.
        first_stride: (1 + terms,) rows per code of the first feature, 0 for the average.
        second_stride: (1 + terms,) rows per code of the second feature, 0 where there is none.
        has_pairs: whether any term has two features.
    """

    rows: Floats
    columns: Floats
    offsets: Positions
    first: Positions
    second: Positions
    first_stride: Positions
    second_stride: Positions
    has_pairs: bool

    def positions(self, codes: ByteCodes) -> Positions:
        """Rows that apply to each example: (examples, 1 + terms), C-ordered."""
        if not codes.shape[1]:
            return np.zeros((len(codes), 1), dtype=np.intp)
        wide = codes.astype(np.intp)
        chosen = wide.take(self.first, axis=1)
        chosen *= self.first_stride
        chosen += self.offsets
        if self.has_pairs:
            second = wide.take(self.second, axis=1)
            second *= self.second_stride
            chosen += second
        return chosen

    def sum_rows(self, positions: Positions) -> Floats:
        """Adds up the rows of each example, from the average to the last term: (examples, columns)."""
        if len(positions) == 1:
            entries = self.rows.take(positions[0], axis=0)
            # Along the first axis of several columns NumPy adds strictly in order; of one, in pairs.
            total: Floats = (
                np.add.reduce(entries, axis=0)
                if entries.shape[1] > 1
                else np.add.accumulate(entries, axis=0)[-1]
            )
            return total.reshape(1, -1)
        by_term = np.ascontiguousarray(positions.T)
        total = self.rows.take(by_term[0], axis=0)
        part = np.empty_like(total)
        for chosen in by_term[1:]:
            # "clip" only spares a copy: positions come from codes that fit.
            self.rows.take(chosen, axis=0, out=part, mode="clip")
            total += part
        return total


def lay_out(average: Floats, tables: Sequence[tuple[tuple[int, ...], Floats]]) -> Tables:
    """Lays tables end to end.

    Args:
        average: (columns,) the row that everything starts from.
        tables: of each term, its one or two features and its cells (codes_a[, codes_b], columns).
    """
    columns = len(average)
    blocks = [average.reshape(1, columns), *(cells.reshape(-1, columns) for _, cells in tables)]
    lengths = [len(block) for block in blocks]
    second_codes = [cells.shape[1] if len(features) == 2 else 1 for features, cells in tables]
    rows = np.ascontiguousarray(np.concatenate(blocks))
    return Tables(
        rows=rows,
        columns=np.ascontiguousarray(rows.T),
        offsets=_column(np.cumsum([0, *lengths[:-1]]).tolist()),
        first=_column([0, *(features[0] for features, _ in tables)]),
        second=_column([0, *(features[-1] for features, _ in tables)]),
        first_stride=_column([0, *second_codes]),
        second_stride=_column([0, *(int(len(features) == 2) for features, _ in tables)]),
        has_pairs=any(len(features) == 2 for features, _ in tables),
    )


def _column(numbers: Sequence[int]) -> Positions:
    return np.array(numbers, dtype=np.intp)
