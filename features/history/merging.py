"""What a lead takes over from an alias at the link: a conversion, and the attributes that it lacks.

Rows that become known under the alias after the link are rows of the lead. What an alias that was a lead
itself had before the link is another matter: a duplicate closed as lost must not close the lead that is
worked on, and of conflicting attributes the lead's own count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.joins import Joins
from features.history.known import count_known, is_known
from features.history.lead_history import (
    CONVERTED,
    Attribute,
    AttributeChanges,
    Bools,
    Floats,
    Ints,
    WrittenCells,
)
from features.history.outcomes import OutcomeInput, order_of
from features.history.subset import compact_attribute

_EVER: Final = int(np.iinfo(np.int64).min)


def outcome_passes(
    row: Ints, pair: Ints, id_: Ints, outcome: npt.NDArray[np.int8], available_at: Ints, joins: Joins
) -> Bools:
    """Tells which outcomes of an id are outcomes of a lead that it joined.

    All are, where the id was no lead before; else those known after the link, and of those before it the
    last, if it is a conversion.

    Args:
        row: (n,) positions of rows of outcomes.
        pair: (n,) pair of the id of each with a lead.
        id_: (rows,) id of each row of outcomes, which are in the order of (id, available_at, the rest).
        outcome: (rows,) CONVERTED, LOST or OPEN.
        available_at: (rows,) microseconds UTC.
        joins: of the ids.

    Returns:
        (n,) whether the row is one of the lead.
    """
    starts = np.searchsorted(id_, np.arange(len(joins.linked_at) + 1))
    of_pair = joins.id[pair]
    known = count_known(available_at, starts[of_pair], starts[of_pair + 1], joins.at[pair])
    is_last = row == starts[of_pair] + known - 1
    is_after = available_at[row] > joins.at[pair]
    passes: Bools = is_after | ~joins.had_lead[pair] | (is_last & (outcome[row] == CONVERTED))
    return passes


def outcomes_taken_over(
    rows: Sequence[OutcomeInput],
    *,
    at: int,
    linked_at: int,
    had_lead: bool,
    created_at: int | None,
    lead_created_at: int,
) -> list[OutcomeInput]:
    """Gives the rows of an alias that are outcomes of its lead, as `outcome_passes` finds them in a table.

    Args:
        rows: of the alias, in any order.
        at: microseconds UTC from which its rows belong to the lead.
        linked_at: microseconds UTC from which they belong to the first lead that it joined.
        had_lead: whether they belonged to another lead before.
        created_at: creation of the alias, microseconds UTC; None: it is no lead.
        lead_created_at: creation of the lead, microseconds UTC.
    """
    # As `Joins.moved_to`.
    since = _EVER if created_at is None or created_at > linked_at else created_at
    ordered = sorted((row.from_creation(since) for row in rows), key=order_of)
    known = [row for row in ordered if is_known(row.available_at, at)]
    taken = known[-1:] if had_lead else known
    if had_lead:
        taken = [row for row in taken if row.outcome == "converted"]
    earlier = lead_created_at if created_at is None else min(created_at, lead_created_at)
    return [
        row._replace(occurred_at=max(row.occurred_at, earlier), available_at=max(row.available_at, at))
        for row in [*taken, *ordered[len(known) :]]
    ]


def join_attribute(attribute: Attribute, joins: Joins, created_at: Ints, is_lead: Bools) -> Attribute:
    """Joins an attribute and, where they are kept, its cells as texts; see `_joined`."""
    joined = _joined(attribute, joins, created_at, is_lead)
    written = attribute.written
    if written is None:
        return joined
    texts = _joined(written.texts, joins, created_at, is_lead)
    return joined._replace(written=WrittenCells(texts, written.read, written.format))


def _joined(attribute: Attribute, joins: Joins, created_at: Ints, is_lead: Bools) -> Attribute:
    """Gives a lead the changes of its aliases after their links, and at each link the value that it lacks.

    Of several aliases that fill one gap the first counts, of those at one moment the nearest.

    Args:
        attribute: of all ids.
        joins: of the ids.
        created_at: (ids,) microseconds UTC.
        is_lead: (ids,) whether the id is a lead.

    Returns:
        The attribute of the leads alone.
    """
    changes = attribute.changes
    starts = np.zeros(len(is_lead) + 1, np.int64) if changes is None else changes.starts
    known_at = np.empty(0, np.int64) if changes is None else changes.available_at
    later = np.empty(0) if changes is None else changes.values
    owner = np.repeat(np.arange(len(is_lead)), np.diff(starts))
    row, pair = joins.pairs_of(owner)
    is_after = known_at[row] > joins.at[pair]
    # What a lead is created with is offered, see `_offers`.
    is_after &= ~is_lead[owner[row]] | (known_at[row] != created_at[owner[row]])
    row, pair = row[is_after], pair[is_after]
    own = np.flatnonzero(is_lead[owner])
    lead = np.concatenate((owner[own], joins.lead[pair]))
    rows = np.concatenate((own, row))
    base = _sorted_changes(lead, known_at[rows], later[rows])
    filled = _fills(attribute, base, joins, created_at, is_lead)
    whole = _sorted_changes(*(np.concatenate(both) for both in zip(base, filled, strict=True)))
    values = attribute.values[is_lead]
    if not len(whole[0]):
        return compact_attribute(Attribute(attribute.type, values, attribute.categories))
    leads_count = int(is_lead.sum())
    of_lead = (np.cumsum(is_lead) - 1)[whole[0]]
    counts = np.bincount(of_lead, minlength=leads_count)
    joined = AttributeChanges(np.concatenate(([0], np.cumsum(counts))), whole[1], whole[2])
    return compact_attribute(Attribute(attribute.type, values, attribute.categories, joined))


# Lead, moment and value of changes, in the order of (lead, moment, value); an empty value comes first.
_Changes = tuple[Ints, Ints, Floats]


def _sorted_changes(lead: Ints, known_at: Ints, values: Floats) -> _Changes:
    order = np.lexsort((np.where(np.isnan(values), -np.inf, values), known_at, lead))
    return lead[order], known_at[order], values[order]


def _fills(attribute: Attribute, base: _Changes, joins: Joins, created_at: Ints, is_lead: Bools) -> _Changes:
    """Finds the values that leads take over: of each gap in their own values the first that is offered."""
    pair, moment, value = _offers(attribute, joins, created_at, is_lead)
    lead = joins.lead[pair]
    base_lead, base_at, base_values = base
    starts = np.searchsorted(base_lead, np.arange(len(is_lead) + 1))
    known = count_known(base_at, starts[lead], starts[lead + 1], moment)
    last = starts[lead] + known - 1
    with_none = np.append(base_values, np.nan)
    own = np.where(known > 0, with_none[last], attribute.values[lead])
    gaps = np.flatnonzero(np.isnan(own) & ~np.isnan(value))
    order = gaps[
        np.lexsort((joins.id[pair[gaps]], joins.steps[pair[gaps]], moment[gaps], known[gaps], lead[gaps]))
    ]
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (lead[order][1:] != lead[order][:-1]) | (known[order][1:] != known[order][:-1])
    chosen = order[is_first]
    return lead[chosen], moment[chosen], value[chosen]


def _offers(
    attribute: Attribute, joins: Joins, created_at: Ints, is_lead: Bools
) -> tuple[Ints, Ints, Floats]:
    """Lists what aliases offer: pair, moment, and value known then, NaN where there is none.

    The value of an alias is known at the link. Where the alias became a lead only later, the value that it
    was created with is offered at its creation: a change of that moment, or the value of the table of leads
    where nothing changed before.
    """
    pairs = np.arange(len(joins.id))
    created = created_at[joins.id]
    is_late = is_lead[joins.id] & (created > joins.at)
    at_creation = attribute.values[joins.id]
    changed_at, changed = _last_changes(attribute.changes, joins.id, joins.at)
    value = np.where(changed_at > _EVER, changed, np.where(is_late, np.nan, at_creation))
    late = pairs[is_late]
    moment = created[late]
    changed_at, changed = _last_changes(attribute.changes, joins.id[late], moment)
    given = np.where(changed_at == _EVER, at_creation[late], np.where(changed_at == moment, changed, np.nan))
    return (
        np.concatenate((pairs, late)),
        np.concatenate((joins.at, moment)),
        np.concatenate((value, given)),
    )


def _last_changes(changes: AttributeChanges | None, id_: Ints, moment: Ints) -> tuple[Ints, Floats]:
    """(n,) time and value of the last change of each id that is known at a moment; _EVER and NaN for none."""
    if changes is None:
        return np.full(len(id_), _EVER), np.full(len(id_), np.nan)
    starts = changes.starts[id_]
    known = count_known(changes.available_at, starts, changes.starts[id_ + 1], moment)
    last = np.where(known > 0, starts + known - 1, len(changes.values))
    return np.append(changes.available_at, _EVER)[last], np.append(changes.values, np.nan)[last]
