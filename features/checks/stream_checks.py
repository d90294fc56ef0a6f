"""Lost tracking: a kind that stops, or a table that ends or thins out before `observed_until`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from features.checks.shares import day_of
from features.findings.problems import Findings
from features.history.extent import mass_begin, mass_end
from features.history.known import counting_conversions
from features.history.lead_history import Ints, LeadHistory
from features.times import US_PER_DAY

# Kinds and tables with fewer rows have no steady pace and are not checked.
_COUNT_AT_LEAST: Final = 100
# The last four weeks of a kind give its pace; at that pace at least this many rows must be missing. Twenty
# are missing by chance once in 500 million cases.
_PACE_DAYS: Final = 28
_MISSING_AT_LEAST: Final = 20
# Minimum ratio of a silence to the longest pause before it: campaigns and fairs come in bursts.
_PAUSES: Final = 3.0
_KIND_SILENCE_DAYS: Final = 7.0
# Two weeks: holidays and nightly exports are shorter.
_WINDOW_DAYS: Final = 14
_WINDOWS: Final = 6
# Two months: no holiday or hand-over between systems lasts so long.
_DRY_DAYS: Final = 60
# Below a quarter of the usual number, and half of the least of the last three months: no season falls so far.
_OF_USUAL, _OF_LEAST = 0.25, 0.5


def check_streams(history: LeadHistory, findings: Findings) -> None:
    """Reports kinds that vanished, and tables that end or thin out.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    times = {"leads": _mass(history.created_at), "interactions": _mass(history.interactions.occurred_at)}
    outcomes = _mass(history.outcomes.occurred_at)
    if len(outcomes) >= _COUNT_AT_LEAST and _has_ended(outcomes, history.observed_until):
        fault = _fault(outcomes, history.observed_until)
        findings.add("D043", table="outcomes", column="occurred_at", fault=fault)
    for table, moments in times.items():
        if len(moments) >= _COUNT_AT_LEAST and (fault := _fault(moments, history.observed_until)):
            column = "created_at" if table == "leads" else "occurred_at"
            findings.add("D043", table=table, column=column, fault=fault)
    if len(times["interactions"]):
        ends = int(times["leads"][-1]), int(times["interactions"][-1])
        _check_kinds(history, findings, last_creation=ends[0], end=ends[1])


def _mass(moments: Ints) -> Ints:
    """Sorts the moments without those that stand alone: one late row would hide that a table ended."""
    begin, end = mass_begin([moments]), mass_end([moments])
    if begin is None or end is None:
        return moments
    return np.sort(moments[(moments >= begin) & (moments <= end)])


def active_until(history: LeadHistory) -> int:
    """Finds the end of the time in which outcomes were recorded and leads came or were worked on.

    Args:
        history: rows known only after its `observed_until` do not count.

    Returns:
        Microseconds UTC: `observed_until`, unless the conversions, or all rows together, ended long before.
    """
    until = history.observed_until
    conversions = history.outcomes.occurred_at[counting_conversions(history.outcomes, until)]
    everything = np.concatenate((history.created_at, history.interactions.occurred_at, conversions))
    rows = (_mass(moments[moments <= until]) for moments in (conversions, everything))
    since = until - _DRY_DAYS * US_PER_DAY
    ends = [
        int(moments[-1])
        for moments in rows
        if len(moments) >= _COUNT_AT_LEAST and moments[-1] <= since and _has_ended(moments, until)
    ]
    return min([until, *ends])


def _has_ended(moments: Ints, until: int) -> bool:
    """Tells whether the silence since the last of (n,) moments, rising, is longer than any pause before."""
    silence, pause = until - int(moments[-1]), int(np.diff(moments).max())
    return silence >= max(_WINDOW_DAYS * US_PER_DAY, _PAUSES * pause)


def _fault(moments: Ints, until: int) -> str:
    """Describes how a table ends or thins out; empty where it does not.

    Args:
        moments: (n,) microseconds UTC, rising.
        until: last instant for which outcomes are complete.
    """
    if _has_ended(moments, until):
        silence = until - int(moments[-1])
        return f"ends on {day_of(int(moments[-1]))}, {silence / US_PER_DAY:.0f} days before observed_until"
    edges = until - np.arange(_WINDOWS + 1, -1, -1) * _WINDOW_DAYS * US_PER_DAY
    if moments[0] > edges[0]:
        return ""
    *earlier, last = np.diff(np.searchsorted(moments, edges, side="right")).tolist()
    usual = float(np.median(earlier))
    if usual >= _MISSING_AT_LEAST and last < _OF_USUAL * usual and last < _OF_LEAST * min(earlier):
        return (
            f"thins out: {last} rows in the last {_WINDOW_DAYS} days before observed_until, "
            f"usually {usual:.0f} in as many"
        )
    return ""


def _check_kinds(history: LeadHistory, findings: Findings, *, last_creation: int, end: int) -> None:
    for kind, moments in _by_kind(history):
        silence, last = end - int(moments[-1]), int(moments[-1])
        pause = int(np.diff(moments).max())
        pace = np.searchsorted(moments, last - _PACE_DAYS * US_PER_DAY) - len(moments)
        missing = -pace / (_PACE_DAYS * US_PER_DAY) * silence
        # A kind that occurs at creations ends with them: the table leads reports that.
        is_of_creation = last >= last_creation - pause
        is_silent = silence >= max(_KIND_SILENCE_DAYS * US_PER_DAY, _PAUSES * pause)
        if is_silent and missing >= _MISSING_AT_LEAST and not is_of_creation:
            findings.add(
                "D042",
                table="interactions",
                column="kind",
                count=len(moments),
                kind=kind,
                day=day_of(last),
                days=f"{silence / US_PER_DAY:.0f}",
                silence=f"{pause / US_PER_DAY:.1f}",
            )


def _by_kind(history: LeadHistory) -> Iterator[tuple[str, Ints]]:
    """Gives the moments of each frequent kind, rising."""
    kind, occurred_at = history.interactions.kind, history.interactions.occurred_at
    order = np.lexsort((occurred_at, kind.codes))
    counts = np.bincount(kind.codes, minlength=len(kind.values))
    parts = np.split(occurred_at[order], np.cumsum(counts)[:-1])
    for name, moments in zip(kind.values, parts, strict=True):
        if len(moments) >= _COUNT_AT_LEAST:
            yield name, _mass(moments)
