"""Who was created when, and how many of them converted: too few, a rate that jumps, a day of many leads."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.checks.shares import day_of, percent
from features.findings.codes import CONVERSIONS_NEEDED
from features.findings.problems import Findings
from features.history.known import is_known
from features.history.lead_history import CONVERTED, Bools, Floats, Ints, LeadHistory
from features.times import US_PER_DAY

# A challenger is compared on this many conversions (`training.promotion.gate`).
_CONVERSIONS_ENOUGH: Final = 200
_PACE_DAYS: Final = 90

# Weeks on either side of a jump: a season stands against a season, not one odd week against another.
_WEEKS, _WEEKS_OF_SHORT = 12, 4
_LONG_HISTORY_DAYS: Final = 180
# 1970-01-01 was a Thursday: weeks begin three days earlier.
_MONDAY_US: Final = -3 * US_PER_DAY
_WEEK_US: Final = 7 * US_PER_DAY
# Half or double: what a level shift learnt from past origins no longer makes good.
_JUMP_RATIO: Final = 2.0
# Standard errors between two shares: chance alone gives 5 once in 1.7 million comparisons.
_JUMP_Z: Final = 5.0
_CONVERSIONS_EXPECTED: Final = 10

# The share that the issue of imports is told for: a tenth of all leads in one day.
_DAY_SHARE: Final = 0.1
# A short history has a tenth of its leads on every day: the day must stand out from the usual one, too.
_DAY_TIMES: Final = 5.0
_LEADS_AT_LEAST: Final = 100


def check_cohorts(history: LeadHistory, findings: Findings, *, horizon_days: float) -> None:
    """Reports few conversions, a base rate that jumps, and a day that created a tenth of the leads.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
        horizon_days: of the conversions whose rate is looked at.
    """
    _check_conversions(history, findings)
    _check_rate(history, findings, round(horizon_days * US_PER_DAY))
    _check_days(history, findings)


def _check_conversions(history: LeadHistory, findings: Findings) -> None:
    converted = history.outcomes.outcome == CONVERTED
    count = int(converted.sum())
    if not CONVERSIONS_NEEDED <= count < _CONVERSIONS_ENOUGH:
        return
    since = history.observed_until - _PACE_DAYS * US_PER_DAY
    lately = int((converted & (history.outcomes.occurred_at > since)).sum())
    days = min(_PACE_DAYS, (history.observed_until - int(history.created_at.min())) / US_PER_DAY)
    missing = _CONVERSIONS_ENOUGH - count
    pace = f", about {missing * days / lately:.0f} days at the present pace" if lately else ""
    findings.add(
        "D039",
        table="outcomes",
        count=count,
        missing=str(missing),
        enough=str(_CONVERSIONS_ENOUGH),
        pace=pace,
    )


def _check_rate(history: LeadHistory, findings: Findings, horizon_us: int) -> None:
    """Looks for the moment at which the rate changes most; one, since a jump is seen from beside it too."""
    created = history.created_at
    # Known within the horizon, not happened: so a delay in reporting lowers every cohort alike.
    converted = is_known(history.outcomes.available_at, created + horizon_us)
    converted &= history.outcomes.outcome == CONVERTED
    is_mature = created + horizon_us <= history.observed_until
    week = (created[is_mature] - _MONDAY_US) // _WEEK_US
    if not len(week):
        return
    first = int(week.min())
    is_long = (int(week.max()) - first) * _WEEK_US >= _LONG_HISTORY_DAYS * US_PER_DAY
    weeks = _WEEKS if is_long else _WEEKS_OF_SHORT
    leads, won = (np.bincount(week - first, weights) for weights in (None, converted[is_mature]))
    if len(leads) < 2 * weeks:
        return
    leads_around, won_around = _around(leads, weeks), _around(won, weeks)
    jump = _strongest(leads_around, won_around)
    if jump is None:
        return
    earlier, later = (percent(*pair) for pair in zip(won_around[:, jump], leads_around[:, jump], strict=True))
    findings.add(
        "D040",
        table="leads",
        column="created_at",
        count=int(leads_around[:, jump].sum()),
        weeks=str(weeks),
        day=day_of(_MONDAY_US + (first + jump + weeks) * _WEEK_US),
        earlier=earlier,
        later=later,
        horizon=f"{horizon_us / US_PER_DAY:g}",
    )


def _around(per_week: Floats | Ints, weeks: int) -> Floats:
    """Sums so many weeks before and from each boundary on: (2, boundaries)."""
    sums = np.convolve(per_week, np.ones(weeks), mode="valid")
    return np.stack((sums[:-weeks], sums[weeks:]))


def _strongest(leads: Floats, conversions: Floats) -> int | None:
    """Finds the boundary at which two shares differ most, None where none differs enough.

    Source: pooled two-proportion z test.
    """
    pooled = conversions.sum(axis=0) / np.maximum(leads.sum(axis=0), 1)
    is_enough = (leads * pooled).min(axis=0) >= _CONVERSIONS_EXPECTED
    rate = conversions / np.maximum(leads, 1)
    variance = pooled * (1 - pooled) * (1 / np.maximum(leads, 1)).sum(axis=0)
    z = np.abs(rate[1] - rate[0]) / np.sqrt(np.where(variance > 0, variance, np.inf))
    is_jump = is_enough & (z >= _JUMP_Z) & (rate.max(axis=0) >= _JUMP_RATIO * rate.min(axis=0))
    return int(np.argmax(np.where(is_jump, z, 0))) if is_jump.any() else None


def _check_days(history: LeadHistory, findings: Findings) -> None:
    if history.leads_count < _LEADS_AT_LEAST:
        return
    days, counts = np.unique(history.created_at // US_PER_DAY, return_counts=True)
    usual = float(np.median(counts))
    for day, count in zip(days, counts, strict=True):
        if count >= _DAY_SHARE * history.leads_count and count >= _DAY_TIMES * usual:
            findings.add(
                "D046",
                table="leads",
                column="created_at",
                count=int(count),
                ids=_ids(history, history.created_at // US_PER_DAY == day),
                day=day_of(int(day) * US_PER_DAY),
                share=percent(int(count), history.leads_count),
                times=f"{count / usual:.0f}",
            )


def _ids(history: LeadHistory, chosen: Bools) -> list[str]:
    return [str(each) for each in history.lead_ids.take(np.flatnonzero(chosen)).to_pylist()]
