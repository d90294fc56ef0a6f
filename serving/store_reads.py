"""Reads what is kept of one lead, all of it in one state of the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from features.columns import INBOUND, OUTBOUND, AttributeType
from features.one_lead import KnownInteraction
from features.one_outcome import KnownOutcome
from features.stored import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from serving.errors import LeadUnknownError
from serving.store_schema import STORE

_DIRECTIONS: Final = {"inbound": INBOUND, "outbound": OUTBOUND, None: None}


class StoredValue(NamedTuple):
    """A value of an attribute; type and text are None where it was emptied."""

    attribute: str
    type: AttributeType | None
    text: str | None
    available_at: int


class TimelineEntry(NamedTuple):
    """An interaction as it is shown."""

    source: str
    interaction_id: str
    kind: str
    occurred_at: int
    available_at: int
    direction: str | None
    channel: str | None
    campaign: str | None
    value: float | None
    further: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StoredLead:
    """A lead and what was told of it.

    Attributes:
        lead_id: the lead.
        created_at: microseconds UTC.
        account_id: its account, if it has one.
        values: of all its attributes, each after those known before it.
        outcomes: all of them, in no particular order.
        sequence: number of the last transaction that is seen here.
    """

    lead_id: str
    created_at: int
    account_id: str | None
    values: Sequence[StoredValue]
    outcomes: Sequence[KnownOutcome]
    sequence: int


def read_lead(connection: sa.Connection, lead_id: str) -> StoredLead:
    """Reads a lead without its interactions.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    found = connection.execute(_LEAD, {"lead_id": lead_id}).first()
    if found is None:
        raise LeadUnknownError
    return StoredLead(
        lead_id=lead_id,
        created_at=found.created_at,
        account_id=found.account_id,
        values=[StoredValue(*row) for row in connection.execute(_VALUES, {"lead_id": lead_id})],
        outcomes=[KnownOutcome(*row) for row in connection.execute(_OUTCOMES, {"lead_id": lead_id})],
        sequence=found.sequence,
    )


def read_interactions(connection: sa.Connection, lead_id: str) -> list[KnownInteraction]:
    """Reads all interactions of a lead."""
    return [_known(*row) for row in connection.execute(_INTERACTIONS, {"lead_id": lead_id})]


def read_account_interactions(connection: sa.Connection, account_id: str) -> list[KnownInteraction]:
    """Reads all interactions of all leads of an account, none known before the lead it is of was created."""
    rows = connection.execute(_OF_ACCOUNT, {"account_id": account_id})
    known = ((created_at, _known(*row)) for created_at, *row in rows)
    return [one._replace(available_at=max(one.available_at or 0, created_at)) for created_at, one in known]


def read_timeline(connection: sa.Connection, lead_id: str, *, limit: int) -> list[TimelineEntry]:
    """Reads the newest interactions of a lead, the newest first."""
    rows = connection.execute(_TIMELINE, {"lead_id": lead_id, "limit": limit})
    return [TimelineEntry._make([*row[:-1], json.loads(row.further) if row.further else {}]) for row in rows]


_LEAD_ID: Final[sa.BindParameter[str]] = sa.bindparam("lead_id")
_LEAD: Final = sa.select(
    LEADS.c.created_at,
    LEADS.c.account_id,
    sa.select(STORE.c.sequence).scalar_subquery().label("sequence"),
).where(LEADS.c.lead_id == _LEAD_ID)
_VALUES: Final = (
    sa.select(*(ATTRIBUTE_CHANGES.c[name] for name in ("attribute", "type", "value", "available_at")))
    .where(ATTRIBUTE_CHANGES.c.lead_id == _LEAD_ID)
    .order_by(ATTRIBUTE_CHANGES.c.available_at)
)
_OUTCOMES: Final = sa.select(*(OUTCOMES.c[name] for name in KnownOutcome._fields)).where(
    OUTCOMES.c.lead_id == _LEAD_ID
)
_KNOWN_COLUMNS: Final = [
    INTERACTIONS.c[name]
    for name in ("kind", "occurred_at", "available_at", "direction", "channel", "campaign", "value")
]
_INTERACTIONS: Final = sa.select(*_KNOWN_COLUMNS).where(INTERACTIONS.c.lead_id == _LEAD_ID)
_OF_ACCOUNT: Final = (
    sa.select(LEADS.c.created_at, *_KNOWN_COLUMNS)
    .join_from(LEADS, INTERACTIONS, LEADS.c.lead_id == INTERACTIONS.c.lead_id)
    .where(LEADS.c.account_id == sa.bindparam("account_id"))
)
_TIMELINE: Final = (
    sa.select(*(INTERACTIONS.c[name] for name in TimelineEntry._fields))
    .where(INTERACTIONS.c.lead_id == _LEAD_ID)
    .order_by(
        INTERACTIONS.c.occurred_at.desc(),
        INTERACTIONS.c.available_at.desc(),
        INTERACTIONS.c.source,
        INTERACTIONS.c.interaction_id,
    )
    .limit(sa.bindparam("limit", type_=sa.Integer))
)


def _known(
    kind: str,
    occurred_at: int,
    available_at: int,
    direction: str | None,
    channel: str | None,
    campaign: str | None,
    value: float | None,
) -> KnownInteraction:
    # Without source and id: the store holds each once.
    towards = _DIRECTIONS[direction]
    return KnownInteraction(kind, occurred_at, available_at, towards, channel, campaign, value)
