"""The messages that wait for their hooks, in the database: added once, gone when taken, or given up.

A hook has up to `MOST_PENDING` of them waiting: what comes beyond is given up at once, and listed as such. Of
those that were given up the newest `MOST_GIVEN_UP` of each hook are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from features.times import US_PER_SECOND
from serving.alerts.config import Kind
from serving.clock import new_id
from serving.database.schema import ALERT_HOOKS, ALERTS
from serving.database.statements import insert_rows
from serving.scoring.json_rows import JsonObject

MOST_PENDING: Final = 50_000
MOST_GIVEN_UP: Final = 50_000
_FULL: Final = "too many others waited for this hook"
_EXPIRED: Final = "it was not taken in time"
_OWN: Final = ALERTS.c
_IS_PENDING: Final = _OWN.next_at.is_not(None)


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert for some hooks.

    Attributes:
        kind: of the alert.
        lead_id: that it is about; None for a verdict.
        event: what it says.
        hooks: names of those that are sent it.
    """

    kind: Kind
    lead_id: str | None
    event: JsonObject
    hooks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an attempt ended.

    Attributes:
        hook: that it was sent to.
        alert_id: of the message.
        fault: why it was not taken; None where it was.
        wait_seconds: until the next attempt.
    """

    hook: str
    alert_id: str
    fault: str | None = None
    wait_seconds: float = 0.0


def add_alerts(connection: sa.Connection, alerts: Sequence[NewAlert], *, now: int, expires_at: int) -> None:
    """Adds alerts, each with one id for all its hooks."""
    if not alerts:
        return
    hooks = {hook for alert in alerts for hook in alert.hooks}
    left = {hook: MOST_PENDING - _pending(connection, hook) for hook in hooks}
    rows = []
    for alert in alerts:
        alert_id, event = f"alert_{new_id()}", to_json(alert.event).decode()
        for hook in alert.hooks:
            left[hook] -= 1
            is_full = left[hook] < 0
            rows.append(
                {
                    "hook": hook,
                    "alert_id": alert_id,
                    "kind": alert.kind,
                    "lead_id": alert.lead_id,
                    "event": event,
                    "found_at": now,
                    "expires_at": expires_at,
                    "attempts": 0,
                    "next_at": None if is_full else now,
                    "fault": _FULL if is_full else None,
                }
            )
    insert_rows(connection, ALERTS, rows)


def due_alert(connection: sa.Connection, hook: str, *, now: int, but: Sequence[str] = ()) -> Any | None:
    """Reads the message of a hook that is due for longest; None where none is.

    Args:
        connection: in a transaction.
        hook: its name.
        now: microseconds UTC.
        but: ids that are left out.
    """
    due = sa.select(_OWN.alert_id, _OWN.event, _OWN.attempts).where(_OWN.hook == hook, _OWN.next_at <= now)
    due = due.where(_OWN.alert_id.not_in(but)) if but else due
    return connection.execute(due.order_by(_OWN.next_at, _OWN.alert_id).limit(1)).first()


def note_deliveries(connection: sa.Connection, deliveries: Sequence[Delivery], *, now: int) -> None:
    """Removes the messages that were taken, and notes when the others are sent again."""
    for delivery in deliveries:
        is_it = (_OWN.hook == delivery.hook) & (_OWN.alert_id == delivery.alert_id)
        if delivery.fault is None:
            if connection.execute(sa.delete(ALERTS).where(is_it)).rowcount:
                _count_delivered(connection, delivery.hook, now)
            continue
        next_at = now + round(delivery.wait_seconds * US_PER_SECOND)
        said = {"attempts": _OWN.attempts + 1, "fault": delivery.fault, "next_at": next_at}
        connection.execute(sa.update(ALERTS).where(is_it, _IS_PENDING).values(said))


def give_up(connection: sa.Connection, *, now: int) -> dict[str, int]:
    """Gives up what was not taken in its time, whether its hook is still configured or not.

    Returns:
        How many messages, by hook.
    """
    old = sa.update(ALERTS).where(_IS_PENDING, _OWN.expires_at <= now)
    fault = sa.func.coalesce(_OWN.fault, _EXPIRED)
    given_up = connection.execute(old.values(next_at=None, fault=fault).returning(_OWN.hook)).scalars().all()
    _delete_oldest(connection)
    return {hook: given_up.count(hook) for hook in sorted({*given_up})}


def retry_alerts(
    connection: sa.Connection, *, now: int, expires_at: int, hook: str | None, alert_id: str | None
) -> int:
    """Sends what was given up anew, with the ids that it had; returns how many messages.

    Args:
        connection: in a transaction that writes.
        now: microseconds UTC.
        expires_at: when they are given up again.
        hook: only its messages; None: of all.
        alert_id: only this one; None: all.
    """
    again = sa.update(ALERTS).where(_OWN.next_at.is_(None))
    again = again if hook is None else again.where(_OWN.hook == hook)
    again = again if alert_id is None else again.where(_OWN.alert_id == alert_id)
    return connection.execute(again.values(next_at=now, expires_at=expires_at, attempts=0)).rowcount


def _delete_oldest(connection: sa.Connection) -> None:
    """Deletes what is too much of what was given up, so that a hook that is gone fills no disk."""
    count = sa.func.count()
    counted = sa.select(_OWN.hook, count).where(_OWN.next_at.is_(None)).group_by(_OWN.hook)
    for hook, kept in connection.execute(counted.having(count > MOST_GIVEN_UP)).all():
        is_given_up = (_OWN.hook == hook) & _OWN.next_at.is_(None)
        oldest = sa.select(_OWN.alert_id).where(is_given_up).order_by(_OWN.found_at, _OWN.alert_id)
        surplus = oldest.limit(kept - MOST_GIVEN_UP)
        connection.execute(sa.delete(ALERTS).where(is_given_up, _OWN.alert_id.in_(surplus)))


def _pending(connection: sa.Connection, hook: str) -> int:
    waiting = sa.select(sa.func.count()).select_from(ALERTS).where(_OWN.hook == hook, _IS_PENDING)
    return connection.scalar(waiting) or 0


def _count_delivered(connection: sa.Connection, hook: str, now: int) -> None:
    own = ALERT_HOOKS.c
    count = sa.update(ALERT_HOOKS).where(own.hook == hook)
    if not connection.execute(count.values(delivered=own.delivered + 1, delivered_at=now)).rowcount:
        connection.execute(sa.insert(ALERT_HOOKS).values(hook=hook, delivered=1, delivered_at=now))
