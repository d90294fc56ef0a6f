"""Counts received items and what became of them, in the transactions that write them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Final, get_args

import sqlalchemy as sa

from serving.database.engine import insert_into
from serving.database.schema import INGESTION, QUARANTINE
from serving.database.statements import CompiledStatement
from serving.database.writer import Receipt
from serving.intake.items import ItemStatus, Verdict

RECEIVED: Final = "received"
STATUSES: Final[tuple[ItemStatus, ...]] = get_args(ItemStatus)
ITEMS: Final = ("interactions", "outcomes", "aliases")
_ITEMS_AT_ONCE: Final = 100

_Write = Callable[[sa.Connection, Receipt], list[Verdict]]


def counted(item: str, write: _Write, items: Sequence[object]) -> _Write:
    """Makes a job that writes items and adds their verdicts to the counts, both or neither."""

    def run(connection: sa.Connection, receipt: Receipt) -> list[Verdict]:
        verdicts = write(connection, receipt)
        counts = sorted(count_verdicts(verdicts, items).items())
        for status, count in counts:
            if count:
                adding = _adding(connection.dialect.name)
                adding.run(connection, {"item": item, "status": status, "count": count})
        return verdicts

    return run


def parts_of(items: Sequence[object]) -> Iterator[Sequence[object]]:
    """Divides items into parts that are each written in some milliseconds; no items are one empty part."""
    for start in range(0, max(len(items), 1), _ITEMS_AT_ONCE):
        yield items[start : start + _ITEMS_AT_ONCE]


def counted_parts(item: str, write: Callable[..., list[Verdict]], items: Sequence[object]) -> list[_Write]:
    """Makes the jobs of `counted` for parts of the items; `write` takes those of a part as `items`."""
    return [counted(item, partial(write, items=part), part) for part in parts_of(items)]


def count_verdicts(verdicts: Sequence[Verdict], items: Sequence[object]) -> dict[str, int]:
    """Counts the received items and those of each status, zeros included."""
    counts = Counter(verdict.status for verdict in verdicts)
    # Received items are counted by themselves, so that a missing verdict would show.
    return {RECEIVED: len(items), **{status: counts[status] for status in STATUSES}}


def read_ingestion(connection: sa.Connection) -> dict[str, dict[str, int]]:
    """Reads, for interactions, outcomes and aliases, the counts of received items and of each status."""
    counts = {item: dict.fromkeys((RECEIVED, *STATUSES), 0) for item in ITEMS}
    for item, status, count in connection.execute(sa.select(*INGESTION.c)):
        counts[item][status] = count
    return counts


def count_quarantined(connection: sa.Connection) -> dict[str, int]:
    """Counts the items in quarantine by reason."""
    reasons = sa.select(QUARANTINE.c.reason, sa.func.count()).group_by(QUARANTINE.c.reason)
    return {row[0]: row[1] for row in connection.execute(reasons.order_by(QUARANTINE.c.reason))}


@cache
def _adding(dialect: str) -> CompiledStatement:
    statement = insert_into(dialect, INGESTION)
    summed = {"count": INGESTION.c.count + statement.excluded.count}
    return CompiledStatement(
        statement.on_conflict_do_update(index_elements=list(INGESTION.primary_key), set_=summed)
    )
