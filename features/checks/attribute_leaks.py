"""Attributes that hold the outcome, or were filled in after the lead was created.

Shares are compared among leads created in the same weeks: a column that came or went with a new form differs
between old leads and young ones, and old leads are closed more often, which says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import CONVERTED, LOST, Attribute, Bools, Floats, Ints, LeadHistory
from features.times import US_PER_DAY

_WEEK_DAYS: Final = 7
# Share of those with the outcome that have the value: with half of them it stands for the outcome.
_COVERED: Final = 0.5
# Share of what was to be expected that the other leads have, and how many were to be expected: chance gives
# none where thirty are expected once in 10 million million.
_LEFT: Final = 0.05
_EXPECTED_AT_LEAST: Final = 30.0
# A difference in filling that no honest column of the histories tried comes near, in shares.
_FILL_DIFFERENCE: Final = 0.3
_CONVERTED_AT_LEAST: Final = 50
# Standard errors: chance gives 5 once in 1.7 million columns.
_Z: Final = 5.0
# Who fills in a column does it within weeks: the leads of the last week against those of the months before,
# in which the filling must have stood still.
_YOUNG_DAYS, _OLD_DAYS, _OLDEST_DAYS = 7, 30, 90
_YOUNG_DIFFERENCE: Final = 0.2
_STEADY: Final = 0.1
_LEADS_AT_LEAST: Final = 30


@dataclass(frozen=True, slots=True)
class _Side:
    """Leads with an outcome, and how a sentence names them."""

    is_in: Bools
    name: str


def check_attribute_leaks(history: LeadHistory, findings: Findings) -> None:
    """Reports attributes that hold the outcome, and those filled in on the way or afterwards.

    An attribute with known changes had its value at creation, and is not looked at.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    week = history.created_at // (_WEEK_DAYS * US_PER_DAY)
    week = np.unique(week, return_inverse=True)[1].astype(np.int64)
    outcome = history.outcomes.outcome
    sides = [_Side(outcome == CONVERTED, "converted"), _Side(outcome == LOST, "were lost")]
    # Who is closed is told apart from both only where there are both.
    if all(side.is_in.any() for side in sides):
        sides.append(_Side((outcome == CONVERTED) | (outcome == LOST), "are closed"))
    for name, attribute in history.attributes.items():
        if attribute.changes is not None and len(attribute.changes.values):
            continue
        if fault := _held_outcome(attribute, sides, week):
            findings.add("D057", table="leads", column=name, fault=fault)
            continue
        is_filled = ~np.isnan(attribute.values)
        if not is_filled.all():
            _check_converted(is_filled, sides[0].is_in, week, name, findings)
            _check_young(is_filled, history, name, findings)


def _held_outcome(attribute: Attribute, sides: list[_Side], week: Ints) -> str:
    """Tells which outcome an attribute holds; empty where it holds none.

    That a value never leads to a conversion is honest (job seekers never buy), so values are looked at for
    conversions only; that a column is filled at all for who was lost, and for hardly anyone else, is not.
    """
    is_filled = ~np.isnan(attribute.values)
    for side in sides:
        if _is_held(is_filled, side.is_in, week):
            told = percent(float(is_filled[side.is_in].mean()))
            others = percent(float(is_filled[~side.is_in].mean()))
            return f"is filled for {told} of the leads that {side.name}, and for {others} of the others"
    if attribute.type == "number":
        return ""
    has_value = _has_telling_value(attribute.values, sides[0].is_in)
    if _is_held(has_value, sides[0].is_in, week):
        told = percent(float(has_value[sides[0].is_in].mean()))
        return (
            f"is {_names(attribute, has_value)} for {told} of the leads that converted, and hardly ever else"
        )
    return ""


def _is_held(has_value: Bools, is_in: Bools, week: Ints) -> bool:
    """Tells whether half of the leads with an outcome have a value that the others lack.

    Without a tie between value and outcome, the others of a week would have it as often as all of that week.
    """
    if not is_in.any() or has_value[is_in].mean() < _COVERED:
        return False
    expected = float((_shares(has_value, week) * np.bincount(week, ~is_in)).sum())
    return expected >= _EXPECTED_AT_LEAST and float(has_value[~is_in].sum()) <= _LEFT * expected


def _has_telling_value(values: Floats, is_in: Bools) -> Bools:
    """(leads,) whether a lead has one of the values whose leads nearly all converted."""
    is_filled = ~np.isnan(values)
    code = np.where(is_filled, values, 0).astype(np.int64)
    leads = np.bincount(code, is_filled)
    converted = np.bincount(code, is_filled & is_in)
    is_telling = (leads > 0) & (leads - converted <= _LEFT * leads)
    return is_filled & is_telling[code]


def _names(attribute: Attribute, has_value: Bools) -> str:
    codes = np.unique(attribute.values[has_value]).astype(np.int64).tolist()
    names = [
        attribute.categories[code] if attribute.categories else str(bool(code)).lower() for code in codes
    ]
    return " or ".join(names[:3])


def _check_converted(is_filled: Bools, converted: Bools, week: Ints, name: str, findings: Findings) -> None:
    """Compares who converted with the others of the same weeks."""
    count = int(converted.sum())
    if count < _CONVERTED_AT_LEAST or converted.all():
        return
    others = _shares(is_filled & ~converted, week, of=~converted)[week[converted]]
    # Weeks in which everybody converted have nobody to compare with.
    is_told = ~np.isnan(others)
    filled, expected = is_filled[converted][is_told], others[is_told]
    difference = float(filled.mean() - expected.mean()) if is_told.any() else 0.0
    error = float(np.sqrt(np.maximum((expected * (1 - expected)).sum(), 1.0)) / max(len(expected), 1))
    if difference >= _FILL_DIFFERENCE and difference >= _Z * error:
        findings.add(
            "D048",
            table="leads",
            column=name,
            count=count,
            filled=percent(float(filled.mean())),
            others=percent(float(expected.mean())),
        )


def _check_young(is_filled: Bools, history: LeadHistory, name: str, findings: Findings) -> None:
    """Compares the leads of the last week with older ones."""
    age = (history.observed_until - history.created_at) / US_PER_DAY
    young, older, oldest = (is_filled[chosen] for chosen in _ages(age))
    if min(len(young), len(older), len(oldest)) < _LEADS_AT_LEAST:
        return
    before = np.concatenate((older, oldest))
    share, usual = float(young.mean()), float(before.mean())
    error = float(np.sqrt(max(usual * (1 - usual), 1 / len(young)) / len(young)))
    is_steady = abs(float(older.mean() - oldest.mean())) <= _STEADY
    if is_steady and usual - share >= max(_YOUNG_DIFFERENCE, _Z * error):
        findings.add(
            "D049",
            table="leads",
            column=name,
            count=len(young),
            days=str(_YOUNG_DAYS),
            young=percent(share),
            older=percent(usual),
        )


def _ages(age_days: Floats) -> Iterator[Bools]:
    middle = (_OLD_DAYS + _OLDEST_DAYS) / 2
    for low, high in ((0, _YOUNG_DAYS), (_OLD_DAYS, middle), (middle, _OLDEST_DAYS)):
        yield np.asarray((age_days >= low) & (age_days < high))


def _shares(has_value: Bools, week: Ints, *, of: Bools | None = None) -> Floats:
    """(weeks,) share that has a value, of all leads of the week or of some; NaN where there are none."""
    whole = np.bincount(week, of, minlength=int(week.max()) + 1)
    part = np.bincount(week, has_value, minlength=len(whole))
    shares: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
