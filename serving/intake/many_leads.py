"""Stores many leads, each as `PUT /v1/leads/{id}` stores one, with a verdict per lead."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from serving.bodies.intake_bodies import LeadItem, read_lead_item
from serving.database.writer import Receipt
from serving.errors import InvalidBodyError, LeadErasedError
from serving.intake.items import ERASED_LEAD, Verdict
from serving.intake.leads import merge_lead


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
    return [
        _add(connection, receipt, item, salt=salt, backfill=backfill)
        if isinstance(item, LeadItem)
        else Verdict("refused", faults=tuple(item))
        for item in read
    ]


def _add(
    connection: sa.Connection, receipt: Receipt, item: LeadItem, *, salt: bytes, backfill: bool
) -> Verdict:
    try:
        merged = merge_lead(
            connection, receipt, salt=salt, lead_id=item.lead_id, body=item, backfill=backfill
        )
    except LeadErasedError:
        return Verdict("refused", faults=(ERASED_LEAD,))
    except InvalidBodyError as error:
        return Verdict("refused", faults=tuple(error.faults))
    return Verdict("stored" if merged.is_new or merged.has_moved or merged.changed else "duplicate")
