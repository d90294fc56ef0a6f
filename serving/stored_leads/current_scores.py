"""The current score of every lead, which the ranked list reads, and which leads need a new one.

A row equals `GET /v1/leads/{id}/score` at its own `as_of` and model version, and holds what the list is
sorted and filtered by. Leads that converted or were lost have a row without a priority.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import sqlalchemy as sa

from features.history.lead_history import Floats, Ints
from features.sources.service_tables import LEADS
from serving.database.schema import STORE
from serving.database.score_tables import CURRENT_SCORES, SALES_ATTRIBUTES, score_cells
from serving.database.statements import CompiledLookUp, upsert_rows
from serving.database.writer import Receipt
from serving.intake.linked_ids import leads_of_ids
from serving.store.records import StoredLead, StoredValue
from serving.store.staleness import CHANGING

SOURCE_ATTRIBUTE: Final = "source"
# Attributes with a column of their own.
_OWN_COLUMNS: Final = (SOURCE_ATTRIBUTE, *SALES_ATTRIBUTES)
_EXISTING: Final = CompiledLookUp(sa.select(LEADS.c.lead_id), LEADS.c.lead_id)
_SEARCH_LENGTH: Final = 500
# Ranks below every lead with a number.
_FAILED_PRIORITY: Final = -1.0
# From so many changed rows of a table on, it is faster to score all leads than to look for theirs.
MANY_ROWS: Final = 200_000


# The last column, `written`, is known when the row is written.
_ROW: Final = tuple(CURRENT_SCORES.c.keys())[:-1]
# Cells in the order of these columns, the id of the lead first.
CurrentRow = tuple[Any, ...]


def changed_leads(connection: sa.Connection, *, since: int) -> list[str] | None:
    """Finds the leads of which rows were written after a transaction; None where these are very many rows.

    Args:
        connection: in a transaction.
        since: number of the transaction.
    """
    counted = [
        sa.select(sa.func.count()).select_from(
            sa.select(table.c.sequence).where(table.c.sequence > since).limit(MANY_ROWS).subquery()
        )
        for table in CHANGING
    ]
    if any(connection.execute(count).scalar_one() >= MANY_ROWS for count in counted):
        return None
    # No join, because SQLite would scan all leads. The empty text keeps DISTINCT from a scan of all
    # interactions in the order of their leads.
    queries = [
        sa.select(table.c.lead_id + "").distinct().where(table.c.sequence > since) for table in CHANGING
    ]
    changed = {lead_id for query in queries for lead_id in connection.scalars(query)}
    # What is said of an alias is about its survivor; the account of the alias may have it, too.
    return sorted(changed | {*leads_of_ids(connection, changed).values()})


def all_leads(connection: sa.Connection) -> list[str]:
    """Lists all leads, those of one account together."""
    return list(connection.scalars(sa.select(LEADS.c.lead_id).order_by(LEADS.c.account_id, LEADS.c.lead_id)))


def aged_leads(connection: sa.Connection, *, version: str, before: int, limit: int) -> list[str]:
    """Finds open leads whose score is of another version, or as of an earlier moment."""
    current = CURRENT_SCORES.c
    is_open = current.priority.is_not(None)
    # Three ranges of one index; "not this version" would scan every row.
    ranges = (
        current.model_version < version,
        current.model_version > version,
        (current.model_version == version) & (current.as_of < before),
    )
    found: list[str] = []
    for is_aged in ranges:
        aged = sa.select(current.lead_id).where(is_open, is_aged).limit(limit - len(found))
        found.extend(connection.scalars(aged))
    return found


def write_current(
    connection: sa.Connection,
    receipt: Receipt,
    *,
    rows: Sequence[CurrentRow],
    rescored: int | None,
) -> None:
    """Writes the rows of leads that still exist and are no aliases, and up to which transaction all are."""
    ids = [row[0] for row in rows]
    existing = {lead_id for (lead_id,) in _EXISTING.rows(connection, ids)} if ids else set()
    existing -= leads_of_ids(connection, ids).keys()
    written = [(*row, receipt.sequence) for row in rows if row[0] in existing]
    upsert_rows(connection, CURRENT_SCORES, written, unless_older="sequence")
    if rescored is not None:
        connection.execute(sa.update(STORE).values(rescored=rescored))


@dataclass(frozen=True, slots=True)
class CurrentLead:
    """What a row holds of a lead besides its score.

    Attributes:
        lead: the lead.
        values: the last known value of each attribute.
        notes: what the lead lacked, a list as JSON.
        set_aside_until: microseconds UTC; None where the lead is not set aside.
    """

    lead: StoredLead
    values: Mapping[str, StoredValue]
    notes: str
    set_aside_until: int | None


def current_rows(
    scores: pa.Table, leads: Sequence[CurrentLead], as_of: Ints, priority: Floats
) -> list[CurrentRow]:
    """Makes the rows of leads: their scores, and what the list is sorted, filtered and searched by.

    Args:
        scores: of n leads.
        leads: the n leads.
        as_of: (n,) the moments of the scores, microseconds UTC.
        priority: (n,) what the nightly ranking sorts by, NaN for a lead without numbers.
    """
    moments = as_of.tolist()
    texts = [{name: value.text for name, value in lead.values.items() if value.text} for lead in leads]
    cells = {
        **score_cells(scores),
        "as_of": moments,
        "created_at": [own.lead.created_known(at) for own, at in zip(leads, moments, strict=True)],
        "account_id": [own.lead.account_id for own in leads],
        "search_text": [_search_text(own) for own in leads],
        "sequence": [own.lead.sequence for own in leads],
        "notes": [own.notes for own in leads],
        **{name: [own.get(name) for own in texts] for name in _OWN_COLUMNS},
        "set_aside_until": [own.set_aside_until for own in leads],
    }
    ranked = zip(cells["status"], priority.tolist(), strict=True)
    cells["priority"] = [_priority(status, number) for status, number in ranked]
    return list(zip(*(cells[name] for name in _ROW), strict=True))


def _search_text(own: CurrentLead) -> str:
    categories = [value.text for value in own.values.values() if value.text and value.type == "category"]
    names = [own.lead.lead_id, own.lead.account_id or "", *categories]
    return "\n".join(names).casefold()[:_SEARCH_LENGTH]


def _priority(status: str, priority: float) -> float | None:
    """Returns what the list sorts by; None for a closed lead."""
    if status == "failed":
        return _FAILED_PRIORITY
    return None if priority != priority else priority
