"""Deletes what is older than its time, a few rows at once, so that nothing grows for ever.

Leads, interactions and outcomes stay until they are erased: they are the history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa

from features.sources.service_tables import ATTRIBUTE_CHANGES, LEADS
from features.times import US_PER_DAY
from serving.clock import Clock, id_of_moment
from serving.database.schema import ACCOUNT_CHANGES, ALERTS, HOOK_BODIES, IDENTIFY_MESSAGES, QUARANTINE, STORE
from serving.database.score_tables import AUDIT, CURRENT_SCORES, SCORE_KEY, SCORES, SCORES_HISTORY
from serving.database.writer import Receipt
from serving.intake.hook_bodies import drop_bodies
from serving.store.store import Store

# Rows of one transaction: the server's own writer waits for no longer than these take.
_ROWS: Final = 500
_LEADS: Final = 500
_Delete = Callable[[sa.Connection, int], int]


@dataclass(frozen=True, slots=True)
class KeptDays:
    """How long rows are kept, in days; 0 is for ever.

    Attributes:
        audit: records of the scores that were given, for replays.
        night_scores: scores of the nightly job.
        scores_history: scores that were given.
        quarantine: items in quarantine.
        changes: values of attributes after another took their place; with them go the accounts that no
            recorded score needs any more.
        alerts: that no hook took.
        hooks: raw bodies of web hooks that were mapped; those that were not, as long as the quarantine.
        messages: ids of identify messages; one that comes again later is judged by its time alone.
    """

    audit: float
    night_scores: float
    scores_history: float
    quarantine: float
    changes: float
    alerts: float
    hooks: float
    messages: float


class Retention:
    """Deletes in steps; one process of a service does it for all."""

    def __init__(self, store: Store, kept: KeptDays, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        rules = (
            (kept.audit, delete_audit),
            (kept.night_scores, partial(delete_scores, table=SCORES)),
            (kept.scores_history, partial(delete_scores, table=SCORES_HISTORY)),
            (kept.quarantine, delete_quarantine),
            (kept.alerts, delete_alerts),
            (kept.hooks, partial(delete_hook_bodies, statuses=("mapped",))),
            (kept.quarantine, partial(delete_hook_bodies, statuses=("early", "quarantined"))),
            (kept.messages, delete_messages),
        )
        self._rules: list[tuple[float, _Delete]] = [(days, delete) for days, delete in rules if days]
        self._changes_days = kept.changes
        # The lead up to which the changes were looked at, and the transaction from which on all are needed.
        self._lead_id = ""
        self._needed_from = 0
        self._is_swept = not kept.changes

    def step(self) -> bool:
        """Deletes some rows; returns whether there may be more."""
        if not self._store.is_leader():
            return False
        for days, delete in self._rules:
            if self._write(days, delete) == _ROWS:
                return True
        if not self._is_swept:
            if not self._lead_id:
                self._needed_from = self._store.read(first_needed)
            delete_some = partial(delete_changes, after=self._lead_id, needed_from=self._needed_from)
            self._lead_id = self._write(self._changes_days, delete_some)
            self._is_swept = not self._lead_id
        return not self._is_swept

    def begin(self) -> None:
        """Looks at all changes of attributes once more, as is due every day."""
        self._is_swept = not self._changes_days

    def _write(self, days: float, delete: Callable[[sa.Connection, int], Any]) -> Any:
        before = self._clock() - round(days * US_PER_DAY)

        def job(connection: sa.Connection, _: Receipt) -> Any:
            return delete(connection, before)

        return self._store.write(job).result()


def delete_audit(connection: sa.Connection, before: int) -> int:
    """Deletes the oldest records of scores, whose ids sort by time; returns how many."""
    old = sa.select(AUDIT.c.score_id).where(AUDIT.c.score_id < id_of_moment(before))
    some = old.order_by(AUDIT.c.score_id).limit(_ROWS)
    return connection.execute(sa.delete(AUDIT).where(AUDIT.c.score_id.in_(some))).rowcount


def delete_scores(connection: sa.Connection, before: int, *, table: sa.Table) -> int:
    """Deletes the oldest scores of a table of nights; returns how many."""
    key = [table.c[name] for name in SCORE_KEY]
    some = sa.select(*key).where(table.c.scored_at < before).order_by(table.c.scored_at).limit(_ROWS)
    return connection.execute(sa.delete(table).where(sa.tuple_(*key).in_(some))).rowcount


def delete_quarantine(connection: sa.Connection, before: int) -> int:
    """Deletes the oldest items in quarantine; returns how many."""
    own = QUARANTINE.c
    some = sa.select(own.key).where(own.received_at < before).order_by(own.received_at).limit(_ROWS)
    return connection.execute(sa.delete(QUARANTINE).where(own.key.in_(some))).rowcount


def delete_alerts(connection: sa.Connection, before: int) -> int:
    """Deletes the oldest alerts that no hook took; returns how many."""
    own = ALERTS.c
    key = sa.select(own.hook, own.alert_id).where(own.found_at < before).order_by(own.found_at).limit(_ROWS)
    return connection.execute(sa.delete(ALERTS).where(sa.tuple_(own.hook, own.alert_id).in_(key))).rowcount


def delete_hook_bodies(connection: sa.Connection, before: int, *, statuses: Sequence[str]) -> int:
    """Deletes the oldest raw bodies of hooks of some statuses; returns how many."""
    own = HOOK_BODIES.c
    old = sa.select(own.key).where(own.status.in_(statuses), own.received_at < before)
    keys = [bytes(key) for key in connection.scalars(old.order_by(own.received_at).limit(_ROWS))]
    drop_bodies(connection, keys)
    return len(keys)


def delete_messages(connection: sa.Connection, before: int) -> int:
    """Deletes the oldest ids of identify messages; returns how many."""
    own = IDENTIFY_MESSAGES.c
    some = sa.select(own.message_id).where(own.received_at < before).order_by(own.received_at).limit(_ROWS)
    return connection.execute(sa.delete(IDENTIFY_MESSAGES).where(own.message_id.in_(some))).rowcount


def first_needed(connection: sa.Connection) -> int:
    """Finds the first transaction whose state a recorded or current score may be computed from again."""
    # Records sort by time, and so do the transactions that they name but for those of the same moment.
    oldest = sa.select(AUDIT.c.sequence).order_by(AUDIT.c.score_id).limit(_ROWS).subquery()
    found: tuple[int | None, ...] = (
        connection.scalar(sa.select(sa.func.min(oldest.c.sequence))),
        connection.scalar(sa.select(sa.func.min(CURRENT_SCORES.c.sequence))),
        connection.scalar(sa.select(STORE.c.sequence)),
    )
    return min(sequence for sequence in found if sequence is not None)


def delete_changes(connection: sa.Connection, before: int, *, after: str, needed_from: int) -> str:
    """Deletes values of attributes that others had replaced before a moment, and accounts, of some leads.

    The value of the moment itself stays, and all later ones: what was known since then does not change.

    Args:
        connection: in a transaction that writes.
        before: microseconds UTC.
        after: the leads after this one in their order.
        needed_from: the first transaction whose accounts are needed: of each lead the one of then stays, and
            all later ones.

    Returns:
        The last of these leads; empty where they are the last of all.
    """
    some = sa.select(LEADS.c.lead_id).where(LEADS.c.lead_id > after).order_by(LEADS.c.lead_id).limit(_LEADS)
    ids = list(connection.scalars(some))
    old, later = ATTRIBUTE_CHANGES.c, ATTRIBUTE_CHANGES.alias("later").c
    is_replaced = sa.exists().where(
        later.lead_id == old.lead_id,
        later.attribute == old.attribute,
        later.available_at > old.available_at,
        later.available_at <= before,
    )
    connection.execute(sa.delete(ATTRIBUTE_CHANGES).where(old.lead_id.in_(ids), is_replaced))
    account, next_account = ACCOUNT_CHANGES.c, ACCOUNT_CHANGES.alias("next_account").c
    has_left = sa.exists().where(
        next_account.lead_id == account.lead_id,
        next_account.sequence > account.sequence,
        next_account.sequence <= needed_from,
    )
    connection.execute(sa.delete(ACCOUNT_CHANGES).where(account.lead_id.in_(ids), has_left))
    return ids[-1] if len(ids) == _LEADS else ""
