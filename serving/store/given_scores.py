"""The table of the scores that were given: what became of the leads is compared with them later.

The night adds its scores. A service without one adds the current scores of the open leads once a day, and
`leadodds load` when it has scored all.
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from features.times import US_PER_DAY
from serving.database.engine import insert_into
from serving.database.score_tables import CURRENT_SCORES, SCORES, SCORES_HISTORY
from serving.database.writer import Receipt
from serving.store.store import Store

# Rows of one transaction where all are added at once: each transaction waits for the disk.
_ROWS: Final = 5_000


def add_written(connection: sa.Connection, sequence: int) -> None:
    """Adds the scores of open leads that the night wrote in this transaction."""
    _add(connection, SCORES, SCORES.c.written == sequence)


def add_current(store: Store) -> None:
    """Adds the current scores of all open leads."""
    lead_id: str | None = ""
    while lead_id is not None:
        lead_id = add_some(store, lead_id, rows=_ROWS)


def add_some(store: Store, after: str, *, rows: int) -> str | None:
    """Adds the current scores of some open leads, in one transaction.

    Args:
        store: of the leads.
        after: the leads after this one in their order.
        rows: number of leads.

    Returns:
        The last of these leads; None where they are the last of all.
    """

    def job(connection: sa.Connection, _: Receipt) -> str | None:
        current = CURRENT_SCORES.c
        some = sa.select(current.lead_id).where(current.lead_id > after).order_by(current.lead_id).limit(rows)
        ids = list(connection.scalars(some))
        if ids:
            _add(connection, CURRENT_SCORES, current.lead_id > after, current.lead_id <= ids[-1])
        return ids[-1] if len(ids) == rows else None

    return store.write(job).result()


def is_due(connection: sa.Connection, now: int) -> bool:
    """Tells whether no score was added for a day."""
    newest = connection.scalar(sa.select(sa.func.max(SCORES_HISTORY.c.scored_at)))
    return newest is None or newest <= now - US_PER_DAY


def _add(connection: sa.Connection, table: sa.Table, *which: sa.ColumnElement[bool]) -> None:
    names = SCORES_HISTORY.c.keys()
    found = sa.select(*(table.c[name] for name in names)).where(table.c.probability.is_not(None), *which)
    statement: Any = insert_into(connection.dialect.name, SCORES_HISTORY).from_select(names, found)
    key = list(SCORES_HISTORY.primary_key)
    others = {name: statement.excluded[name] for name in names if name not in {column.key for column in key}}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=others))
