"""Which terms moved a lead's probability most, in numbers; `output` tells them to people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats, Ints

ReasonCount = int | Literal["all"]

# Up to here looking for one largest after the other is quicker than putting all in order.
_FEW: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Reasons:
    """The strongest terms of some leads, and what all others add together.

    Attributes:
        terms: (m, r) positions of the scorecard's terms, by falling absolute points, ties in their order.
        points: (m, r) log-odds; exactly 0 where a term adds nothing and is not worth telling.
        other: (m,) log-odds of everything that is not told.
    """

    terms: Ints
    points: Floats
    other: Floats

    @property
    def told(self) -> npt.NDArray[np.bool_]:
        """(m, r) whether the reason is told: it adds something."""
        told: npt.NDArray[np.bool_] = self.points != 0.0
        return told


def strongest_reasons(points: Floats, total: Floats, *, count: ReasonCount) -> Reasons:
    """Picks the N largest terms by absolute points.

    Args:
        points: (m, terms) of each lead.
        total: (m,) log-odds less those of the average lead, to which all reasons of a lead must add up.
        count: N, or "all".

    Returns:
        Reasons with r = min(N, terms).

    >>> strongest_reasons(np.array([[0.5, -2.0, 0.25]]), np.array([-1.25]), count=1)
    Reasons(terms=array([[1]]), points=array([[-2.]]), other=array([0.75]))
    """
    kept = points.shape[1] if count == "all" else min(count, points.shape[1])
    terms = _largest(np.abs(points), kept)
    chosen = points[np.arange(len(points))[:, np.newaxis], terms]
    # From left to right, so that the bits do not depend on how many leads are computed together.
    summed = np.add.accumulate(chosen, axis=1)[:, -1] if kept else np.zeros(len(points))
    return Reasons(terms=terms, points=chosen, other=total - summed)


def _largest(sizes: Floats, count: int) -> Ints:
    """Gives (m, count) positions of the largest by falling size, ties in their order; uses up the sizes."""
    if count > _FEW:
        return (-sizes).argsort(axis=1, kind="stable")[:, :count]
    largest = np.empty((len(sizes), count), dtype=np.int64)
    each = np.arange(len(sizes))
    for place in range(count):
        largest[:, place] = found = sizes.argmax(axis=1)
        sizes[each, found] = -1.0
    return largest
