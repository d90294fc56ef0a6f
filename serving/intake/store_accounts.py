"""Of which account a lead was at which transaction: what a replay has to know, and whom a change concerns."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from features.sources.service_tables import LEADS
from serving.database.receipt import Receipt
from serving.database.schema import ACCOUNT_CHANGES


def note_account(
    connection: sa.Connection, receipt: Receipt, *, lead_id: str, account_id: str | None
) -> None:
    """Notes that a lead is of an account from this transaction on; the last one in a transaction counts."""
    change = {"lead_id": lead_id, "sequence": receipt.sequence}
    connection.execute(sa.delete(ACCOUNT_CHANGES).filter_by(**change))
    connection.execute(sa.insert(ACCOUNT_CHANGES), {**change, "account_id": account_id})


def touch_account(connection: sa.Connection, receipt: Receipt, lead_id: str) -> None:
    """Notes the other leads of an account once more: their scores change when one of its leads goes."""
    account = sa.select(LEADS.c.account_id).where(LEADS.c.lead_id == lead_id).scalar_subquery()
    others = sa.select(LEADS.c.lead_id, LEADS.c.account_id).where(
        LEADS.c.account_id == account, LEADS.c.lead_id != lead_id
    )
    for other, account_id in connection.execute(others).all():
        note_account(connection, receipt, lead_id=other, account_id=account_id)


def account_of_lead_at(lead_id: sa.BindParameter[str], sequence: sa.BindParameter[int]) -> sa.Select[str]:
    """Selects the account that a lead was of when this transaction was committed."""
    changes = ACCOUNT_CHANGES.c
    those = sa.select(changes.account_id).where(changes.lead_id == lead_id, changes.sequence <= sequence)
    return those.order_by(changes.sequence.desc()).limit(1)


def leads_of_account_at(account_id: sa.BindParameter[str], sequence: sa.BindParameter[int]) -> sa.Select[str]:
    """Selects the leads that were of an account when this transaction was committed."""
    then, later = ACCOUNT_CHANGES.c, ACCOUNT_CHANGES.alias("later").c
    is_replaced = sa.exists().where(
        later.lead_id == then.lead_id, later.sequence > then.sequence, later.sequence <= sequence
    )
    return sa.select(then.lead_id).where(
        then.account_id == account_id, then.sequence <= sequence, ~is_replaced
    )


def with_their_accounts(connection: sa.Connection, lead_ids: Sequence[str]) -> list[str]:
    """Finds the leads of all accounts that some leads are or were of, and those that are kept of them."""
    themselves = sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id.in_(lead_ids))
    accounts = sa.select(ACCOUNT_CHANGES.c.account_id).where(ACCOUNT_CHANGES.c.lead_id.in_(lead_ids))
    others = sa.select(LEADS.c.lead_id).where(LEADS.c.account_id.in_(accounts))
    return sorted({*connection.scalars(themselves), *connection.scalars(others)})
