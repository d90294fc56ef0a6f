"""Reads a lead with all rows that its score depends on, in one state of the database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from pydantic_core import from_json

from features.history.lead_history import DIRECTIONS, AttributeType
from features.history.outcomes import OutcomeInput
from features.history.text_rule import TextRule
from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import ATTRIBUTE_CHANGES, INTERACTIONS, LEADS, OUTCOMES
from serving.database.schema import STORE
from serving.database.statements import CompiledStatement, ListsOf
from serving.errors import LeadUnknownError
from serving.intake.leads import account_of_lead_at, leads_of_account_at


class StoredValue(NamedTuple):
    """A value of an attribute from a moment on; type and text are None where it was emptied."""

    attribute: str
    type: AttributeType | None
    text: str | None
    available_at: int


class TimelineEntry(NamedTuple):
    """An interaction of the timeline."""

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


class StoredLead(NamedTuple):
    """A lead, its attributes and its outcomes.

    Attributes:
        lead_id: the lead.
        created_at: microseconds UTC.
        account_id: its account, if it has one.
        values: of all its attributes, in the order in which they became known.
        outcomes: all of them, in no particular order.
        sequence: number of the last transaction that was read.
    """

    lead_id: str
    created_at: int
    account_id: str | None
    values: Sequence[StoredValue]
    outcomes: Sequence[OutcomeInput]
    sequence: int


class Evidence(NamedTuple):
    """A lead with everything that its score depends on.

    Attributes:
        lead: the lead.
        interactions: all of them.
        account_interactions: of all leads of its account; None if not read.
    """

    lead: StoredLead
    interactions: InteractionInputs
    account_interactions: InteractionInputs | None


def read_evidence(
    connection: sa.Connection,
    lead_id: str,
    *,
    with_account: bool,
    text_rule: TextRule,
    sequence: int | None = None,
    accounts: dict[str, InteractionInputs] | None = None,
) -> Evidence:
    """Reads what the score of a lead depends on: each row once, in time that grows with their number.

    Args:
        connection: in a transaction.
        lead_id: the lead.
        with_account: whether the interactions of its account are read too.
        text_rule: by which some account ids count as missing.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
        accounts: interactions of accounts that were read in the same transaction and for the same sequence;
            those that are read are added.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    lead, lists = _read(connection, _EVIDENCE, lead_id, sequence)
    account = None
    if with_account and lead.account_id is not None and lead.account_id not in text_rule.spellings:
        accounts = {} if accounts is None else accounts
        if (account := accounts.get(lead.account_id)) is None:
            parameters = {"account_id": lead.account_id, "sequence": sequence}
            ((account_lists,),) = _OF_ACCOUNT.of(sequence).rows(connection, parameters)
            account = accounts[lead.account_id] = InteractionInputs(*from_json(account_lists))
    return Evidence(lead, InteractionInputs(*from_json(lists)), account)


def read_lead(connection: sa.Connection, lead_id: str, *, sequence: int | None = None) -> StoredLead:
    """Reads a lead without its interactions; see `read_evidence`.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    return _read(connection, _LEAD, lead_id, sequence)[0]


def read_timeline(connection: sa.Connection, lead_id: str, *, limit: int) -> list[TimelineEntry]:
    """Reads the newest interactions of a lead, the newest first."""
    rows = connection.execute(_TIMELINE, {"lead_id": lead_id, "limit": limit})
    return [TimelineEntry._make([*row[:-1], json.loads(row.further) if row.further else {}]) for row in rows]


# The columns of a StoredValue.
_VALUE_COLUMNS: Final = ("attribute", "type", "value", "available_at")


class _Statements:
    """Selects all rows, or those written up to a transaction."""

    def __init__(self, now: sa.Select[Any], then: sa.Select[Any]) -> None:
        self._now, self._then = CompiledStatement(now), CompiledStatement(then)

    def of(self, sequence: int | None) -> CompiledStatement:
        return self._now if sequence is None else self._then


_LEAD_ID: Final[sa.BindParameter[str]] = sa.bindparam("lead_id")
_ACCOUNT_ID: Final[sa.BindParameter[str]] = sa.bindparam("account_id")
_SEQUENCE: Final[sa.BindParameter[int]] = sa.bindparam("sequence", type_=sa.BigInteger)


def _columns(available_at: sa.ColumnElement[int]) -> ListsOf:
    """Gives the columns of `InteractionInputs`, without source and id: the store holds each once."""
    own = INTERACTIONS.c
    direction = sa.case(DIRECTIONS, value=own.direction)
    return ListsOf(own.kind, own.occurred_at, available_at, direction, own.channel, own.campaign, own.value)


def _select(*, with_interactions: bool) -> _Statements:
    """Selects a lead and, as one text per table, its rows."""
    tables = [
        (ATTRIBUTE_CHANGES, ListsOf(*(ATTRIBUTE_CHANGES.c[name] for name in _VALUE_COLUMNS))),
        (OUTCOMES, ListsOf(*(OUTCOMES.c[name] for name in OutcomeInput._fields))),
    ]
    if with_interactions:
        tables.append((INTERACTIONS, _columns(INTERACTIONS.c.available_at)))
    texts = [sa.select(lists).where(table.c.lead_id == LEADS.c.lead_id) for table, lists in tables]
    then = zip(texts, (table for table, _ in tables), strict=True)
    the_lead = sa.select(LEADS.c.created_at).where(LEADS.c.lead_id == _LEAD_ID)
    return _Statements(
        the_lead.add_columns(
            LEADS.c.account_id,
            sa.select(STORE.c.sequence).scalar_subquery(),
            *(text.scalar_subquery() for text in texts),
        ),
        the_lead.add_columns(
            account_of_lead_at(_LEAD_ID, _SEQUENCE).scalar_subquery(),
            _SEQUENCE,
            *(text.where(table.c.sequence <= _SEQUENCE).scalar_subquery() for text, table in then),
        ),
    )


_LEAD: Final = _select(with_interactions=False)
_EVIDENCE: Final = _select(with_interactions=True)
# `features.history.known.known_of_account` in SQL.
_KNOWN_OF_ACCOUNT: Final = sa.case(
    (INTERACTIONS.c.available_at < LEADS.c.created_at, LEADS.c.created_at),
    else_=INTERACTIONS.c.available_at,
)
_OF_LEADS: Final = sa.select(_columns(_KNOWN_OF_ACCOUNT)).join_from(
    LEADS, INTERACTIONS, LEADS.c.lead_id == INTERACTIONS.c.lead_id
)
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


def _read(
    connection: sa.Connection, statements: _Statements, lead_id: str, sequence: int | None
) -> tuple[StoredLead, str]:
    """Reads a lead, and the last column, which holds its interactions where those are selected."""
    found = statements.of(sequence).rows(connection, {"lead_id": lead_id, "sequence": sequence})
    if not found:
        raise LeadUnknownError
    created_at, account_id, seen, values, outcomes, *_ = found[0]
    stored_values = map(StoredValue._make, zip(*from_json(values), strict=True))
    lead = StoredLead(
        lead_id=lead_id,
        created_at=created_at,
        account_id=account_id,
        values=sorted(stored_values, key=attrgetter("available_at")),
        outcomes=list(map(OutcomeInput._make, zip(*from_json(outcomes), strict=True))),
        sequence=seen,
    )
    return lead, found[0][-1]
