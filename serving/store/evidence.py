"""Reads a lead with all rows that its score depends on, in one state of the database."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from operator import attrgetter
from types import MappingProxyType
from typing import Final, NamedTuple

import sqlalchemy as sa
from pydantic_core import from_json

from features.history.lead_history import AttributeType
from features.history.outcomes import OutcomeInput
from features.history.settings import HistorySettings
from features.history.text_rule import TEXT_RULE, TextRule
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import is_missing, is_of_type
from features.sources.service_tables import (
    ATTRIBUTE_CHANGES,
    INTERACTIONS,
    LEAD_ALIASES,
    LEADS,
    OUTCOMES,
)
from features.times import NEVER_US
from serving.database.schema import STORE
from serving.database.statements import ListsOf
from serving.errors import LeadUnknownError
from serving.intake.creations import creation_at
from serving.intake.leads import account_of_lead_at
from serving.intake.linked_ids import LinkedIds, read_linked
from serving.store.account_rows import (
    IS_LINKED,
    SEQUENCE,
    AccountBound,
    Statements,
    interaction_columns,
    read_account,
)
from serving.store.joined_rows import joined_interactions, joined_lead
from serving.store.records import Evidence, StoredLead, StoredValue, TimelineEntry


def read_evidence(
    connection: sa.Connection,
    lead_id: str,
    *,
    with_account: bool,
    settings: HistorySettings,
    attribute_types: Mapping[str, AttributeType] = MappingProxyType({}),
    as_of: int | None = None,
    sequence: int | None = None,
    account_limit: int | None = None,
    with_past: bool = False,
    accounts: dict[str, InteractionInputs] | None = None,
) -> Evidence:
    """Reads what the score of a lead depends on: each row once, in time that grows with their number.

    Args:
        connection: in a transaction.
        lead_id: the lead, or an alias of it.
        with_account: whether the interactions of its account are read too.
        settings: of the model: by which some account ids and attributes count as missing, and rows of an
            account may not count.
        attribute_types: by which other attributes count as missing.
        as_of: moment at which an alias stands for a lead, microseconds UTC; None: the latest state.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
        account_limit: known interactions of an account above which no feature reads them; None: no limit.
        with_past: whether the lead is scored at moments before `as_of`, too.
        accounts: interactions of accounts that were read in the same transaction and for the same sequence;
            those that are read are added.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    text_rule = settings.text_rule
    found = _find(connection, _EVIDENCE, lead_id, sequence)
    linked = _linked(connection, found, lead_id, sequence)
    if linked is not None and (found := _found_as(connection, linked, lead_id, as_of, sequence)):
        is_empty = partial(_is_empty, types=attribute_types, rule=text_rule)
        lead = joined_lead(connection, linked, found.lead, is_empty=is_empty, sequence=sequence)
        interactions = joined_interactions(connection, linked, lead.lead_id, sequence=sequence)
    elif found is not None:
        lead, interactions = found.lead, InteractionInputs(*from_json(found.lists))
    else:
        raise LeadUnknownError
    account = None
    if with_account and lead.account_id is not None and lead.account_id not in text_rule.spellings:
        accounts = {} if accounts is None else accounts
        moment = NEVER_US if as_of is None else as_of
        bound = AccountBound(account_limit, moment, with_past, settings)
        account = read_account(connection, lead.account_id, found.has_links, sequence, bound, accounts)
    return Evidence(lead, interactions, account)


def read_lead(connection: sa.Connection, lead_id: str, *, sequence: int | None = None) -> StoredLead:
    """Reads a lead, or that of an alias, without its interactions; see `read_evidence`.

    Raises:
        LeadUnknownError: there is no such lead.
    """
    found = _find(connection, _LEAD, lead_id, sequence)
    linked = _linked(connection, found, lead_id, sequence)
    if linked is not None and (found := _found_as(connection, linked, lead_id, None, sequence)):
        is_empty = partial(_is_empty, types={}, rule=TEXT_RULE)
        return joined_lead(connection, linked, found.lead, is_empty=is_empty, sequence=sequence)
    if found is None:
        raise LeadUnknownError
    return found.lead


