"""How many messages wait for each hook, and how many were taken or given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from features.times import format_time
from serving.database.schema import ALERT_HOOKS, ALERTS
from serving.scoring.json_rows import JsonObject

_OWN: Final = ALERTS.c
_MOST_LISTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class HookCounts:
    """The messages of one hook.

    Attributes:
        hook: its name.
        pending: messages that wait to be taken.
        given_up: messages that were not taken in time.
        delivered: messages that were taken, ever.
        oldest_pending: when the oldest of those that wait was found, microseconds UTC; None where none waits.
        delivered_at: when the last one was taken, microseconds UTC; None where none ever was.
    """

    hook: str
    pending: int = 0
    given_up: int = 0
    delivered: int = 0
    oldest_pending: int | None = None
    delivered_at: int | None = None


def read_counts(connection: sa.Connection) -> list[HookCounts]:
    """Counts the messages of all hooks that ever had one."""
    is_pending = _OWN.next_at.is_not(None)
    counted = sa.select(
        _OWN.hook,
        sa.func.count(_OWN.next_at),
        sa.func.count() - sa.func.count(_OWN.next_at),
        sa.func.min(sa.case((is_pending, _OWN.found_at))),
    ).group_by(_OWN.hook)
    waiting = {hook: tuple(rest) for hook, *rest in connection.execute(counted)}
    taken = {row.hook: row for row in connection.execute(sa.select(ALERT_HOOKS))}
    counts = []
    for hook in sorted({*waiting, *taken}):
        pending, given_up, oldest = waiting.get(hook, (0, 0, None))
        own = taken.get(hook)
        delivered, at = (0, None) if own is None else (own.delivered, own.delivered_at)
        counts.append(HookCounts(hook, pending, given_up, delivered, oldest, at))
    return counts


def hook_objects(connection: sa.Connection) -> list[JsonObject]:
    """Writes the counts of all hooks as JSON objects, with why the last message that waits was not taken."""
    return [
        {
            "hook": counts.hook,
            "pending": counts.pending,
            "given_up": counts.given_up,
            "delivered": counts.delivered,
            "oldest_pending_at": _time(counts.oldest_pending),
            "delivered_at": _time(counts.delivered_at),
            "fault": _last_fault(connection, counts.hook) if counts.pending or counts.given_up else None,
        }
        for counts in read_counts(connection)
    ]


def total_object(counts: Sequence[HookCounts]) -> JsonObject:
    """Writes the sums over all hooks as a JSON object."""
    return {
        "pending": sum(own.pending for own in counts),
        "given_up": sum(own.given_up for own in counts),
    }


def list_alerts(connection: sa.Connection, *, hook: str | None, given_up_only: bool) -> list[JsonObject]:
    """Lists messages that were not taken, the oldest first, without what they say.

    Args:
        connection: in a transaction.
        hook: only its messages; None: of all.
        given_up_only: leaves out those that are still sent.
    """
    names = ("alert_id", "hook", "kind", "lead_id", "attempts", "fault", "found_at", "next_at")
    rows = sa.select(*(_OWN[name] for name in names)).order_by(_OWN.found_at, _OWN.alert_id, _OWN.hook)
    rows = rows if hook is None else rows.where(_OWN.hook == hook)
    rows = rows.where(_OWN.next_at.is_(None)) if given_up_only else rows
    return [_listed(dict(row)) for row in connection.execute(rows.limit(_MOST_LISTED)).mappings()]


def _listed(row: dict[str, Any]) -> JsonObject:
    next_at = row["next_at"]
    return {
        **row,
        "state": "given up" if next_at is None else "pending",
        "found_at": format_time(row["found_at"]),
        "next_at": _time(next_at),
    }


def _last_fault(connection: sa.Connection, hook: str) -> str | None:
    failed = sa.select(_OWN.fault).where(_OWN.hook == hook, _OWN.fault.is_not(None))
    # What waits for longest is tried last; what was given up has no time.
    return connection.scalar(failed.order_by(_OWN.next_at.desc().nulls_last()).limit(1))


def _time(moment: int | None) -> str | None:
    return None if moment is None else format_time(moment)
