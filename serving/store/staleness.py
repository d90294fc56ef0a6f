"""How far the current scores are behind what is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEAD_ALIASES, LEADS, OUTCOMES
from features.times import format_time
from serving.database.schema import ACCOUNT_CHANGES, CREATION_CORRECTIONS, STORE
from serving.database.score_tables import CURRENT_SCORES
from serving.scoring.json_rows import JsonObject

# The tables of which a new row changes the score of its lead.
CHANGING: Final = (
    ACCOUNT_CHANGES,
    CREATION_CORRECTIONS,
    LEAD_ALIASES,
    ATTRIBUTE_CHANGES,
    INTERACTIONS,
    OUTCOMES,
)
# Rows that are looked at for leads that changed: the number of these leads is not counted beyond.
_MOST_ROWS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Staleness:
    """How current the scores are.

    Attributes:
        oldest_as_of: of the scores of open leads, microseconds UTC; None where there are none.
        leads_pending: leads that have no score, or a score of before a change or of another version.
    """

    oldest_as_of: int | None
    leads_pending: int


def read_staleness(connection: sa.Connection, version: str) -> Staleness:
    """Reads how current the scores are.

    Args:
        connection: in a transaction.
        version: of the model in use.
    """
    current = CURRENT_SCORES.c
    is_open = current.priority.is_not(None)
    oldest = connection.scalar(sa.select(sa.func.min(current.as_of)).where(is_open))
    is_other = (current.model_version < version) | (current.model_version > version)
    others = _count(connection, sa.select(current.lead_id).where(is_open, is_other))
    # Leads that became aliases of others have no score.
    own = LEADS.c.lead_id.not_in(sa.select(LEAD_ALIASES.c.alias_id))
    stored = _count(connection, sa.select(LEADS.c.lead_id).where(own))
    scored = _count(connection, sa.select(CURRENT_SCORES.c.lead_id))
    rescored = connection.execute(sa.select(STORE.c.rescored)).scalar_one()
    changed: set[str] = set()
    for table in CHANGING:
        rows = sa.select(table.c.lead_id).where(table.c.sequence > rescored).limit(_MOST_ROWS)
        changed.update(connection.scalars(rows))
    return Staleness(oldest, max(stored - scored, len(changed)) + others)


def staleness_object(staleness: Staleness) -> JsonObject:
    """Writes it as a JSON object."""
    oldest = staleness.oldest_as_of
    return {
        "oldest_as_of": None if oldest is None else format_time(oldest),
        "leads_pending": staleness.leads_pending,
    }


def _count(connection: sa.Connection, rows: sa.Select[tuple[str]]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()
