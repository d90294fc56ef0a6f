"""Checks of cohorts by creation time: few conversions, a base rate that jumps, a day with many leads."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.checks.shares import day_of, percent
from features.findings.codes import CONVERSIONS_NEEDED
from features.findings.problems import Findings
from features.history.extent import creations_begin
from features.history.known import is_known
from features.history.lead_history import CONVERTED, OPEN, Bools, Floats, Ints, LeadHistory
from features.history.outcomes import one_of_each
from features.times import US_PER_DAY

# A challenger is compared on this many conversions (`training.promotion.gate`).
_CONVERSIONS_ENOUGH: Final = 200
_PACE_DAYS: Final = 90

# Weeks compared on either side of a jump: seasons are compared, not single odd weeks.
_WEEKS, _WEEKS_OF_SHORT = 12, 4
_LONG_HISTORY_DAYS: Final = 180
# 1970-01-01 was a Thursday: weeks begin three days earlier.
_MONDAY_US: Final = -3 * US_PER_DAY
_WEEK_US: Final = 7 * US_PER_DAY
# Half or double: a larger change than the level shift of a model corrects.
_JUMP_RATIO: Final = 2.0
# Standard errors between two shares: chance gives 5 once in 1.7 million comparisons.
_JUMP_Z: Final = 5.0
_CONVERSIONS_EXPECTED: Final = 10

# Minimum share of all leads that are created on one day.
_DAY_SHARE: Final = 0.1
# Minimum ratio to the usual day: in a history of ten days every day has a tenth of the leads.
_DAY_TIMES: Final = 5.0
_LEADS_AT_LEAST: Final = 100


def check_cohorts(history: LeadHistory, findings: Findings, *, horizon_days: float) -> None:
    """Reports few conversions, a base rate that jumps, and days with a tenth of all leads or outcomes.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
        horizon_days: horizon of the conversion rate.
    """
    _check_conversions(history, findings)
    _check_rate(history, findings, round(horizon_days * US_PER_DAY))
    _check_days(history, findings)
    _check_days_of_outcomes(history, findings)


def _check_conversions(history: LeadHistory, findings: Findings) -> None:
    outcomes = one_of_each(history.outcomes)
    converted = outcomes.outcome == CONVERTED
    count = int(converted.sum())
    if not CONVERSIONS_NEEDED <= count < _CONVERSIONS_ENOUGH:
        return
    since = history.observed_until - _PACE_DAYS * US_PER_DAY
    lately = int((converted & (outcomes.occurred_at > since)).sum())
    days = min(_PACE_DAYS, (history.observed_until - creations_begin(history)) / US_PER_DAY)
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
    """Reports the week boundary at which the rate changes most; only one, as its neighbours show it too."""
    created = history.created_at
    # Conversions known within the horizon: a delay in reporting then lowers every cohort alike.
    outcomes = one_of_each(history.outcomes)
    converted = is_known(outcomes.available_at, created + horizon_us)
    converted &= outcomes.outcome == CONVERTED
    is_mature = (created >= creations_begin(history)) & (created + horizon_us <= history.observed_until)
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
    """Sums the weeks before and after each boundary: (2, boundaries)."""
    sums = np.convolve(per_week, np.ones(weeks), mode="valid")
    return np.stack((sums[:-weeks], sums[weeks:]))


def _strongest(leads: Floats, conversions: Floats) -> int | None:
    """Finds the boundary at which the two rates differ most; None where they differ too little.

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


def _check_days_of_outcomes(history: LeadHistory, findings: Findings) -> None:
    """Reports days of a bulk update, by when outcomes occurred and, where it differs, became known."""
    outcomes = one_of_each(history.outcomes)
    is_closed = outcomes.outcome != OPEN
    closed = int(is_closed.sum())
    if closed < _LEADS_AT_LEAST:
        return
    seen: set[int] = set()
    for column, moments in (("occurred_at", outcomes.occurred_at), ("available_at", outcomes.available_at)):
        days, counts = np.unique(moments[is_closed] // US_PER_DAY, return_counts=True)
        for day, count in zip(days.tolist(), counts.tolist(), strict=True):
            others = counts[days != day]
            usual = float(np.median(others)) if len(others) else 0.0
            if day in seen or count < _DAY_SHARE * closed or count < _DAY_TIMES * usual:
                continue
            seen.add(day)
            times = f", {count / usual:.0f} times as many as on a usual day" if usual else ""
            findings.add(
                "D084",
                table="outcomes",
                column=column,
                count=count,
                ids=_ids(history, is_closed & (moments // US_PER_DAY == day)),
                day=day_of(day * US_PER_DAY),
                share=percent(count, closed),
                times=times,
            )


def _ids(history: LeadHistory, is_concerned: Bools) -> list[str]:
    return [str(lead_id) for lead_id in history.lead_ids.take(np.flatnonzero(is_concerned)).to_pylist()]
