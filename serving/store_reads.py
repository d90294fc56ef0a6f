"""Reads what is kept of one lead, all of it in one state of the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from pydantic_core import from_json

from features.columns import INBOUND, OUTBOUND, AttributeType
from features.few_interactions import KnownInteractions
from features.few_outcomes import KnownOutcome
from features.stored import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from serving.refusals import LeadUnknownError
from serving.store_accounts import account_of_lead_at, leads_of_account_at
from serving.store_lists import ListsOf
from serving.store_rows import Fixed
from serving.store_schema import STORE

_DIRECTIONS: Final = {"inbound": INBOUND, "outbound": OUTBOUND}


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


@dataclass(frozen=True, slots=True)
class Evidence:
    """A lead and everything that its score depends on.

    Attributes:
        lead: the lead.
        interactions: all of them.
        account_interactions: of all leads of its account; None where there is none, or nobody asks.
    """

    lead: StoredLead
    interactions: KnownInteractions
    account_interactions: KnownInteractions | None


def read_evidence(
    connection: sa.Connection, lead_id: str, *, with_account: bool, sequence: int | None = None
) -> Evidence:
    """Reads what the score of a lead depends on.

    Args:
        connection: in a transaction.
        lead_id: the lead.
        with_account: whether the interactions of its account are read too.
        sequence: number of a transaction: what was written after it is left out; None: nothing is.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    lead = read_lead(connection, lead_id, sequence=sequence)
    account = None
    if with_account and lead.account_id is not None:
        account = _read_columns(connection, _OF_ACCOUNT, sequence, account_id=lead.account_id)
    return Evidence(lead, _read_columns(connection, _INTERACTIONS, sequence, lead_id=lead_id), account)


def read_lead(connection: sa.Connection, lead_id: str, *, sequence: int | None = None) -> StoredLead:
    """Reads a lead without its interactions; see `read_evidence`.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    asked = {"lead_id": lead_id, "sequence": sequence}
    found = _LEAD.of(sequence).rows(connection, asked)
    if not found:
        raise LeadUnknownError
    created_at, account_id, seen = found[0]
    return StoredLead(
        lead_id=lead_id,
        created_at=created_at,
        account_id=account_id,
        values=list(map(StoredValue._make, _VALUES.of(sequence).rows(connection, asked))),
        outcomes=list(map(KnownOutcome._make, _OUTCOMES.of(sequence).rows(connection, asked))),
        sequence=seen,
    )


def read_timeline(connection: sa.Connection, lead_id: str, *, limit: int) -> list[TimelineEntry]:
    """Reads the newest interactions of a lead, the newest first."""
    rows = connection.execute(_TIMELINE, {"lead_id": lead_id, "limit": limit})
    return [TimelineEntry._make([*row[:-1], json.loads(row.further) if row.further else {}]) for row in rows]


class _Statements:
    """Selects all rows, or those that were there when a transaction was committed."""

    def __init__(self, now: sa.Select[Any], then: sa.Select[Any]) -> None:
        self._now, self._then = Fixed(now), Fixed(then)

    def of(self, sequence: int | None) -> Fixed:
        return self._now if sequence is None else self._then


def _of_table(statement: sa.Select[Any], table: sa.Table) -> _Statements:
    return _Statements(statement, statement.where(table.c.sequence <= _SEQUENCE))


_LEAD_ID: Final[sa.BindParameter[str]] = sa.bindparam("lead_id")
_ACCOUNT_ID: Final[sa.BindParameter[str]] = sa.bindparam("account_id")
_SEQUENCE: Final[sa.BindParameter[int]] = sa.bindparam("sequence", type_=sa.BigInteger)
_THE_LEAD: Final = sa.select(LEADS.c.created_at).where(LEADS.c.lead_id == _LEAD_ID)
_LEAD: Final = _Statements(
    _THE_LEAD.add_columns(
        LEADS.c.account_id, sa.select(STORE.c.sequence).scalar_subquery().label("sequence")
    ),
    _THE_LEAD.add_columns(
        account_of_lead_at(_LEAD_ID, _SEQUENCE).scalar_subquery().label("account_id"),
        _SEQUENCE.label("sequence"),
    ),
)
_VALUES: Final = _of_table(
    sa.select(*(ATTRIBUTE_CHANGES.c[name] for name in ("attribute", "type", "value", "available_at")))
    .where(ATTRIBUTE_CHANGES.c.lead_id == _LEAD_ID)
    .order_by(ATTRIBUTE_CHANGES.c.available_at),
    ATTRIBUTE_CHANGES,
)
_OUTCOMES: Final = _of_table(
    sa.select(*(OUTCOMES.c[name] for name in KnownOutcome._fields)).where(OUTCOMES.c.lead_id == _LEAD_ID),
    OUTCOMES,
)


def _columns(available_at: sa.ColumnElement[int]) -> ListsOf:
    """Gives the columns of `KnownInteractions`, without source and id: the store holds each once."""
    own = INTERACTIONS.c
    direction = sa.case(_DIRECTIONS, value=own.direction)
    return ListsOf(own.kind, own.occurred_at, available_at, direction, own.channel, own.campaign, own.value)


_INTERACTIONS: Final = _of_table(
    sa.select(_columns(INTERACTIONS.c.available_at)).where(INTERACTIONS.c.lead_id == _LEAD_ID), INTERACTIONS
)
# None is known before the lead it is of was created.
_OF_LEADS: Final = sa.select(
    _columns(
        sa.case(
            (INTERACTIONS.c.available_at < LEADS.c.created_at, LEADS.c.created_at),
            else_=INTERACTIONS.c.available_at,
        )
    )
).join_from(LEADS, INTERACTIONS, LEADS.c.lead_id == INTERACTIONS.c.lead_id)
_OF_ACCOUNT: Final = _Statements(
    _OF_LEADS.where(LEADS.c.account_id == _ACCOUNT_ID),
    _OF_LEADS.where(
        LEADS.c.lead_id.in_(leads_of_account_at(_ACCOUNT_ID, _SEQUENCE)),
        INTERACTIONS.c.sequence <= _SEQUENCE,
    ),
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


def _read_columns(
    connection: sa.Connection, statements: _Statements, sequence: int | None, **asked: str
) -> KnownInteractions:
    ((lists,),) = statements.of(sequence).rows(connection, {**asked, "sequence": sequence})
    return KnownInteractions(*from_json(lists))
