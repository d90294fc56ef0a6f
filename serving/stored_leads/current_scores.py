"""The current score of every lead, which the ranked list reads, and which leads need a new one.

A row equals `GET /v1/leads/{id}/score` at its own `as_of` and model version, and holds what the list is
sorted and filtered by. Leads that converted or were lost have a row without a priority.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEAD_ALIASES, LEADS, OUTCOMES
from serving.database.schema import (
    ACCOUNT_CHANGES,
    CREATION_CORRECTIONS,
    CURRENT_SCORES,
    INSTANTS,
    LISTS,
    SALES_ATTRIBUTES,
    STORE,
    replacing,
)
from serving.database.writer import Receipt
from serving.intake.linked_ids import leads_of_ids
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.json_rows import JsonObject
from serving.store.records import StoredLead
from serving.stored_leads.score_lead import known_values
from serving.stored_leads.set_aside import set_aside_until

SOURCE_ATTRIBUTE: Final = "source"
# Attributes with a column of their own.
_OWN_COLUMNS: Final = (SOURCE_ATTRIBUTE, *SALES_ATTRIBUTES)
_CHANGING: Final = (
    ACCOUNT_CHANGES,
    CREATION_CORRECTIONS,
    LEAD_ALIASES,
    ATTRIBUTE_CHANGES,
    INTERACTIONS,
    OUTCOMES,
)
_SEARCH_LENGTH: Final = 500
# Ranks below every lead with a number.
_FAILED_PRIORITY: Final = -1.0
# From so many changed rows of a table on, it is faster to score all leads than to look for theirs.
MANY_ROWS: Final = 200_000


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
        for table in _CHANGING
    ]
    if any(connection.execute(count).scalar_one() >= MANY_ROWS for count in counted):
        return None
    # No join, because SQLite would scan all leads. The empty text keeps DISTINCT from a scan of all
    # interactions in the order of their leads.
    queries = [
        sa.select(table.c.lead_id + "").distinct().where(table.c.sequence > since) for table in _CHANGING
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
    receipt: Receipt,  # noqa: ARG001 - the signature is the writer's
    *,
    rows: Sequence[Mapping[str, Any]],
    rescored: int | None,
) -> None:
    """Writes the rows of leads that still exist and are no aliases, and up to which transaction all are."""
    ids = [row["lead_id"] for row in rows]
    existing = set(connection.scalars(sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(ids))))
    existing -= leads_of_ids(connection, ids).keys()
    if written := [row for row in rows if row["lead_id"] in existing]:
        connection.execute(replacing(connection, CURRENT_SCORES, unless_older="sequence"), written)
    if rescored is not None:
        connection.execute(sa.update(STORE).values(rescored=rescored))


def row_of_score(
    score: JsonObject, lead: StoredLead, interactions: InteractionInputs, *, as_of: int, scored_at: int
) -> dict[str, Any]:
    """Makes the row of a lead: its score, and what the list is sorted, filtered and searched by.

    Args:
        score: with its notes.
        lead: with its attributes.
        interactions: of the lead; may be left out where none sets it aside.
        as_of: the moment of the score, microseconds UTC.
        scored_at: when it was made, microseconds UTC.
    """
    texts = {name: value for name, value in known_values(lead.values, as_of).items() if value.text}
    own = {name: score[name] for name in SCORE_COLUMNS if name not in (*INSTANTS, *LISTS)}
    names = [lead.lead_id, lead.account_id or ""]
    names += [value.text or "" for value in texts.values() if value.type == "category"]
    return {
        **own,
        **{name: to_json(score[name]).decode() for name in (*LISTS, "notes")},
        "as_of": as_of,
        "scored_at": scored_at,
        "priority": _priority(score),
        "created_at": lead.created_known(as_of),
        "account_id": lead.account_id,
        **{name: texts[name].text if name in texts else None for name in _OWN_COLUMNS},
        "set_aside_until": set_aside_until(interactions, as_of),
        "search_text": "\n".join(names).casefold()[:_SEARCH_LENGTH],
        "sequence": lead.sequence,
    }


def _priority(score: JsonObject) -> object:
    """Returns what the nightly ranking sorts by; None for a closed lead."""
    if score["status"] == "failed":
        return _FAILED_PRIORITY
    return score["probability"] if score["expected_value"] is None else score["expected_value"]