def read_timeline(connection: sa.Connection, lead_id: str, *, limit: int) -> list[TimelineEntry]:
    """Reads the newest interactions of a lead, those of its aliases among them, the newest first."""
    linked = read_linked(connection, [lead_id])
    aliases = [] if linked is None else [(id_, at) for id_, at, *_ in linked.pairs_of(lead_id)]
    entries = []
    for id_, at in [(lead_id, 0), *aliases]:
        for row in connection.execute(_TIMELINE, {"lead_id": id_, "limit": limit}):
            entry = TimelineEntry._make([*row[:-1], json.loads(row.further) if row.further else {}])
            entries.append(entry if not aliases else entry._replace(available_at=max(entry.available_at, at)))
    if aliases:
        entries.sort(key=attrgetter("source", "interaction_id"))
        entries.sort(key=attrgetter("occurred_at", "available_at"), reverse=True)
    return entries[:limit]


# The columns of a StoredValue.
_VALUE_COLUMNS: Final = ("attribute", "type", "value", "available_at")


_LEAD_ID: Final[sa.BindParameter[str]] = sa.bindparam("lead_id")


def _select(*, with_interactions: bool) -> Statements:
    """Selects a lead and, as one text per table, its rows."""
    tables = [
        (ATTRIBUTE_CHANGES, ListsOf(*(ATTRIBUTE_CHANGES.c[name] for name in _VALUE_COLUMNS))),
        (OUTCOMES, ListsOf(*(OUTCOMES.c[name] for name in OutcomeInput._fields))),
    ]
    if with_interactions:
        tables.append((INTERACTIONS, interaction_columns(INTERACTIONS.c.available_at)))
    texts = [sa.select(lists).where(table.c.lead_id == LEADS.c.lead_id) for table, lists in tables]
    then = zip(texts, (table for table, _ in tables), strict=True)
    of_lead = LEADS.c.lead_id == _LEAD_ID
    links = (IS_LINKED, sa.exists(sa.select(LEAD_ALIASES.c.alias_id)))
    return Statements(
        sa.select(
            LEADS.c.created_at,
            LEADS.c.account_id,
            sa.select(STORE.c.sequence).scalar_subquery(),
            *links,
            *(text.scalar_subquery() for text in texts),
        ).where(of_lead),
        sa.select(
            creation_at(SEQUENCE),
            account_of_lead_at(_LEAD_ID, SEQUENCE).scalar_subquery(),
            SEQUENCE,
            *links,
            *(text.where(table.c.sequence <= SEQUENCE).scalar_subquery() for text, table in then),
        ).where(of_lead),
    )


_LEAD: Final = _select(with_interactions=False)
_EVIDENCE: Final = _select(with_interactions=True)
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


class _Found(NamedTuple):
    """A lead as it is stored.

    Attributes:
        lead: with its own rows.
        is_linked: whether it is an alias, or has aliases.
        has_links: whether any id is an alias.
        lists: its interactions, where they are selected.
    """

    lead: StoredLead
    is_linked: bool
    has_links: bool
    lists: str


def _find(
    connection: sa.Connection, statements: Statements, lead_id: str, sequence: int | None
) -> _Found | None:
    """Reads the rows that are stored under an id; None where it is no lead."""
    rows = statements.of(sequence).rows(connection, {"lead_id": lead_id, "sequence": sequence})
    if not rows:
        return None
    created_at, account_id, seen, is_linked, has_links, values, outcomes, *_ = rows[0]
    stored_values = map(StoredValue._make, zip(*from_json(values), strict=True))
    lead = StoredLead(
        lead_id=lead_id,
        created_at=created_at,
        account_id=account_id,
        values=sorted(stored_values, key=attrgetter("available_at")),
        outcomes=list(map(OutcomeInput._make, zip(*from_json(outcomes), strict=True))),
        sequence=seen,
    )
    return _Found(lead, bool(is_linked), bool(has_links), rows[0][-1])


def _linked(
    connection: sa.Connection, found: _Found | None, lead_id: str, sequence: int | None
) -> LinkedIds | None:
    """Reads what is linked to an id; None for a lead without aliases."""
    return read_linked(connection, [lead_id], sequence=sequence) if found is None or found.is_linked else None


def _found_as(
    connection: sa.Connection, linked: LinkedIds, lead_id: str, as_of: int | None, sequence: int | None
) -> _Found | None:
    """Reads the lead that an id stands for at a moment, else the lead of that id."""
    return _find(connection, _EVIDENCE, linked.lead_of(lead_id, as_of) or lead_id, sequence)


def _is_empty(value: StoredValue, *, types: Mapping[str, AttributeType], rule: TextRule) -> bool:
    """Tells whether a table of the value would have a missing cell."""
    type_ = types.get(value.attribute)
    return is_missing(value.text, rule) or (type_ is not None and not is_of_type(value.text, type_, rule))
