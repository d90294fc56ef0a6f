"""Dates that came without a time of day: all of them fall on midnight."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import Bools, Ints, LeadHistory
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR

# Fewer fall on midnight for other reasons; the rest of the share are rows corrected by hand.
_COUNT_AT_LEAST: Final = 50
_SHARE: Final = 0.95
# Midnight of a place with summer time is one of two hours of UTC; either has at least this share.
_SHARE_OF_EITHER: Final = 0.1


def check_dates(history: LeadHistory, findings: Findings) -> None:
    """Reports columns, and kinds of interactions, whose times are dates.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    closed_at = history.outcomes.occurred_at[history.outcomes.occurred_at < NEVER_US]
    for table, column, moments in (
        ("leads", "created_at", history.created_at),
        ("outcomes", "occurred_at", closed_at),
    ):
        _report(moments, findings, table=table, column=column)
    interactions = history.interactions
    if _report(interactions.occurred_at, findings, table="interactions", column="occurred_at"):
        return
    for code, kind in enumerate(interactions.kind.values):
        moments = interactions.occurred_at[interactions.kind.codes == code]
        _report(moments, findings, table="interactions", column="occurred_at", where=f" for {kind}")


def _report(moments: Ints, findings: Findings, *, table: str, column: str, where: str = "") -> bool:
    at_midnight = _is_midnight(moments)
    count = int(at_midnight.sum())
    if len(moments) < _COUNT_AT_LEAST or count < _SHARE * len(moments):
        return False
    share = percent(count, len(moments))
    findings.add("D045", table=table, column=column, count=len(moments), where=where, share=share)
    return True


def _is_midnight(moments: Ints) -> Bools:
    """(n,) whether moments are midnight: of UTC, or of a place whose two midnights in UTC both occur.

    One and the same full hour other than midnight may be that of an appointment.
    """
    time_of_day = moments % US_PER_DAY
    if not len(moments) or (time_of_day == 0).mean() >= _SHARE:
        return np.asarray(time_of_day == 0)
    is_full = time_of_day % US_PER_HOUR == 0
    hours = np.bincount(time_of_day[is_full] // US_PER_HOUR, minlength=24)
    winter = int(np.argmax(hours + np.roll(hours, -1)))
    pair = hours[[winter, (winter + 1) % 24]]
    if pair.min() < _SHARE_OF_EITHER * len(moments):
        return np.asarray(time_of_day == 0)
    hour = time_of_day // US_PER_HOUR
    return np.asarray(is_full & ((hour == winter) | (hour == (winter + 1) % 24)))
