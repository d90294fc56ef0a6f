"""Times in a wrong zone, and dates without a time of day.

A group (a kind by one channel, creations, outcomes) has a wrong zone if it is busy in the night of the rest.
No zone is assumed: night is the six hours in which the history is least active, in Sydney as in Lisbon. A
history that is shifted as a whole cannot be recognised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.times import US_PER_DAY, US_PER_HOUR

# A group with fewer rows is not checked: its hours are mostly chance.
_COUNT_AT_LEAST: Final = 200
# Night of the history: six hours, which must hold at most this share of the usual activity.
_NIGHT_HOURS: Final = 6
_REST_SHARE: Final = 0.08
# A shifted group has its peak at night, and a third of its rows there; an even spread would put a quarter
# there.
_NIGHT_SHARE: Final = 1 / 3
# A job that runs at a fixed hour is not a shifted group.
_ONE_HOUR_SHARE: Final = 0.35
# The usual activity is the median over the groups, which needs at least three.
_GROUPS_AT_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class _Group:
    """Rows of one kind and channel, or of one column, and (24,) their number by hour, UTC."""

    name: str
    table: str
    column: str
    hours: Ints

    @property
    def shares(self) -> Floats:
        """Shares by hour, (24,), summing to one."""
        return np.asarray(self.hours / self.hours.sum())


def check_nights(history: LeadHistory, findings: Findings) -> None:
    """Reports groups (a kind by one channel, creations, outcomes) that peak in the night of the others.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    groups = [group for group in _groups(history) if group.hours.sum() >= _COUNT_AT_LEAST]
    # Dates without hours and jobs at one hour say nothing about the hours in which people are active.
    groups = [group for group in groups if group.shares.max() < _ONE_HOUR_SHARE]
    if len(groups) < _GROUPS_AT_LEAST:
        return
    usual = np.median([group.shares for group in groups], axis=0)
    usual /= usual.sum()
    night = _quietest(usual)
    rest = float(usual[night].sum())
    for group in groups if rest <= _REST_SHARE else ():
        peak = int(np.argmax(_smooth(group.shares)))
        at_night = float(group.shares[night].sum())
        if peak in night and at_night >= _NIGHT_SHARE:
            findings.add(
                "D044",
                table=group.table,
                column=group.column,
                count=int(group.hours.sum()),
                group=group.name,
                hour=str(peak),
                share=percent(at_night),
                rest=percent(rest),
            )


def _groups(history: LeadHistory) -> Iterator[_Group]:
    closed_at = history.outcomes.occurred_at
    yield _Group("The creation of leads", "leads", "created_at", _hours(history.created_at))
    yield _Group("The end of leads", "outcomes", "occurred_at", _hours(closed_at))
    interactions = history.interactions
    kinds, channels = interactions.kind.values, (*interactions.channel.values, None)
    # The code -1 of a missing channel becomes the last channel.
    group = interactions.kind.codes.astype(np.int64) * len(channels) + interactions.channel.codes % len(
        channels
    )
    cell = group * 24 + interactions.occurred_at // US_PER_HOUR % 24
    hours = np.bincount(cell, minlength=len(kinds) * len(channels) * 24).reshape(-1, 24)
    for number in np.flatnonzero(hours.any(axis=1)):
        kind, channel = kinds[number // len(channels)], channels[number % len(channels)]
        name = f"The kind {kind}" if channel is None else f"The kind {kind} by {channel}"
        yield _Group(name, "interactions", "occurred_at", hours[number])


def _hours(moments: Ints) -> Ints:
    return np.bincount(moments // US_PER_HOUR % 24, minlength=24).astype(np.int64)


def _quietest(shares: Floats) -> list[int]:
    """Finds the night: the consecutive hours with the least share."""
    sums = [shares.take(range(start, start + _NIGHT_HOURS), mode="wrap").sum() for start in range(24)]
    start = int(np.argmin(sums))
    return [(start + hour) % 24 for hour in range(_NIGHT_HOURS)]


def _smooth(shares: Floats) -> Floats:
    """Averages each hour with its neighbours, around the clock."""
    return np.asarray((np.roll(shares, 1) + shares + np.roll(shares, -1)) / 3)


# Minimum number of rows, and minimum share of them at midnight; the others may have been corrected by hand.
_DATES_AT_LEAST: Final = 50
_SHARE: Final = 0.95
# With summer time, local midnight is one of two hours in UTC; each must have at least this share.
_SHARE_OF_EITHER: Final = 0.1


def check_dates(history: LeadHistory, findings: Findings) -> None:
    """Reports columns, and kinds of interactions, whose times are dates.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    closed_at = history.outcomes.occurred_at
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
    if len(moments) < _DATES_AT_LEAST or count < _SHARE * len(moments):
        return False
    share = percent(count, len(moments))
    findings.add("D045", table=table, column=column, count=len(moments), where=where, share=share)
    return True


def _is_midnight(moments: Ints) -> Bools:
    """Tells (n,) whether moments are midnight: in UTC, or in a zone with summer time (both midnights occur).

    A single full hour other than midnight is not counted: it may be the hour of an appointment.
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
