"""Interactions of the last week against the weeks before: volumes by kind, lateness, duplicates, clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.stats import beta, chi2

from features.history.lead_history import Floats, Ints, LeadHistory
from features.history.personal_data import LEADS_AT_LEAST
from features.times import US_PER_DAY, US_PER_HOUR
from training.monitor_limits import MonitorLimits
from training.monitoring.inputs.weeks import NEW_WEEKS, Weeks
from training.monitoring.verdict import Evidence

# A kind with fewer expected rows in a week is not compared.
_LEAST_EXPECTED: Final = 30
# Weeks before the last one, without which nothing is compared.
_LEAST_WEEKS: Final = 4
_LEAST_NEW: Final = 10
_LATE_QUANTILES: Final = (0.85, 0.9, 0.95)
_HOURS: Final = 24
# Hours from one clock to the other are only looked for among so many rows.
_LEAST_ROWS: Final = 500
_CLOCK_GAIN: Final = 0.1
# One hour comes and goes with summer time.
_CLOCK_HOURS: Final = 1.5
_TWICE_SHARE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Volume:
    """Rows of one kind.

    Attributes:
        kind: of interaction.
        rows: in the last week.
        expected: from the weeks before, the open leads and the pace of the other kinds.
        is_new: whether it was never seen before the last four weeks.
        by_week: (weeks,) rows, the last week first.
    """

    kind: str
    rows: int
    expected: float
    is_new: bool
    by_week: tuple[int, ...]

    def to_json(self) -> dict[str, Any]:
        """Turns the volume into an object."""
        return {
            "kind": self.kind,
            "rows": self.rows,
            "expected": round(self.expected, 1),
            "is_new": self.is_new,
            "by_week": list(self.by_week),
        }


@dataclass(frozen=True, slots=True)
class RowFacts:
    """What the interactions of each week are like, the last week first.

    Attributes:
        late_days: 90 % of the rows are known within so many days.
        twice_share: part of the rows that repeat another of the same lead, kind and moment.
        clock_hours: by how many hours the day of the last week's rows moved.
    """

    late_days: tuple[float, ...]
    twice_share: tuple[float, ...]
    clock_hours: int

    def to_json(self) -> dict[str, Any]:
        """Turns the facts into an object."""
        return {
            "late_days": [round(days, 4) for days in self.late_days],
            "twice_share": [round(share, 5) for share in self.twice_share],
            "clock_hours": self.clock_hours,
        }


def volumes_of(history: LeadHistory, weeks: Weeks) -> tuple[Volume, ...]:
    """Counts the rows of every kind, and what the weeks before let expect in the last one.

    Rows count in the week in which they became known. Expected is the rate per open lead of the weeks before,
    times the pace that the other kinds have this week: in a week of holidays every kind is rarer. A kind of
    few leads may be about one person and is left out.
    """
    kinds = history.interactions.kind
    available = history.interactions.available_at
    counts = weeks.count_rows(available, kinds.codes.astype(np.int64), len(kinds.values))
    usual = expected_rows(counts, weeks.open_leads)
    pace = pace_of(counts, usual)
    leads = _leads_by_kind(history)
    before = np.bincount(kinds.codes[weeks.of(available) >= NEW_WEEKS], minlength=len(kinds.values))
    return tuple(
        Volume(
            kind=name,
            rows=int(counts[code, 0]),
            expected=float(usual[code] * pace),
            is_new=bool(counts[code, 0] > 0 and before[code] == 0),
            by_week=tuple(int(number) for number in counts[code]),
        )
        for code, name in enumerate(kinds.values)
        if leads[code] >= LEADS_AT_LEAST
    )


def _leads_by_kind(history: LeadHistory) -> Ints:
    """(kinds,) leads that have rows of each kind."""
    rows, count = history.interactions, len(history.interactions.kind.values)
    lead = np.repeat(np.arange(len(rows.starts) - 1), np.diff(rows.starts))
    pairs = np.unique(lead * count + rows.kind.codes)
    return np.bincount(pairs % max(count, 1), minlength=count)


def expected_rows(counts: Floats, exposure: Floats) -> Floats:
    """(codes,) rows of the last week at the rate of the weeks before."""
    if counts.shape[1] < 2 or not exposure[1:].sum() > 0:
        return np.zeros(len(counts))
    rate: Floats = counts[:, 1:].sum(axis=1) / exposure[1:].sum()
    rows: Floats = rate * exposure[0]
    return rows


def pace_of(counts: Floats, usual: Floats) -> float:
    """Median pace of the frequent kinds in the last week; 1 where there are fewer than three."""
    frequent = usual >= _LEAST_EXPECTED
    if frequent.sum() < 3:
        return 1.0
    return float(np.clip(np.median(counts[frequent, 0] / usual[frequent]), 1 / 3, 3.0))


def volume_evidence(
    volumes: tuple[Volume, ...], weeks: Weeks, *, confidence: float, limits: MonitorLimits
) -> Iterator[Evidence]:
    """Compares the rows of the last week with the expected ones, kind by kind."""
    if weeks.count <= _LEAST_WEEKS:
        return
    total = max(sum(volume.rows for volume in volumes), 1)
    most = limits.volume_factor
    for volume in volumes:
        if volume.is_new and volume.rows >= _LEAST_NEW:
            low, high = share_interval(volume.rows, total, confidence)
            share = volume.rows / total
            yield Evidence("new", share, low, high, most=limits.new_share, subject=f"kind {volume.kind}")
        elif volume.expected >= _LEAST_EXPECTED:
            low, high = _volume_interval(volume, weeks, confidence)
            ratio = volume.rows / volume.expected
            rule = "vanished" if ratio < 1 else "surged"
            yield Evidence(rule, ratio, low, high, 1 / most, most, f"interactions {volume.kind}")


def _volume_interval(volume: Volume, weeks: Weeks, confidence: float) -> tuple[float, float]:
    """Poisson interval of rows over expected, widened by how much the weeks before vary beyond chance."""
    past = np.array(volume.by_week[1:], dtype=np.float64)
    usual = past.sum() / weeks.open_leads[1:].sum() * weeks.open_leads[1:]
    spread = float(((past - usual) ** 2 / np.maximum(usual, 1)).sum() / max(len(past) - 1, 1))
    effect = max(1.0, spread) * (1 + 1 / len(past))
    rest, count = (1 - confidence) / 2, volume.rows / effect
    low = float(chi2.ppf(rest, 2 * count)) / 2 if count else 0.0
    high = float(chi2.isf(rest, 2 * count + 2)) / 2
    return low * effect / volume.expected, high * effect / volume.expected


def share_interval(count: int, total: int, confidence: float) -> tuple[float, float]:
    """Exact interval of a share.

    Source: Clopper and Pearson, Biometrika 1934.

    >>> [round(end, 4) for end in share_interval(5, 10, 0.95)]
    [0.1871, 0.8129]
    """
    rest = (1 - confidence) / 2
    low = float(beta.ppf(rest, count, total - count + 1)) if count else 0.0
    high = float(beta.isf(rest, count + 1, total - count)) if count < total else 1.0
    return low, high


def row_facts(history: LeadHistory, weeks: Weeks) -> RowFacts:
    """Finds how late, how often twice and at what hour of the day rows come."""
    rows = history.interactions
    week = weeks.of(rows.available_at)
    is_twice = _twice(history)
    masks = [week == number for number in range(weeks.count)]
    twice = [float(is_twice[mask].mean()) if mask.any() else 0.0 for mask in masks]
    late = [_late(history, mask) for mask in masks]
    hour = (rows.occurred_at % US_PER_DAY) // US_PER_HOUR
    clock = _clock(hour[week == 0], hour[(week > 0) & (week < weeks.count)])
    return RowFacts(tuple(days[1] for days in late), tuple(twice), clock)


def row_evidence(
    facts: RowFacts, history: LeadHistory, weeks: Weeks, *, confidence: float, limits: MonitorLimits
) -> Iterator[Evidence]:
    """Compares lateness, duplicates and clock of the last week with the weeks before."""
    rows = history.interactions
    last = weeks.of(rows.available_at) == 0
    count = int(last.sum())
    if weeks.count <= _LEAST_WEEKS or count < _LEAST_ROWS:
        return
    low, _, high = _late(history, last)
    usual, worst = float(np.median(facts.late_days[1:])), max(facts.late_days[1:])
    yield Evidence(
        "late",
        facts.late_days[0] - usual,
        min(low - worst, facts.late_days[0] - usual),
        high - usual,
        most=limits.late_days,
        subject="interactions",
    )
    twice, before = facts.twice_share[0], max(facts.twice_share[1:])
    below, above = share_interval(round(twice * count), count, confidence)
    yield Evidence("twice", twice - before, below - before, above - before, most=_TWICE_SHARE)
    hours = float(facts.clock_hours)
    yield Evidence("clock", hours, hours, hours, -_CLOCK_HOURS, _CLOCK_HOURS)


def _late(history: LeadHistory, mask: np.ndarray) -> tuple[float, ...]:
    rows = history.interactions
    if not mask.any():
        return (0.0,) * len(_LATE_QUANTILES)
    days = (rows.available_at[mask] - rows.occurred_at[mask]) / US_PER_DAY
    return tuple(np.quantile(days, _LATE_QUANTILES).tolist())


def _twice(history: LeadHistory) -> np.ndarray:
    """(rows,) whether a row repeats another of the same lead, kind and moment."""
    rows = history.interactions
    lead = np.repeat(np.arange(len(rows.starts) - 1), np.diff(rows.starts))
    order = np.lexsort((rows.occurred_at, rows.kind.codes, lead))
    same = np.zeros(len(order), np.bool_)
    for column in (lead, rows.kind.codes, rows.occurred_at):
        same[1:] |= column[order][1:] != column[order][:-1]
    repeats = np.zeros(len(order), np.bool_)
    repeats[order[1:]] = ~same[1:]
    return repeats


def _clock(hours: Ints, before: Ints) -> int:
    """Finds by how many hours the day moved; 0 unless that explains the hours clearly better."""
    if min(len(hours), len(before)) < _LEAST_ROWS:
        return 0
    now, usual = (np.bincount(each, minlength=_HOURS) / len(each) for each in (hours, before))
    distance = [float(np.abs(np.roll(usual, lag) - now).sum() / 2) for lag in range(_HOURS)]
    best = int(np.argmin(distance))
    if distance[0] - distance[best] < _CLOCK_GAIN:
        return 0
    return best if best <= _HOURS // 2 else best - _HOURS
