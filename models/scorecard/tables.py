"""All tables of a scorecard laid end to end, so that one look-up finds every term of a lead.

The order of additions is fixed: average first, then term after term, for one lead and for a million alike.
NumPy's own sums are not used along terms, because they add in pairs when the memory layout invites it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats
from models.scorecard.bins import ByteCodes

Positions = npt.NDArray[np.intp]

# Up to here one look-up of all terms is quicker than one of each term.
FEW_EXAMPLES: Final = 16


class TermCells(NamedTuple):
    """The cells of one term.

    Attributes:
        cells: (cells, columns) of the block.
        features: one or two, whose codes choose the cell.
        stride: cells per code of the first feature.
    """

    cells: Floats
    features: tuple[int, ...]
    stride: np.intp


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Term tables as rows of one block.

    Attributes:
        rows: (1 + all table cells, columns) row 0 is the average, then every cell of every term in order.
        terms: the cells of each term.
        offsets: (1 + terms,) first row of each term; entry 0 is the average's.
        inputs: (2, 1 + terms) features whose codes choose the row; any where there is none.
        strides: (2, 1 + terms) rows per code of these features, 0 where there is none.
    """

    rows: Floats
    terms: tuple[TermCells, ...]
    offsets: Positions
    inputs: Positions
    strides: Positions

    def positions(self, codes: ByteCodes) -> Positions:
        """Rows that apply to each of a few examples: (examples, 1 + terms), C-ordered."""
        if not codes.shape[1]:
            return np.zeros((len(codes), 1), dtype=np.intp)
        steps = codes.take(self.inputs, axis=1) * self.strides
        chosen: Positions = steps[:, 0] + steps[:, 1]
        chosen += self.offsets
        return chosen

    def sum_few(self, positions: Positions) -> Floats:
        """Adds up the rows of a few examples, from the average to the last term: (examples, columns)."""
        entries = self.rows.take(positions, axis=0)
        # Across rows of several columns NumPy adds strictly in order; down a single one, in pairs.
        if entries.shape[2] > 1:
            total: Floats = np.add.reduce(entries, axis=1)
            return total
        return np.add.accumulate(entries, axis=1)[:, -1]

    def sum_rows(self, codes: ByteCodes) -> Floats:
        """Adds up the rows of each example, from the average to the last term: (examples, columns)."""
        if len(codes) <= FEW_EXAMPLES:
            return self.sum_few(self.positions(codes))
        code_of = codes.T.astype(np.intp, order="C")
        total = np.empty((len(codes), self.rows.shape[1]))
        total[:] = self.rows[0]
        part = np.empty_like(total)
        for cells, features, stride in self.terms:
            chosen = code_of[features[0]]
            if len(features) == 2:
                chosen = chosen * stride + code_of[features[1]]
            # "clip" only spares a copy: codes fit.
            cells.take(chosen, axis=0, out=part, mode="clip")
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
    ends = np.cumsum([len(block) for block in blocks]).tolist()
    strides = [(cells.shape[1], 1) if len(features) == 2 else (1, 0) for features, cells in tables]
    rows = np.ascontiguousarray(np.concatenate(blocks))
    return Tables(
        rows=rows,
        terms=tuple(
            TermCells(rows[start:end], features, np.intp(stride))
            for start, end, (features, _), (stride, _) in zip(ends, ends[1:], tables, strides, strict=False)
        ),
        offsets=np.array([0, *ends[:-1]], dtype=np.intp),
        inputs=_pairs([(0, 0), *((features[0], features[-1]) for features, _ in tables)]),
        strides=_pairs([(0, 0), *strides]),
    )


def _pairs(pairs: Sequence[tuple[int, int]]) -> Positions:
    return np.ascontiguousarray(np.array(pairs, dtype=np.intp).T)
