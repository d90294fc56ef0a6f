"""Counts what became of every item: received = stored + duplicate + quarantined + refused, for ever.

The counts are written in the transaction that writes the items, so that they hold after a crash too, and over
all processes of a service. What an erasure removes later stays counted. Answers, health and /metrics tell of
these counts, and nothing else counts items.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final, get_args

import sqlalchemy as sa

from serving.database.receipt import Receipt
from serving.database.schema import INGESTION, QUARANTINE
from serving.database.statements import Fixed
from serving.database.upserts import insert_into
from serving.intake.items import ItemStatus, Verdict

RECEIVED: Final = "received"
STATUSES: Final[tuple[ItemStatus, ...]] = get_args(ItemStatus)
ITEMS: Final = ("interactions", "outcomes")

_Write = Callable[[sa.Connection, Receipt], list[Verdict]]


def counted(item: str, write: _Write, items: Sequence[object]) -> _Write:
    """Makes a job that writes items and counts what became of them, both or neither."""

    def run(connection: sa.Connection, receipt: Receipt) -> list[Verdict]:
        verdicts = write(connection, receipt)
        counts = sorted(count_verdicts(verdicts, items).items())
        for status, count in counts:
            if count:
                adding = _adding(connection.dialect.name)
                adding.run(connection, {"item": item, "status": status, "count": count})
        return verdicts

    return run


def count_verdicts(verdicts: Sequence[Verdict], items: Sequence[object]) -> dict[str, int]:
    """Counts what was received, and every status, those that nothing has included."""
    counts = Counter(verdict.status for verdict in verdicts)
    # Received is counted by itself: a verdict that was forgotten would show.
    return {RECEIVED: len(items), **{status: counts[status] for status in STATUSES}}


def read_ingestion(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Reads, for interactions and for outcomes, how many were received and what became of them."""
    told = {item: dict.fromkeys((RECEIVED, *STATUSES), 0) for item in ITEMS}
    for item, status, count in connection.execute(sa.select(*INGESTION.c)):
        told[item][status] = count
    return told


def count_quarantined(connection: sa.Connection) -> dict[str, int]:
    """Counts what lies in quarantine now, by reason."""
    reasons = sa.select(QUARANTINE.c.reason, sa.func.count()).group_by(QUARANTINE.c.reason)
    return {row[0]: row[1] for row in connection.execute(reasons.order_by(QUARANTINE.c.reason))}


@cache
def _adding(dialect: str) -> Fixed:
    statement = insert_into(dialect, INGESTION)
    summed = {"count": INGESTION.c.count + statement.excluded.count}
    return Fixed(statement.on_conflict_do_update(index_elements=list(INGESTION.primary_key), set_=summed))
