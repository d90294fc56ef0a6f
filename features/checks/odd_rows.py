"""Rows that stand alone: far later or earlier than the mass of rows, and amounts far from the usual ones."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.amounts import is_credit, is_far_above
from features.history.extent import APART_US, creations_begin, mass_begin, observed_end
from features.history.lead_history import CONVERTED, Bools, Ints, LeadHistory
from features.history.outcomes import lead_of_rows, one_of_each
from features.times import NEVER_US, format_time

# Clocks that run ahead, or times of another zone, concern single rows; more than this is the whole export.
_SHARE_AFTER_NOW: Final = 0.1
_ROWS_AFTER_NOW: Final = 3


def check_times(history: LeadHistory, findings: Findings, *, is_given: bool, now: int | None) -> None:
    """Reports rows far beyond the mass of rows, and leads and outcomes of which many lie in the future.

    Args:
        history: as read, with its `observed_until`.
        findings: collects what is found.
        is_given: whether `observed_until` was given; then rows up to it are no odd ones.
        now: microseconds UTC; rows known after it lie in the future. None: it is not known.
    """
    if not history.leads_count:
        return
    end = observed_end(history, now=now)
    late = end + APART_US if now is None else min(end + APART_US, now)
    late = max(late, history.observed_until) if is_given else late
    begin = creations_begin(history)
    for table, column, lead, known in _moments(history):
        is_future = known > (NEVER_US if now is None else now)
        if table in ("leads", "outcomes") and _is_in_future(is_future):
            count, ids = int(is_future.sum()), _ids(history, lead[is_future])
            share = percent(count, len(known))
            findings.add("D059", table=table, column=column, count=count, ids=ids, share=share)
        else:
            _report(history, findings, "D080", table, column, lead, known, known > late, end=format_time(end))
        first = mass_begin([known])
        early = known < min(begin, begin if first is None else first) - APART_US
        _report(history, findings, "D081", table, column, lead, known, early, begin=format_time(begin))


def _moments(history: LeadHistory) -> list[tuple[str, str, Ints, Ints]]:
    """Gives for each table its column of times, and lead and time of each row."""
    interactions, outcomes = history.interactions, history.outcomes
    leads = np.arange(history.leads_count)
    closed, known = lead_of_rows(outcomes), outcomes.available_at
    changes = [each.changes for each in history.attributes.values() if each.changes is not None]
    found = [
        ("leads", "created_at", leads, history.created_at),
        ("interactions", "occurred_at", _rows_of(interactions.starts), interactions.available_at),
        ("outcomes", "occurred_at", closed[known < NEVER_US], known[known < NEVER_US]),
    ]
    if changes:
        lead = np.concatenate([_rows_of(each.starts) for each in changes])
        moments = np.concatenate([each.available_at for each in changes])
        found.append(("attribute_changes", "available_at", lead, moments))
    if history.links is not None:
        # Links of ids that are no leads show in the rows that they bring along.
        linked_at = history.links.linked_at
        linked = np.flatnonzero(linked_at < NEVER_US)
        found.append(("lead_aliases", "available_at", linked, linked_at[linked]))
    return found


def _rows_of(starts: Ints) -> Ints:
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts))


def _report(
    history: LeadHistory,
    findings: Findings,
    code: str,
    table: str,
    column: str,
    lead: Ints,
    moments: Ints,
    is_odd: Bools,
    **facts: str,
) -> None:
    """Names odd rows with their leads, and with the first and the last moment."""
    if not is_odd.any():
        return
    first, last = (format_time(int(moment)) for moment in np.sort(moments[is_odd])[[0, -1]])
    findings.add(
        code,
        table=table,
        column=column,
        count=int(is_odd.sum()),
        ids=_ids(history, lead[is_odd]),
        when=first if first == last else f"{first} to {last}",
        **facts,
    )


def _is_in_future(is_future: Bools) -> bool:
    return int(is_future.sum()) > max(_ROWS_AFTER_NOW, _SHARE_AFTER_NOW * len(is_future))


def check_amounts(history: LeadHistory, findings: Findings) -> None:
    """Reports amounts of conversions that are left out of the expected amount.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    outcomes = one_of_each(history.outcomes)
    amount = np.where(outcomes.outcome == CONVERTED, outcomes.amount, np.nan)
    is_far = is_far_above(amount)
    if is_far.any():
        usual = float(np.median(amount[(amount > 0) & ~is_far]))
        most = float(amount[is_far].max())
        _report_amounts(history, findings, "D082", is_far, usual=f"{usual:g}", most=f"{most:g}")
    if is_credit(amount).any():
        _report_amounts(history, findings, "D083", is_credit(amount), least=f"{np.nanmin(amount):g}")


def _report_amounts(history: LeadHistory, findings: Findings, code: str, is_odd: Bools, **facts: str) -> None:
    ids = _ids(history, np.flatnonzero(is_odd))
    findings.add(code, table="outcomes", column="amount", count=int(is_odd.sum()), ids=ids, **facts)


def _ids(history: LeadHistory, lead: Ints) -> list[str]:
    return [str(lead_id) for lead_id in history.lead_ids.take(np.unique(lead)).to_pylist()]
