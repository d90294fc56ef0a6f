"""Attributes that hold the outcome, or were filled in after the lead was created.

Shares are compared among leads created in the same weeks: old leads differ from young ones where a form
changed, and they are closed more often, so that comparing them would report honest columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.personal_values import identifies_people
from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import CONVERTED, LOST, Attribute, Bools, Floats, Ints, LeadHistory
from features.history.outcomes import one_of_each
from features.times import US_PER_DAY

_WEEK_DAYS: Final = 7
# Minimum share of the leads with the outcome that have the value: then the value stands for the outcome.
_COVERED: Final = 0.5
# Maximum number of other leads with the value, as a share of the number expected; and the minimum number
# expected: where thirty are expected, chance gives none once in 10 million million cases.
_LEFT: Final = 0.05
_EXPECTED_AT_LEAST: Final = 30.0
# Minimum difference of fill shares; no honest column of the histories tried comes near it.
_FILL_DIFFERENCE: Final = 0.3
_CONVERTED_AT_LEAST: Final = 50
# A value that one or two leads have tells nothing of others.
_CHOSEN_AT_LEAST: Final = 3
# A value that fewer leads have may be about one person or company: it is counted, not named.
_NAMED_AT_LEAST: Final = 20
_VALUES_SHOWN: Final = 3
# Standard errors: chance gives 5 once in 1.7 million columns.
_Z: Final = 5.0
# Columns that people fill in are filled within weeks: the leads of the last week are compared with those of
# the months before, whose fill share must be steady.
_YOUNG_DAYS, _OLD_DAYS, _OLDEST_DAYS = 7, 30, 90
_YOUNG_DIFFERENCE: Final = 0.2
_STEADY: Final = 0.1
_LEADS_AT_LEAST: Final = 30


@dataclass(frozen=True, slots=True)
class _Side:
    """Leads with an outcome, and their name in a message."""

    is_in: Bools
    name: str


def check_attribute_leaks(history: LeadHistory, findings: Findings) -> None:
    """Reports attributes that hold the outcome, and attributes filled in after creation.

    An attribute with changes is skipped: its values at creation are known. So is one that no model may use.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    week = history.created_at // (_WEEK_DAYS * US_PER_DAY)
    week = np.unique(week, return_inverse=True)[1].astype(np.int64)
    outcome = one_of_each(history.outcomes).outcome
    sides = [_Side(outcome == CONVERTED, "converted"), _Side(outcome == LOST, "were lost")]
    # Closed leads are a third group only where both outcomes occur.
    if all(side.is_in.any() for side in sides):
        sides.append(_Side((outcome == CONVERTED) | (outcome == LOST), "are closed"))
    for name, attribute in history.attributes.items():
        has_changes = attribute.changes is not None and len(attribute.changes.values)
        if has_changes or not history.settings.is_feature(name):
            continue
        if fault := _held_outcome(name, attribute, sides, history.created_at, week):
            findings.add("D057", table="leads", column=name, fault=fault)
            continue
        is_filled = ~np.isnan(attribute.values)
        if not is_filled.all():
            _check_converted(is_filled, sides[0].is_in, week, name, findings)
            _check_young(is_filled, history, name, findings)


def _held_outcome(name: str, attribute: Attribute, sides: list[_Side], created_at: Ints, week: Ints) -> str:
    """Describes the outcome that an attribute holds; empty where it holds none.

    A value that never leads to a conversion is plausible (job seekers never buy), so single values are
    checked for conversions only. A column that is filled for lost leads and for hardly any other is not
    plausible.
    """
    is_filled = ~np.isnan(attribute.values)
    for side in sides:
        if _is_held(is_filled, side.is_in, week):
            share = percent(float(is_filled[side.is_in].mean()))
            others = percent(float(is_filled[~side.is_in].mean()))
            return f"is filled for {share} of the leads that {side.name}, and for {others} of the others"
    if attribute.type == "number":
        return ""
    converted = sides[0].is_in
    is_later = _is_later(created_at, converted)
    has_value = _has_revealing_value(attribute.values, converted, ~is_later)
    if _is_held(has_value[is_later], converted[is_later], week[is_later]):
        share = percent(float(has_value[converted].mean()))
        values = _worded_values(name, attribute, has_value & converted, converted)
        return f"is {values} for {share} of the leads that converted, and hardly ever else"
    return ""


def _is_later(created_at: Ints, converted: Bools) -> Bools:
    """Tells (leads,) whether a lead was created after the earlier half of those that converted.

    Values are chosen on the earlier leads and judged on these: a value that a single lead has tells who
    converted among the leads it was chosen on, and nothing of others.
    """
    order = np.argsort(created_at, kind="stable")
    is_later = np.empty(len(order), dtype=np.bool_)
    is_later[order] = np.cumsum(converted[order]) > converted.sum() // 2
    return is_later


def _is_held(has_value: Bools, is_in: Bools, week: Ints) -> bool:
    """Tells whether at least half of the leads with an outcome have a value that the other leads lack.

    If value and outcome were independent, the other leads of a week would have the value as often as all
    leads of that week.
    """
    if not is_in.any() or has_value[is_in].mean() < _COVERED:
        return False
    expected = float(_shares(has_value, week)[week][~is_in].sum())
    return expected >= _EXPECTED_AT_LEAST and float(has_value[~is_in].sum()) <= _LEFT * expected


def _has_revealing_value(values: Floats, converted: Bools, is_chosen_on: Bools) -> Bools:
    """Tells (leads,) whether a lead has one of the values whose leads, of some, nearly all converted."""
    is_filled = ~np.isnan(values)
    code = np.where(is_filled, values, 0).astype(np.int64)
    leads = np.bincount(code, is_filled & is_chosen_on)
    left = leads - np.bincount(code, is_filled & is_chosen_on & converted)
    is_revealing = (leads >= _CHOSEN_AT_LEAST) & (left <= _LEFT * leads)
    return is_filled & is_revealing[code]


def _worded_values(name: str, attribute: Attribute, has_value: Bools, converted: Bools) -> str:
    """Names the values that most converted leads have, each with its share of them; none of a person."""
    codes = attribute.values[has_value].astype(np.int64)
    leads = np.bincount(codes)
    shown = 0 if identifies_people(name, attribute) else _VALUES_SHOWN
    values = [
        f"{attribute.categories[code] if attribute.categories else str(bool(code)).lower()} "
        f"({percent(float(leads[code] / converted.sum()))})"
        for code in np.argsort(-leads, kind="stable")[:shown].tolist()
        if leads[code] >= _NAMED_AT_LEAST
    ]
    others = int((leads > 0).sum()) - len(values)
    if others:
        values.append(f"one of {others} {'other ' if values else ''}values")
    return " or ".join(values)


def _check_converted(is_filled: Bools, converted: Bools, week: Ints, name: str, findings: Findings) -> None:
    """Compares the leads that converted with the other leads of the same weeks."""
    count = int(converted.sum())
    if count < _CONVERTED_AT_LEAST or converted.all():
        return
    others = _shares(is_filled & ~converted, week, of=~converted)[week[converted]]
    # Weeks in which all leads converted have no other leads to compare with.
    is_comparable = ~np.isnan(others)
    filled, expected = is_filled[converted][is_comparable], others[is_comparable]
    difference = float(filled.mean() - expected.mean()) if is_comparable.any() else 0.0
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
    """Computes (weeks,) the share of leads with a value, of all leads or of some; NaN without leads."""
    whole = np.bincount(week, of, minlength=int(week.max()) + 1)
    part = np.bincount(week, has_value, minlength=len(whole))
    shares: Floats = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return shares
