"""Times in another zone than they say: a kind, a channel or a column that is busy while all else rests.

No zone is assumed: night is the six hours in which the history itself rests, so that a company in Sydney is
judged as fairly as one in Lisbon. A history that is shifted as a whole cannot be told from an honest one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import Bools, Floats, Ints, LeadHistory
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR

# Below this many the hours of a group are chance.
_COUNT_AT_LEAST: Final = 200
# Night of the history: six hours, in which the other groups do at most this share of what they do.
_NIGHT_HOURS: Final = 6
_REST_SHARE: Final = 0.08
# A day at night has its peak there, and a third of all; spread evenly over 24 hours, six have a quarter.
_NIGHT_SHARE: Final = 1 / 3
# A job that runs at a fixed hour is no day that was shifted.
_ONE_HOUR_SHARE: Final = 0.35
# What the others do is the median over them, which takes more than two.
_GROUPS_AT_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class _Group:
    """What is done together, and (24,) how often at each hour, UTC."""

    name: str
    table: str
    column: str
    hours: Ints

    @property
    def shares(self) -> Floats:
        """(24,) summing to one."""
        return np.asarray(self.hours / self.hours.sum())


def check_nights(history: LeadHistory, findings: Findings) -> None:
    """Reports groups (a kind by one channel, creations, outcomes) that peak while the others rest.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    groups = [group for group in _groups(history) if group.hours.sum() >= _COUNT_AT_LEAST]
    # Times without hours (dates), and jobs at one hour, tell nothing of when people are awake.
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
    closed_at = history.outcomes.occurred_at[history.outcomes.occurred_at < NEVER_US]
    yield _Group("The creation of leads", "leads", "created_at", _hours(history.created_at))
    yield _Group("The end of leads", "outcomes", "occurred_at", _hours(closed_at))
    interactions = history.interactions
    kinds, channels = interactions.kind.values, (*interactions.channel.values, None)
    # A missing channel has the code -1: the last.
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
    """Finds the hours of the night: those next to each other with the least share."""
    sums = [shares.take(range(start, start + _NIGHT_HOURS), mode="wrap").sum() for start in range(24)]
    start = int(np.argmin(sums))
    return [(start + hour) % 24 for hour in range(_NIGHT_HOURS)]


def _smooth(shares: Floats) -> Floats:
    """Averages each hour with its neighbours, around the clock."""
    return np.asarray((np.roll(shares, 1) + shares + np.roll(shares, -1)) / 3)


# Fewer fall on midnight for other reasons; the rest of the share are rows corrected by hand.
_DATES_AT_LEAST: Final = 50
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
    if len(moments) < _DATES_AT_LEAST or count < _SHARE * len(moments):
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
