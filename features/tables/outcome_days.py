"""Outcomes of which only the day is known: what happened to their lead on that day is known after them.

Whether a call was held before the sale or because of it cannot be told. So the outcome counts at the end of
its day, and whatever the lead has on that day becomes known one tick later: no example of the day sees it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.history.joins import Joins
from features.history.lead_history import Ints


@dataclass(frozen=True, slots=True)
class OutcomeDays:
    """The days of outcomes that have a date only.

    Attributes:
        lead: (n,) row of the id, as in `Leads`.
        start: (n,) first microsecond of the day.
        end: (n,) last microsecond of the day: when the outcome counts.
        owner: (ids,) row of the lead that the rows under each id belong to in the end.
    """

    lead: Ints
    start: Ints
    end: Ints
    owner: Ints

    def known_after(self, lead: Ints, moment: Ints, known: Ints) -> Ints:
        """Finds when rows are known where an outcome may come before them on the same day.

        Args:
            lead: (rows,) row of the id, -1 where it is unknown.
            moment: (rows,) microseconds UTC at which the row happened.
            known: (rows,) microseconds UTC at which it would be known otherwise.

        Returns:
            (rows,) microseconds UTC.

        >>> days = OutcomeDays(np.array([1]), np.array([100]), np.array([199]), np.arange(2))
        >>> rows = np.array([1, 1, 1, 1, 0]), np.array([99, 100, 199, 200, 150])
        >>> days.known_after(*rows, rows[1]).tolist()
        [99, 200, 200, 200, 150]
        """
        if not len(self.lead):
            return known
        ends, first, place = np.unique(self.end, return_index=True, return_inverse=True)
        day = np.searchsorted(ends, moment)
        is_within = day < len(ends)
        is_within[is_within] &= self.start[first][day[is_within]] <= moment[is_within]
        owner, count = np.append(self.owner, -1), len(ends) + 1
        is_own = is_within & np.isin(owner[lead] * count + day, owner[self.lead] * count + place)
        return np.where(is_own, np.maximum(known, np.append(ends, 0)[np.where(is_own, day, -1)] + 1), known)


NO_OUTCOME_DAYS = OutcomeDays(*np.empty((4, 0), np.int64))


def owners_of(ids_count: int, joins: Joins | None) -> Ints:
    """Finds the lead that the rows under each id belong to in the end, (ids,); most ids are their own."""
    owner = np.arange(ids_count)
    if joins is not None:
        # The last pair of an id is its last lead.
        owner[joins.id] = joins.lead
    return owner
