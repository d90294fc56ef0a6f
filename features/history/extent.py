"""Where the rows of a history begin and end as a mass: no single row decides either.

A planned meeting, a broken clock or a sentinel (9999-12-31, 1900-01-01) stands alone in time. A row that
stands alone is left out of estimates; features keep it, because a request has no neighbours to compare with.

Rule: the outermost 0.1 % of rows, at least three, do not count where more than 7 days separate them from the
rest. From a thousand rows on, no row counts that lies more than 18 hours beyond the row that has 0.01 % of
all, at least three, beyond it: changing that many moves the end by at most a day. Where rows are too rare for
18 hours, four times the time that as many rows take bounds instead, up to the 7 days, which always bound the
beginning: businesses begin slowly. Below a thousand rows the separation must also be three times the longest
pause of the rest; below nine rows every row counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from features.history.lead_history import Ints, LeadHistory
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR

_ODD_ROWS: Final = 3
_ODD_SHARE: Final = 0.001
_CHANGED_SHARE: Final = 0.0001
APART_US: Final = 7 * US_PER_DAY
_NEAR_US: Final = 18 * US_PER_HOUR
_NEAR_TIMES: Final = 4
_PAUSES: Final = 3
# Fewer rows than this have pauses too long for hours.
_MANY_ROWS: Final = 1_000
# Three odd rows at either side leave three as the mass.
_FEW_ROWS: Final = 3 * _ODD_ROWS
# Interactions alone do not show that outcomes are complete.
_BEYOND_OUTCOMES_US: Final = 14 * US_PER_DAY


def observed_end(history: LeadHistory, *, now: int | None = None) -> int:
    """Finds where the rows of all tables end as a mass, by when they became known.

    Args:
        history: as read.
        now: microseconds UTC; rows known after it do not count. None: there is no such bound.

    Returns:
        Microseconds UTC, at most `now`; interactions and changes carry it at most 14 days beyond the last
        creation or outcome, except in a history of fewer than nine rows. 0 for a history without leads.
    """
    outcomes = history.outcomes.available_at
    closing = [history.created_at, outcomes[outcomes < NEVER_US]]
    following = [history.interactions.available_at]
    following += [
        attribute.changes.available_at
        for attribute in history.attributes.values()
        if attribute.changes is not None
    ]
    if now is not None:
        closing, following = _until(closing, now), _until(following, now)
    end = mass_end(closing)
    if end is None:
        return now if now is not None and history.leads_count else 0
    if sum(map(len, (*closing, *following))) >= _FEW_ROWS:
        closing, following = _until(closing, end), _until(following, end + _BEYOND_OUTCOMES_US)
    return mass_end([*closing, *following]) or end


def creations_begin(history: LeadHistory) -> int:
    """Finds where the creations of leads begin as a mass; `observed_until` for a history without leads."""
    begin = mass_begin([history.created_at])
    return history.observed_until if begin is None else begin


def mass_begin(columns: Sequence[Ints]) -> int | None:
    """Finds where rows begin as a mass; see `mass_end`."""
    end = _mass_end([-column for column in columns], near_us=APART_US)
    return None if end is None else -end


def mass_end(columns: Sequence[Ints]) -> int | None:
    """Finds where rows end as a mass.

    Args:
        columns: moments of the rows in microseconds UTC, in any order.

    Returns:
        The moment of one of the rows; None where there are none.

    >>> hours = np.arange(2_000) * US_PER_HOUR
    >>> mass_end([hours]) // US_PER_HOUR, mass_end([hours, np.array([NEVER_US])]) // US_PER_HOUR
    (1999, 1999)
    """
    return _mass_end(columns, near_us=_NEAR_US)


def _mass_end(columns: Sequence[Ints], *, near_us: int) -> int | None:
    count = sum(map(len, columns))
    if not count:
        return None
    odd = max(_ODD_ROWS, int(count * _ODD_SHARE))
    if count < _FEW_ROWS:
        return int(max(column.max() for column in columns if len(column)))
    if count < _MANY_ROWS:
        moments = np.sort(np.concatenate(columns))
        pause = int(np.diff(moments[odd:-odd]).max())
        return int(_before_gap(moments, odd, max(APART_US, _PAUSES * pause))[-1])
    moments = _before_gap(_last(columns, 3 * odd + 1), odd, APART_US)
    changed = max(_ODD_ROWS, int(np.ceil(count * _CHANGED_SHARE)))
    mass, before = int(moments[-changed - 1]), int(moments[-2 * changed - 1])
    near = min(APART_US, max(near_us, _NEAR_TIMES * (mass - before)))
    return int(moments[moments - mass <= near][-1])


def _before_gap(moments: Ints, odd: int, apart_us: int) -> Ints:
    """Leaves out the last rows, at most `odd`, that a gap longer than `apart_us` separates from the rest."""
    last = moments[-odd - 1 :]
    gaps = np.flatnonzero(last[1:] - last[:-1] > apart_us)
    return moments[: len(moments) - odd + gaps[0]] if len(gaps) else moments


def _last(columns: Sequence[Ints], count: int) -> Ints:
    """Gives the latest moments of all columns, rising."""
    latest = [
        np.partition(column, len(column) - count)[-count:] if len(column) > count else column
        for column in columns
    ]
    return np.sort(np.concatenate(latest))[-count:]


def _until(columns: Sequence[Ints], moment: int) -> list[Ints]:
    return [column[column <= moment] for column in columns]
