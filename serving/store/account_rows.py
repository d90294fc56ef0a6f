"""Reads the interactions of an account, and no more of them than a model reads."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress, repeat
from typing import Any, Final, NamedTuple

import numpy as np
import sqlalchemy as sa
from pydantic_core import from_json

from features.history.known import is_known
from features.history.lead_history import DIRECTIONS
from features.history.machine_made import is_surely_counted
from features.history.settings import HistorySettings
from features.inputs.interaction_inputs import InteractionInputs
from features.sources.service_tables import INTERACTIONS, LEADS
from serving.database.statements import CompiledStatement, ListsOf
from serving.intake.creations import creation_at
from serving.intake.leads import leads_of_account_at
from serving.intake.linked_ids import read_linked
from serving.store.joined_rows import joined_interactions

SEQUENCE: Final[sa.BindParameter[int]] = sa.bindparam("sequence", type_=sa.BigInteger)
_ACCOUNT_ID: Final[sa.BindParameter[str]] = sa.bindparam("account_id")


class Statements:
    """Selects all rows, or those written up to a transaction."""

    def __init__(self, now: sa.Select[Any], then: sa.Select[Any]) -> None:
        self._now, self._then = CompiledStatement(now), CompiledStatement(then)

    def of(self, sequence: int | None) -> CompiledStatement:
        """Gives the statement for a state of the database; None is the latest."""
        return self._now if sequence is None else self._then


def interaction_columns(available_at: sa.ColumnElement[int]) -> ListsOf:
    """Gives the columns of `InteractionInputs`, without source and id: the store holds each once."""
    own = INTERACTIONS.c
    direction = sa.case(DIRECTIONS, value=own.direction)
    return ListsOf(
        *(own.kind, own.occurred_at, available_at, direction),
        *(own.channel, own.campaign, own.value, own.is_automated),
    )


_MOST: Final[sa.BindParameter[int]] = sa.bindparam("most", type_=sa.BigInteger)
# More rows than any table has: without a limit.
_ALL: Final = 2**62


def _of_leads(created_at: sa.ColumnElement[int]) -> sa.Select[Any]:
    """Selects the interactions of leads as those of an account: `features.history.known.known_of_account`."""
    available_at = INTERACTIONS.c.available_at
    known = sa.case((available_at < created_at, created_at), else_=available_at)
    joined = LEADS.c.lead_id == INTERACTIONS.c.lead_id
    columns = interaction_columns(known.label("known")).clauses
    return sa.select(*columns).join_from(LEADS, INTERACTIONS, joined)


def _of_account(*, is_ordered: bool) -> Statements:
    """Selects rows of an account, as many as the parameter `most` says: any, or those known first."""
    selected = (
        _of_leads(LEADS.c.created_at).where(LEADS.c.account_id == _ACCOUNT_ID),
        _of_leads(creation_at(SEQUENCE)).where(
            LEADS.c.lead_id.in_(leads_of_account_at(_ACCOUNT_ID, SEQUENCE)),
            INTERACTIONS.c.sequence <= SEQUENCE,
        ),
    )
    ordered = (own.order_by(sa.text("known")) if is_ordered else own for own in selected)
    some = (own.limit(_MOST).subquery() for own in ordered)
    now, then = (sa.select(ListsOf(*own.columns)) for own in some)
    return Statements(now, then)


_OF_ACCOUNT: Final = _of_account(is_ordered=False)
_FIRST_OF_ACCOUNT: Final = _of_account(is_ordered=True)
_LEADS_OF_ACCOUNT: Final = Statements(
    sa.select(LEADS.c.lead_id).where(LEADS.c.account_id == _ACCOUNT_ID),
    leads_of_account_at(_ACCOUNT_ID, SEQUENCE),
)


class AccountBound(NamedTuple):
    """How many rows of an account are read.

    Attributes:
        limit: known interactions above which an account has no features; None: no limit.
        as_of: the only moment of a score, microseconds UTC; None: there are others before it.
        settings: of the model: rows without a kind do not count, and machine-made ones need not.
    """

    limit: int | None
    as_of: int | None
    settings: HistorySettings

    def cuts(self, rows: InteractionInputs) -> bool:
        """Tells whether these are not all rows of the account."""
        return self.limit is not None and len(rows.kind) > self.limit

    def allows(self, rows: InteractionInputs) -> bool:
        """Tells whether rows show what the account has at the moment: all of them, or too many known ones."""
        if self.limit is None or not self.cuts(rows):
            return True
        if self.as_of is None:
            return False
        known = is_known(np.array(rows.available_at, np.int64), self.as_of).tolist()
        return sum(compress(self.counted(rows), known)) > self.limit

    def counted(self, rows: InteractionInputs) -> list[bool]:
        """Tells of each row whether it counts, whatever further rows the account has."""
        spellings, rules = self.settings.text_rule.spellings, self.settings.machine_rules
        said = rows.is_automated or repeat(None)
        return [
            kind not in spellings and is_surely_counted(kind, automated, rules)
            for kind, automated in zip(rows.kind, said, strict=False)
        ]


def read_account(
    connection: sa.Connection, account_id: str, has_links: bool, sequence: int | None, bound: AccountBound
) -> InteractionInputs:
    """Reads the interactions of an account.

    Of an account beyond the limit, one row more than the limit: enough to tell that it has no features.

    Args:
        connection: in a transaction.
        account_id: the account.
        has_links: whether any id is an alias.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
        bound: how many rows are read.
    """
    most = _ALL if bound.limit is None else bound.limit + 1
    parameters = {"account_id": account_id, "sequence": sequence, "most": most}
    rows = _rows_of_account(connection, _OF_ACCOUNT, parameters)
    if bound.cuts(rows) and bound.allows(rows):
        return rows
    if has_links:
        leads = [row[0] for row in _LEADS_OF_ACCOUNT.of(sequence).rows(connection, parameters)]
        linked = read_linked(connection, leads, sequence=sequence)
        if linked is not None:
            return joined_interactions(connection, linked, leads, sequence=sequence, since=True)
    if not bound.cuts(rows):
        return rows
    # The rows known first tell of every moment whether more were known than the limit.
    rows = _rows_of_account(connection, _FIRST_OF_ACCOUNT, parameters)
    if all(bound.counted(rows)):
        return rows
    return _rows_of_account(connection, _OF_ACCOUNT, {**parameters, "most": _ALL})


def _rows_of_account(
    connection: sa.Connection, statements: Statements, parameters: Mapping[str, Any]
) -> InteractionInputs:
    ((lists,),) = statements.of(parameters["sequence"]).rows(connection, parameters)
    return InteractionInputs(*from_json(lists))
