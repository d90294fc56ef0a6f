"""Reads the rows under the aliases of a stored lead, and joins them to its own as reading a table does.

The rules are those of `features.history.joins` and `features.history.merging`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from features.history.known import is_known
from features.history.lead_history import DIRECTIONS
from features.history.merging import outcomes_taken_over
from features.history.outcomes import OutcomeInput
from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, OUTCOMES
from serving.database.statements import CompiledLookUp
from serving.intake.linked_ids import LinkedIds
from serving.store.records import StoredLead, StoredValue

_VALUES: Final = ("attribute", "type", "value", "available_at")
_KEY: Final = ("source", "interaction_id")
_ROW: Final = (
    *("kind", "occurred_at", "available_at", "direction"),
    *("channel", "campaign", "value", "is_automated"),
)


def _look_up(table: sa.Table, columns: Sequence[str]) -> CompiledLookUp:
    names = ("lead_id", "sequence", *columns)
    return CompiledLookUp(sa.select(*(table.c[name] for name in names)), table.c.lead_id)


_VALUES_OF: Final = _look_up(ATTRIBUTE_CHANGES, _VALUES)
_OUTCOMES_OF: Final = _look_up(OUTCOMES, OutcomeInput._fields)
_INTERACTIONS_OF: Final = _look_up(INTERACTIONS, (*_KEY, *_ROW))


def joined_lead(
    connection: sa.Connection,
    linked: LinkedIds,
    lead: StoredLead,
    *,
    is_empty: Callable[[StoredValue], bool],
    sequence: int | None,
) -> StoredLead:
    """Joins the attributes, outcomes and creations of its aliases to those of a lead.

    Args:
        connection: in a transaction.
        linked: with the lead.
        lead: with its own rows.
        is_empty: whether a value of an attribute counts as missing.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
    """
    pairs = linked.pairs_of(lead.lead_id)
    ids = [id_ for id_, *_ in pairs]
    values = {
        id_: [StoredValue._make(row) for row in rows]
        for id_, rows in _rows(connection, _VALUES_OF, ids, sequence).items()
    }
    outcomes = _rows(connection, _OUTCOMES_OF, ids, sequence)
    joined = [row.from_creation(lead.created_at) for row in lead.outcomes]
    for id_, at, _, had_lead in pairs:
        own = [OutcomeInput._make(row) for row in outcomes[id_]]
        created = linked.created_at.get(id_)
        joined += outcomes_taken_over(
            own,
            at=at,
            linked_at=linked.linked_at(id_),
            had_lead=had_lead,
            created_at=created,
            lead_created_at=lead.created_at,
        )
    offered = [
        (at, steps, id_, linked.created_at.get(id_), values.get(id_, [])) for id_, at, steps, _ in pairs
    ]
    return lead._replace(
        values=_joined_values(lead.values, offered, is_empty),
        outcomes=joined,
        creations=[
            (max(at, created), created)
            for id_, at, *_ in pairs
            if (created := linked.created_at.get(id_)) is not None
        ],
    )


def joined_interactions(
    connection: sa.Connection, linked: LinkedIds, lead_id: str, *, sequence: int | None
) -> InteractionInputs:
    """Reads the interactions of a lead, those of its aliases among them, each once.

    Args:
        connection: in a transaction.
        linked: with the lead.
        lead_id: the lead.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
    """
    owners = [(lead_id, -1), *((id_, at) for id_, at, *_ in linked.pairs_of(lead_id))]
    rows = _rows(connection, _INTERACTIONS_OF, [id_ for id_, _ in owners], sequence)
    found: dict[tuple[str, str], list[Any]] = {}
    for id_, at in owners:
        for source, interaction_id, kind, occurred_at, available_at, direction, *rest in rows[id_]:
            known = max(available_at, occurred_at, at)
            row = found.setdefault((source, interaction_id), [kind, occurred_at, known, direction, *rest])
            row[2] = min(row[2], known)
    if not found:
        return InteractionInputs()
    kind, occurred, known, direction, *rest = (list(column) for column in zip(*found.values(), strict=True))
    return InteractionInputs(kind, occurred, known, [DIRECTIONS.get(name) for name in direction], *rest)


def _rows(
    connection: sa.Connection, look_up: CompiledLookUp, ids: Iterable[str], sequence: int | None
) -> Mapping[str, list[Any]]:
    """Reads rows by id, without id and sequence."""
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for id_, written, *row in look_up.rows(connection, sorted({*ids})):
        if sequence is None or written <= sequence:
            found[id_].append(row)
    return found


def _joined_values(
    own: Sequence[StoredValue],
    offered: Sequence[tuple[int, int, str, int | None, Sequence[StoredValue]]],
    is_empty: Callable[[StoredValue], bool],
) -> list[StoredValue]:
    """Joins the values of aliases, each (link, links between, id, creation, values): see `join_attribute`."""
    every = [*own, *(value for *_, values in offered for value in values)]
    joined: list[StoredValue] = []
    for name in {value.attribute for value in every}:
        mine = [value for value in own if value.attribute == name]
        taken, gaps = [], set()
        last: list[tuple[int, int, str, StoredValue]] = []
        for at, steps, id_, created, values in offered:
            theirs = sorted(
                (each for each in values if each.attribute == name), key=lambda each: _order(each, is_empty)
            )
            known = [each for each in theirs if is_known(each.available_at, at)]
            later = theirs[len(known) :]
            at_creation = [each for each in later if each.available_at == created]
            mine += [each for each in later if each.available_at != created]
            last += [(at, steps, id_, known[-1])] if known else []
            last += [(each.available_at, steps, id_, each) for each in at_creation[-1:]]
        mine.sort(key=lambda each: _order(each, is_empty))
        for at, _, _, value in sorted(last, key=lambda offer: offer[:3]):
            place = sum(bool(is_known(each.available_at, at)) for each in mine)
            if place not in gaps and not is_empty(value) and (place == 0 or is_empty(mine[place - 1])):
                gaps.add(place)
                taken.append(value._replace(available_at=at))
        joined += [*mine, *taken]
    return sorted(joined, key=lambda each: _order(each, is_empty))


def _order(value: StoredValue, is_empty: Callable[[StoredValue], bool]) -> tuple[int, bool]:
    """Sort key: of two values at one moment the one that is not empty comes last and counts."""
    return value.available_at, not is_empty(value)
