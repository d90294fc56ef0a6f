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
from features.sources.service_tables import INTERACTIONS, LEAD_ALIASES, LEADS
from features.times import NEVER_US
from serving.database.statements import CompiledStatement, ListsOf
from serving.intake.creations import creation_at
from serving.intake.leads import leads_of_account_at
from serving.store.linked_rows import ids_of_leads, rows_of_ids

SEQUENCE: Final[sa.BindParameter[int]] = sa.bindparam("sequence", type_=sa.BigInteger)
_KNOWN: Final = InteractionInputs._fields.index("available_at")
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
_UNTIL: Final[sa.BindParameter[int]] = sa.bindparam("until", type_=sa.BigInteger)
# More rows than any table has, and a transaction after all others: without a limit.
_ALL: Final = 2**62
IS_LINKED: Final = sa.or_(
    *(sa.exists().where(LEAD_ALIASES.c[name] == LEADS.c.lead_id) for name in ("alias_id", "lead_id"))
)


def _of_leads(created_at: sa.ColumnElement[int]) -> sa.Select[Any]:
    """Selects the interactions of leads as those of an account: `features.history.known.known_of_account`.

    Rows that occur after a moment are not known then; the index of a lead leads past them.
    """
    own = INTERACTIONS.c
    known = sa.case((own.available_at < created_at, created_at), else_=own.available_at)
    columns = interaction_columns(known.label("known")).clauses
    rows = sa.select(*columns).join_from(LEADS, INTERACTIONS, LEADS.c.lead_id == own.lead_id)
    return rows.where(own.occurred_at <= _UNTIL, known <= _UNTIL)


def _of_account(*, is_ordered: bool, has_linked: bool) -> Statements:
    """Selects rows of an account that are known by a moment, up to a number: any, or those known first.

    Args:
        is_ordered: those known first.
        has_linked: whether leads that are linked with others are among its leads; without them otherwise.
    """
    selected = [
        _of_leads(LEADS.c.created_at).where(LEADS.c.account_id == _ACCOUNT_ID),
        _of_leads(creation_at(SEQUENCE)).where(
            LEADS.c.lead_id.in_(leads_of_account_at(_ACCOUNT_ID, SEQUENCE)),
            INTERACTIONS.c.sequence <= SEQUENCE,
        ),
    ]
    if not has_linked:
        selected = [own.where(~IS_LINKED) for own in selected]
    if is_ordered:
        selected = [own.order_by(sa.text("known")) for own in selected]
    some = [own.limit(_MOST).subquery() for own in selected]
    now, then = (sa.select(ListsOf(*own.columns)) for own in some)
    return Statements(now, then)


# By whether the rows are ordered, and whether linked leads are among those of the account.
_OF_ACCOUNT: Final = {
    (is_ordered, has_linked): _of_account(is_ordered=is_ordered, has_linked=has_linked)
    for is_ordered in (False, True)
    for has_linked in (False, True)
}
_LINKED_LEADS: Final = Statements(
    sa.select(LEADS.c.lead_id).where(LEADS.c.account_id == _ACCOUNT_ID, IS_LINKED),
    sa.select(LEADS.c.lead_id).where(
        LEADS.c.lead_id.in_(leads_of_account_at(_ACCOUNT_ID, SEQUENCE)), IS_LINKED
    ),
)


class AccountBound(NamedTuple):
    """How many rows of an account are read.

    Attributes:
        limit: known interactions above which an account has no features; None: no limit.
        as_of: the last moment of a score, microseconds UTC.
        has_past: whether there are others before it.
        settings: of the model: rows without a kind do not count, and machine-made ones need not.
    """

    limit: int | None
    as_of: int
    has_past: bool
    settings: HistorySettings

    def allows(self, rows: InteractionInputs) -> bool:
        """Tells whether any rows show what the account has: all of them, or too many known ones."""
        if self.limit is None or len(rows.kind) <= self.limit:
            return True
        return not self.has_past and self.exceeded_by(rows)

    def exceeded_by(self, rows: InteractionInputs) -> bool:
        """Tells whether more of the rows count by the last moment than an account may have."""
        known = is_known(np.array(rows.available_at, np.int64), self.as_of).tolist()
        return self.limit is not None and sum(compress(self._counted(rows), known)) > self.limit

    def _counted(self, rows: InteractionInputs) -> list[bool]:
        """Tells of each row whether it counts, whatever further rows the account has."""
        spellings, rules = self.settings.text_rule.spellings, self.settings.machine_rules
        said = rows.is_automated or repeat(None)
        return [
            kind not in spellings and is_surely_counted(kind, automated, rules)
            for kind, automated in zip(rows.kind, said, strict=False)
        ]


def read_account(
    connection: sa.Connection,
    account_id: str,
    has_links: bool,
    sequence: int | None,
    bound: AccountBound,
    accounts: dict[str, InteractionInputs],
) -> InteractionInputs:
    """Reads the interactions of an account, those under the aliases of its leads among them.

    Of an account beyond the limit, one row more than the limit: enough to tell that it has no features.
    Where they are not known yet at the moment of the score, as many of those that are; with moments before
    it, those known first, which tell of every moment whether more were known than the limit.

    Args:
        connection: in a transaction.
        account_id: the account.
        has_links: whether any id is an alias.
        sequence: number of a transaction; rows written after it are left out. None is the latest state.
        bound: how many rows are read.
        accounts: rows of accounts that were read before, whatever the moment; those that are read are added.
    """
    rows = accounts.get(account_id)
    if rows is not None and bound.allows(rows):
        return rows
    most = _ALL if bound.limit is None else bound.limit + 1
    parameters = {"account_id": account_id, "sequence": sequence, "most": most, "until": NEVER_US}
    since = None
    if has_links:
        leads = [row[0] for row in _LINKED_LEADS.of(sequence).rows(connection, parameters)]
        since = ids_of_leads(connection, leads, sequence=sequence)
    if rows is None:
        rows = accounts[account_id] = _read(connection, since, parameters, is_ordered=False)
        if bound.allows(rows):
            return rows
    while True:
        asked = {**parameters, "most": most, "until": bound.as_of}
        rows = _read(connection, since, asked, is_ordered=bound.has_past)
        if len(rows.kind) < most or bound.exceeded_by(rows):
            return rows
        # Some of the rows do not count.
        most *= 2


def _read(
    connection: sa.Connection,
    since: Mapping[str, int] | None,
    parameters: Mapping[str, Any],
    *,
    is_ordered: bool,
) -> InteractionInputs:
    """Reads rows of an account: of its leads, and of the ids that are linked with some of them."""
    statements, most = _OF_ACCOUNT[is_ordered, since is None], parameters["most"]
    ((lists,),) = statements.of(parameters["sequence"]).rows(connection, parameters)
    rows = InteractionInputs(*from_json(lists))
    if since is None or (not is_ordered and len(rows.kind) >= most):
        return rows
    sequence = _ALL if parameters["sequence"] is None else parameters["sequence"]
    left = most if is_ordered else most - len(rows.kind)
    asked = {**parameters, "sequence": sequence, "most": left}
    linked = rows_of_ids(connection, since, asked, is_ordered=is_ordered)
    columns: list[list[Any]] = [[*own, *others] for own, others in zip(rows, linked, strict=True)]
    if not is_ordered or len(columns[0]) <= most:
        return InteractionInputs(*columns)
    first = np.argsort(columns[_KNOWN], kind="stable")[:most].tolist()
    # Source and id are not read: their columns stay empty.
    return InteractionInputs(*([column[row] for row in first if column] for column in columns))
