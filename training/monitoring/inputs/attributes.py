"""Attributes of the last week's new leads against earlier weeks: missing, new and vanished values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import norm

from features.history.known import attribute_values
from features.history.lead_history import Attribute, Floats, LeadHistory
from features.history.personal_data import LEADS_AT_LEAST
from training.monitor_limits import MonitorLimits
from training.monitoring.inputs.interactions import share_interval
from training.monitoring.inputs.weeks import NEW_WEEKS, Weeks
from training.monitoring.verdict import Evidence

_LEAST_WEEKS: Final = 4
_LEAST_LEADS: Final = 30
_LEAST_EXPECTED: Final = 20
# Texts without end are no categories.
_MOST_CATEGORIES: Final = 60


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """One attribute of the new leads of each week, the last week first, as known at the end of the week.

    Attributes:
        name: of the attribute.
        missing_share: (weeks,) part of the new leads without a value; NaN for a week without leads.
        leads: (weeks,) new leads.
        counts: of a category, (weeks,) new leads by value.
        is_absent: whether the history lacks an attribute that the model reads.
    """

    name: str
    missing_share: Floats
    leads: Floats
    counts: Mapping[str, Floats]
    is_absent: bool = False

    def to_json(self) -> dict[str, Any]:
        """Turns the attribute into an object; values are named only where they are new or vanished."""
        shares = [None if np.isnan(share) else round(float(share), 4) for share in self.missing_share]
        return {"attribute": self.name, "missing_share": shares, "is_absent": self.is_absent}


def attribute_facts(
    history: LeadHistory, weeks: Weeks, *, read: frozenset[str] = frozenset()
) -> tuple[AttributeFacts, ...]:
    """Looks at every attribute of the new leads of each week.

    Args:
        history: cut at its end, without aliases.
        weeks: to compare.
        read: attributes that the model reads.
    """
    absent = [
        AttributeFacts(name, np.ones(weeks.count), np.zeros(weeks.count), {}, is_absent=True)
        for name in sorted(read - set(history.attributes))
    ]
    created = weeks.of(history.created_at)
    by_week = [np.flatnonzero(created == week) for week in range(weeks.count)]
    found = [_facts(name, attribute, weeks, by_week) for name, attribute in history.attributes.items()]
    return (*absent, *found)


def _facts(name: str, attribute: Attribute, weeks: Weeks, by_week: list[Any]) -> AttributeFacts:
    values = [attribute_values(attribute, lead, weeks.end(week)) for week, lead in enumerate(by_week)]
    missing = [float(np.isnan(each).mean()) if len(each) else np.nan for each in values]
    counts: dict[str, Floats] = {}
    categories = attribute.categories if attribute.type == "category" else ()
    if categories:
        table = np.stack(
            [
                np.bincount(each[~np.isnan(each)].astype(np.int64), minlength=len(categories))
                for each in values
            ],
            axis=1,
        ).astype(np.float64)
        counts = {value: table[code] for code, value in enumerate(categories) if table[code].any()}
    leads = np.array([len(each) for each in values], dtype=np.float64)
    return AttributeFacts(name, np.array(missing), leads, counts)


def attribute_evidence(
    facts: tuple[AttributeFacts, ...], weeks: Weeks, *, confidence: float, limits: MonitorLimits
) -> Iterator[Evidence]:
    """Compares the values of the last week with the weeks before, attribute by attribute."""
    for each in facts:
        if each.is_absent:
            yield Evidence("missing", 1.0, 1.0, 1.0, most=limits.missing_rise, subject=each.name)
        elif weeks.count > _LEAST_WEEKS and each.leads[0] >= _LEAST_LEADS:
            yield _missing(each, confidence, limits)
            yield from _categories(each, confidence, limits)


def _missing(each: AttributeFacts, confidence: float, limits: MonitorLimits) -> Evidence:
    now, count = float(each.missing_share[0]), float(each.leads[0])
    past = float(np.nansum(each.missing_share[1:] * each.leads[1:]) / max(each.leads[1:].sum(), 1))
    usual = max(past, float(np.nanmax(each.missing_share[1:])) if each.leads[1:].any() else past)
    low, high = share_interval(round(now * count), int(count), confidence)
    half = float(norm.isf((1 - confidence) / 2)) * (past * (1 - past) / max(each.leads[1:].sum(), 1)) ** 0.5
    low, high = min(low - usual, now - past), high - past + half
    return Evidence("missing", now - past, low, high, most=limits.missing_rise, subject=each.name)


def _categories(each: AttributeFacts, confidence: float, limits: MonitorLimits) -> Iterator[Evidence]:
    if len(each.counts) > _MOST_CATEGORIES:
        return
    total = max(int(each.leads[0]), 1)
    for value, counts in each.counts.items():
        now, before = int(counts[0]), float(counts[1:].sum())
        is_new = not counts[NEW_WEEKS:].any()
        subject = f"{each.name} {value}"
        low, high = share_interval(now, total, confidence)
        # The value of fewer leads may be about one person: it is not named.
        if is_new and now >= LEADS_AT_LEAST:
            yield Evidence("new", now / total, low, high, most=limits.new_share, subject=subject)
        share = before / max(float(each.leads[1:].sum()), 1)
        if not is_new and share * total >= _LEAST_EXPECTED:
            most = limits.volume_factor
            ratio = now / total / share
            rule = "vanished" if ratio < 1 else "surged"
            yield Evidence(
                rule, ratio, low / share, high / share, 1 / most, most, f"new leads with {subject}"
            )
