"""Reads which stored ids are aliases of one another, and which lead an id stands for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
import sqlalchemy as sa

from features.history.joins import Joins, join_ids
from features.history.known import is_known
from features.sources.service_tables import LEAD_ALIASES, LEADS
from features.times import NEVER_US
from serving.database.schema import ALERT_LEADS
from serving.database.score_tables import CURRENT_SCORES
from serving.database.statements import CompiledLookUp, CompiledStatement
from serving.intake.creations import creations_at

_COLUMNS: Final = tuple(LEAD_ALIASES.c[name] for name in ("alias_id", "lead_id", "available_at", "sequence"))
_OF_ALIASES: Final = CompiledLookUp(sa.select(*_COLUMNS), LEAD_ALIASES.c.alias_id)
_OF_LEADS: Final = CompiledLookUp(sa.select(*_COLUMNS), LEAD_ALIASES.c.lead_id)
_ANY: Final = CompiledStatement(sa.select(LEAD_ALIASES.c.alias_id).limit(1))
_CREATED: Final = CompiledLookUp(sa.select(LEADS.c.lead_id, LEADS.c.created_at), LEADS.c.lead_id)


@dataclass(frozen=True, slots=True)
class LinkedIds:
    """Ids with all that are linked to them, directly or through others.

    Attributes:
        ids: in the order of their texts.
        row_of: position of each.
        target_of: the id that each alias is linked to.
        created_at: creation of each that is a lead, microseconds UTC.
        joins: which leads the rows under each id belong to.
    """

    ids: tuple[str, ...]
    row_of: dict[str, int]
    target_of: dict[str, str]
    created_at: dict[str, int]
    joins: Joins

    def lead_of(self, id_: str, as_of: int | None = None) -> str | None:
        """Finds the lead that an id stands for at a moment; None where it is none then.

        Args:
            id_: any of the ids.
            as_of: microseconds UTC; None: as of everything that is stored.
        """
        moment = NEVER_US if as_of is None else as_of
        of_id = np.flatnonzero(self.joins.id == self.row_of[id_])
        known = of_id[is_known(self.joins.at[of_id], moment)]
        if len(known):
            return self.ids[int(self.joins.lead[known[-1]])]
        created = self.created_at.get(id_)
        return id_ if created is not None and is_known(created, moment) else None

    def last_of(self, id_: str) -> str:
        """Follows the links of an id to their end, whether or not a lead is stored there."""
        while id_ in self.target_of:
            id_ = self.target_of[id_]
        return id_

    def linked_at(self, id_: str) -> int:
        """Finds when an id joined its first lead, microseconds UTC; NEVER_US for one that joined none."""
        return int(self.joins.linked_at[self.row_of[id_]])

    def pairs_of(self, lead_id: str) -> list[tuple[str, int, int, bool]]:
        """Lists the aliases of a lead: id, when it joined, number of links, whether it had a lead before."""
        joins = self.joins
        return [
            (
                self.ids[joins.id[pair]],
                int(joins.at[pair]),
                int(joins.steps[pair]),
                bool(joins.had_lead[pair]),
            )
            for pair in np.flatnonzero(joins.lead == self.row_of[lead_id]).tolist()
        ]


def read_linked(
    connection: sa.Connection, ids: Iterable[str], *, sequence: int | None = None
) -> LinkedIds | None:
    """Reads all ids that are linked to some.

    Args:
        connection: in a transaction.
        ids: any ids.
        sequence: number of a transaction; links written after it are left out. None is the latest state.

    Returns:
        None where none of them is linked.
    """
    # Most databases hold no aliases.
    if not _ANY.rows(connection):
        return None
    found = {*ids}
    links: dict[str, tuple[str, int]] = {}
    new: Collection[str] = found
    while new:
        rows = [*_OF_ALIASES.rows(connection, [*new]), *_OF_LEADS.rows(connection, [*new])]
        rows = [row for row in rows if sequence is None or row[3] <= sequence]
        links |= {alias: (lead, known) for alias, lead, known, _ in rows}
        new = {id_ for row in rows for id_ in row[:2]} - found
        found |= new
    if not links:
        return None
    ordered = tuple(sorted(found))
    row_of = {id_: row for row, id_ in enumerate(ordered)}
    created = dict(_CREATED.rows(connection, ordered))
    if sequence is not None:
        created |= creations_at(connection, [*created], sequence=sequence)
    target = [row_of[links[id_][0]] if id_ in links else -1 for id_ in ordered]
    known = [links[id_][1] if id_ in links else NEVER_US for id_ in ordered]
    joins = join_ids(
        np.array(target, np.int64),
        np.array(known, np.int64),
        np.array([created.get(id_, NEVER_US) for id_ in ordered], np.int64),
    )
    return LinkedIds(ordered, row_of, {id_: link[0] for id_, link in links.items()}, created, joins)


def drop_joined(connection: sa.Connection, id_: str) -> None:
    """Takes the leads that are aliases of another lead out of the list, of all that are linked to an id."""
    linked = read_linked(connection, [id_])
    if linked is None:
        return
    joined = [lead for lead in linked.created_at if linked.lead_of(lead) != lead]
    if joined:
        for table in (CURRENT_SCORES, ALERT_LEADS):
            connection.execute(sa.delete(table).where(table.c.lead_id.in_(joined)))


def lead_to_write(connection: sa.Connection, id_: str) -> str:
    """Finds the lead that a write about an id is about: its survivor, where it is an alias of one."""
    linked = read_linked(connection, [id_])
    return id_ if linked is None else linked.lead_of(id_) or id_


def shown_creation(connection: sa.Connection, lead_id: str, stored: int) -> int:
    """Finds the earliest creation of a lead and its aliases, which is what the lead shows."""
    linked = read_linked(connection, [lead_id])
    if linked is None:
        return stored
    aliases = [id_ for id_, *_ in linked.pairs_of(lead_id)]
    return min([stored, *(linked.created_at.get(id_, stored) for id_ in aliases)])


def leads_of_ids(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    """Finds the survivors of those of some ids that are aliases."""
    ids = {*ids}
    linked = read_linked(connection, ids)
    if linked is None:
        return {}
    found = {id_: linked.lead_of(id_) for id_ in ids if id_ in linked.target_of}
    return {id_: lead for id_, lead in found.items() if lead is not None and lead != id_}
