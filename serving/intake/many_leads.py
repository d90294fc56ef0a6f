"""Stores many leads, each as `PUT /v1/leads/{id}` stores one, with a verdict per lead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from serving.bodies.intake_items import ChangedLeadItem, LeadItem, read_changed_lead, read_lead_item
from serving.database.writer import Receipt
from serving.errors import Fault, InvalidBodyError, LeadErasedError, LeadUnknownError
from serving.intake.items import ERASED_LEAD, Verdict
from serving.intake.leads import merge_lead

UNKNOWN: Final = Fault("/lead_id", "lead_unknown", "The lead is not stored yet.")


def add_leads(
    connection: sa.Connection, receipt: Receipt, *, salt: bytes, items: Sequence[object], backfill: bool
) -> list[Verdict]:
    """Creates leads, or merges new attributes into them.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        items: as they were sent.
        backfill: whether the attributes of leads that are not stored are known from their creation on.

    Returns:
        A verdict per item, in their order: a duplicate changes nothing.
    """
    read = [read_lead_item(item) for item in items]
    return [_add(connection, receipt, item, salt=salt, backfill=backfill) for item in read]


def change_leads(
    connection: sa.Connection, receipt: Receipt, *, salt: bytes, items: Sequence[tuple[object, int]]
) -> list[Verdict]:
    """Creates leads, or changes stored ones, as a CRM wrote them: what is stored and newer stays.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        salt: of the hashes of erased ids.
        items: each as `add_leads` takes it, or without `created_at` to change a lead that is stored, with
            the moment at which the CRM wrote it, microseconds UTC.

    Returns:
        A verdict per item, in their order: `UNKNOWN` where the lead is not stored.
    """
    return [
        _add(connection, receipt, read_changed_lead(item), salt=salt, occurred_at=at) for item, at in items
    ]


def _add(
    connection: sa.Connection,
    receipt: Receipt,
    item: LeadItem | ChangedLeadItem | list[Fault],
    *,
    salt: bytes,
    backfill: bool = False,
    occurred_at: int | None = None,
) -> Verdict:
    if isinstance(item, list):
        return Verdict("refused", faults=tuple(item))
    try:
        merged = merge_lead(
            connection,
            receipt,
            salt=salt,
            lead_id=item.lead_id,
            body=item,
            backfill=backfill,
            occurred_at=occurred_at,
        )
    except LeadErasedError:
        return Verdict("refused", faults=(ERASED_LEAD,))
    except LeadUnknownError:
        return Verdict("refused", faults=(UNKNOWN,))
    except InvalidBodyError as error:
        return Verdict("refused", faults=tuple(error.faults))
    return Verdict("stored" if merged.is_new or merged.has_moved or merged.changed else "duplicate")
