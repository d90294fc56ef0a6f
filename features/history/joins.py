"""The rule of aliases: which lead the rows under an id belong to, and from when on.

A link is known from its `available_at` on. At a moment, the rows under an id belong to the last lead on the
chain of links known then that is itself known then. From the first such moment on, an id that is a lead has
no row of its own, and is said to have joined the other lead.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from features.history.lead_history import Bools, Ints, Links
from features.times import NEVER_US

_EVER: Final = np.iinfo(np.int64).min


@dataclass(frozen=True, slots=True)
class Joins:
    """Pairs of an id and a lead that its rows belong to for some time, in the order of (id, at).

    Attributes:
        id: (pairs,) row of the id.
        lead: (pairs,) row of the lead among the ids.
        at: (pairs,) microseconds UTC from which the rows under the id belong to the lead: all links between
            them and the lead itself are known.
        steps: (pairs,) number of links between them.
        had_lead: (pairs,) whether the rows under the id belonged to another lead before.
        linked_at: (ids,) when the id joined its first lead; NEVER_US for an id without a pair.
        seen_from: (ids,) from when on rows under the id can be known to belong to any lead.
    """

    id: Ints
    lead: Ints
    at: Ints
    steps: Ints
    had_lead: Bools
    linked_at: Ints
    seen_from: Ints

    def of(self, ids: Ints) -> Joins:
        """Renumbers the ids: those given, rising, remain, and all of the pairs are among them."""
        row_of = np.full(len(self.linked_at), -1)
        row_of[ids] = np.arange(len(ids))
        return replace(
            self,
            id=row_of[self.id],
            lead=row_of[self.lead],
            linked_at=self.linked_at[ids],
            seen_from=self.seen_from[ids],
        )

    def moved_to(self, created_at: Ints) -> Ints:
        """Finds to when at the earliest outcomes under each id count for the leads that it joins, (ids,).

        It is the creation of the id's lead. An id whose lead was created after it had joined another was no
        lead yet: its outcomes count from any time, as nobody could know of the creation.

        Args:
            created_at: (ids,) microseconds UTC; for an id that is no lead, any.
        """
        return np.where(created_at <= self.linked_at, created_at, _EVER)

    def pairs_of(self, ids: Ints) -> tuple[Ints, Ints]:
        """Lists the pairs of each of (n,) ids: positions among them, and positions of pairs."""
        starts = np.searchsorted(self.id, np.arange(len(self.linked_at) + 1))
        counts = np.diff(starts)[ids]
        position = np.repeat(np.arange(len(ids)), counts)
        before = np.cumsum(counts) - counts
        return position, np.arange(len(position)) + np.repeat(starts[ids] - before, counts)


def find_cycles(target: Ints) -> Ints:
    """Finds the ids that are aliases of themselves by one link or several.

    Args:
        target: (ids,) row of the id that each is an alias of, -1 for an id that is none.

    Returns:
        Rows of the ids, rising.

    >>> find_cycles(np.array([1, 2, 1, -1, 0])).tolist()
    [1, 2]
    """
    jump = np.append(target, -1)
    for _ in range(len(target).bit_length()):
        jump = jump[jump]
    # Whoever is still on its way after so many links goes round, and has reached the cycle.
    ends = np.unique(jump)
    return ends[ends >= 0]


def join_ids(target: Ints, available_at: Ints, created_at: Ints) -> Joins:
    """Follows the links of all ids.

    Args:
        target: (ids,) row of the id that each is an alias of, -1 for an id that is none; without cycles.
        available_at: (ids,) microseconds UTC at which the link became known.
        created_at: (ids,) creation of the id's lead, NEVER_US for an id that is no lead.

    >>> joins = join_ids(np.array([1, 2, -1]), np.array([5, 3, 0]), np.array([NEVER_US, 1, 2]))
    >>> list(zip(joins.id.tolist(), joins.lead.tolist(), joins.at.tolist()))
    [(0, 2, 5), (1, 2, 3)]
    """
    own = np.flatnonzero(target >= 0)
    reached, known, steps = own, np.full(len(own), _EVER), 0
    found: list[tuple[Ints, Ints, Ints, Ints]] = []
    while len(own):
        known, reached = np.maximum(known, available_at[reached]), target[reached]
        steps += 1
        at = np.where(created_at[reached] == NEVER_US, NEVER_US, np.maximum(known, created_at[reached]))
        found.append((own, reached, at, np.full(len(own), steps)))
        goes_on = target[reached] >= 0
        own, reached, known = own[goes_on], reached[goes_on], known[goes_on]
    none = np.empty(0, np.int64)
    id_, lead, at, distance = (
        (np.concatenate([none, *parts]) for parts in zip(*found, strict=True)) if found else [none] * 4
    )
    linked_at = np.full(len(target), NEVER_US)
    np.minimum.at(linked_at, id_, at)
    seen_from = np.minimum(created_at, linked_at)
    # A lead that is itself an alias by then never has the row.
    kept = np.flatnonzero(at < linked_at[lead])
    kept = kept[np.lexsort((at[kept], id_[kept]))]
    return Joins(
        id=id_[kept],
        lead=lead[kept],
        at=at[kept],
        steps=distance[kept],
        had_lead=seen_from[id_[kept]] < at[kept],
        linked_at=linked_at,
        seen_from=seen_from,
    )


def links_of(joins: Joins, created_at: Ints, lead_of: Ints) -> Links | None:
    """Finds which leads are aliases of others, and the earlier creations of those that they joined.

    Args:
        joins: of the ids.
        created_at: (ids,) creation of the id's lead; that of an id that is no lead does not count.
        lead_of: (ids,) row of the id's lead in the history, -1 for an id that is no lead.

    Returns:
        None where no lead is an alias.
    """
    pairs = np.flatnonzero(lead_of[joins.id] >= 0)
    if not len(pairs):
        return None
    leads_count = int(lead_of.max()) + 1
    own, other = lead_of[joins.id[pairs]], lead_of[joins.lead[pairs]]
    linked_at = np.full(leads_count, NEVER_US)
    linked_at[lead_of[lead_of >= 0]] = joins.linked_at[lead_of >= 0]
    created = created_at[joins.id[pairs]]
    known, earlier = np.maximum(joins.at[pairs], created), created < created_at[joins.lead[pairs]]
    order = np.lexsort((created, known, other))
    order = order[earlier[order]]
    order = order[_lowers(other[order], created[order])]
    return Links(
        linked_at=linked_at,
        starts=_starts(own, leads_count),
        available_at=joins.at[pairs],
        survivor=other,
        creation_starts=_starts(other[order], leads_count),
        creation_available_at=known[order],
        creation=created[order],
    )


def _lowers(group: Ints, value: Ints) -> Bools:
    """Tells which values are lower than all before them in their group; rows are sorted by group."""
    ranks = np.unique(value, return_inverse=True)[1]
    # Taken together with the group, ranks fall from group to group, so that each starts anew.
    keys = ranks - group * (len(value) + 1)
    lowest = np.minimum.accumulate(keys) if len(keys) else keys
    return np.concatenate(([True], keys[1:] < lowest[:-1]))[: len(keys)]


def _starts(group: Ints, groups_count: int) -> Ints:
    counts = np.bincount(group, minlength=groups_count)
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))
