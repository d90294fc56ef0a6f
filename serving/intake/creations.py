"""Corrections of when leads were created: the latest holds at every moment, the earlier ones for replays.

A correction says when the lead really was created, so that it counts for moments before it came, too, as it
does wherever the table of leads is read. Only a replay of a score that was given before has the creation of
then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from features.sources.service_tables import LEADS
from serving.database.engine import insert_into
from serving.database.schema import CREATION_CORRECTIONS
from serving.database.statements import CompiledLookUp
from serving.database.writer import Receipt

_REPLACED: Final = CompiledLookUp(
    sa.select(*(CREATION_CORRECTIONS.c[name] for name in ("sequence", "lead_id", "created_at"))),
    CREATION_CORRECTIONS.c.lead_id,
)


def correct_creation(
    connection: sa.Connection, receipt: Receipt, *, lead_id: str, stored: int, sent: int
) -> None:
    """Stores another creation of a lead, and keeps the one that held until now.

    Args:
        connection: in a transaction that writes.
        receipt: of the transaction.
        lead_id: the lead.
        stored: its creation, microseconds UTC.
        sent: what is said now.
    """
    row = {"lead_id": lead_id, "sequence": receipt.sequence, "created_at": stored, "available_at": receipt.at}
    # Of several in one transaction the first replaced what others have seen.
    keep_first = insert_into(connection.dialect.name, CREATION_CORRECTIONS).on_conflict_do_nothing()
    connection.execute(keep_first, row)
    connection.execute(sa.update(LEADS).where(LEADS.c.lead_id == lead_id).values(created_at=sent))


def creation_at(sequence: sa.BindParameter[int]) -> sa.ColumnElement[int]:
    """Selects the creation that a row of the leads had after a transaction."""
    own = CREATION_CORRECTIONS.c
    replaced = sa.select(own.created_at).where(own.lead_id == LEADS.c.lead_id, own.sequence > sequence)
    return sa.func.coalesce(
        replaced.order_by(own.sequence).limit(1).correlate(LEADS).scalar_subquery(), LEADS.c.created_at
    )


def creations_at(connection: sa.Connection, ids: Sequence[str], *, sequence: int) -> dict[str, int]:
    """Reads the creations of those of some leads that were corrected after a transaction, as they were."""
    rows: list[tuple[Any, ...]] = sorted(_REPLACED.rows(connection, ids), reverse=True)
    return {lead_id: created_at for written, lead_id, created_at in rows if written > sequence}
