"""Kinds of interactions that are the outcome by another name, or that occur with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.checks.shares import percent
from features.findings.problems import Findings
from features.history.lead_history import CONVERTED, Floats, Ints, LeadHistory
from features.history.outcomes import one_of_each
from features.times import NEVER_US, US_PER_HOUR

# Three days: an order signed on a Friday may be recorded on a Monday.
HOURS_BEFORE: Final = 72
# Share of the leads with the kind that convert within those hours. The rest may be recording errors. In
# honest histories at most two thirds of the leads with a kind converted within three days.
_SHARE: Final = 0.95
_LEADS_AT_LEAST: Final = 30
# Minimum share of all conversions for which the kind counts as the outcome; below it may be one of the
# products.
_COVERED: Final = 0.5
# Maximum share of leads with the kind that do not convert soon, relative to that share over all kinds: in
# some histories most leads convert within hours of anything.
_OF_OTHERS: Final = 0.2


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Counts by kind, each (kinds,).

    Attributes:
        leads: leads whose first interaction of the kind was at least `HOURS_BEFORE` hours before
            `observed_until`.
        soon: leads of these that converted within `HOURS_BEFORE` hours after it.
        covered: share of all converted leads that had the kind before they converted.
        rows: interactions.
        late: interactions at or after the conversion of their lead.
    """

    leads: Ints
    soon: Ints
    covered: Floats
    rows: Ints
    late: Ints


def check_kind_leaks(history: LeadHistory, findings: Findings) -> None:
    """Reports kinds that occur only within hours before a conversion, or only after it.

    A kind before the conversion stops training where half of all conversions have it: the metrics would
    credit the model for a decision that was already made. A kind after the conversion never occurs for an
    open lead and is only reported.

    Args:
        history: cut at its `observed_until`.
        findings: collects what is found.
    """
    outcomes = one_of_each(history.outcomes)
    converted = outcomes.outcome == CONVERTED
    names = history.interactions.kind.values
    if not names or not converted.any():
        return
    counts = _count(history, np.where(converted, outcomes.occurred_at, NEVER_US))
    usual = counts.soon.sum() / max(counts.leads.sum(), 1)
    for code, kind in enumerate(names):
        leads, soon = int(counts.leads[code]), int(counts.soon[code])
        facts = {"table": "interactions", "column": "kind", "kind": kind}
        missed = 1 - soon / max(leads, 1)
        if leads >= _LEADS_AT_LEAST and missed <= min(1 - _SHARE, _OF_OTHERS * (1 - usual)):
            _report_before(findings, leads, soon, float(counts.covered[code]), facts)
        elif _is_late(counts, code):
            late = percent(int(counts.late[code]), int(counts.rows[code]))
            fault = f"come with the conversion or after it in {late} of the cases; no open lead has them"
            findings.add("D047", **facts, count=int(counts.rows[code]), fault=fault)


def _report_before(findings: Findings, leads: int, soon: int, covered: float, facts: dict[str, str]) -> None:
    share = percent(soon, leads)
    if covered >= _COVERED:
        findings.add(
            "D056", **facts, count=leads, share=share, covered=percent(covered), hours=str(HOURS_BEFORE)
        )
        return
    fault = f"come just before the conversion: {share} of {leads} leads converted within {HOURS_BEFORE} hours"
    findings.add("D047", **facts, count=leads, fault=fault)


def _is_late(counts: _Kinds, code: int) -> bool:
    """Tells whether a kind occurs at the conversion or later, and hardly ever for other leads."""
    late = counts.late[code]
    return bool(late >= _LEADS_AT_LEAST and late >= _SHARE * counts.rows[code])


def _count(history: LeadHistory, converted_at: Ints) -> _Kinds:
    """Counts, for each kind, the leads that had it and the conversions that followed.

    Args:
        history: cut at its `observed_until`.
        converted_at: (leads,) microseconds UTC, NEVER_US for leads that did not convert.
    """
    interactions, kinds_count = history.interactions, len(history.interactions.kind.values)
    lead = np.repeat(np.arange(history.leads_count, dtype=np.int64), np.diff(interactions.starts))
    kind, end = interactions.kind.codes.astype(np.int64), converted_at[lead]
    is_late = interactions.occurred_at >= end
    first = _first_by_pair(lead[~is_late], kind[~is_late], interactions.occurred_at[~is_late], kinds_count)
    pair_lead, pair_kind, first_at = first
    reach = HOURS_BEFORE * US_PER_HOUR
    is_mature = first_at + reach <= history.observed_until
    pair_end = converted_at[pair_lead]
    is_soon = is_mature & (pair_end - reach <= first_at)
    has_converted = pair_end < NEVER_US
    return _Kinds(
        leads=_tally(pair_kind[is_mature], kinds_count),
        soon=_tally(pair_kind[is_soon], kinds_count),
        covered=_tally(pair_kind[has_converted], kinds_count) / (converted_at < NEVER_US).sum(),
        rows=_tally(kind, kinds_count),
        late=_tally(kind[is_late], kinds_count),
    )


def _first_by_pair(lead: Ints, kind: Ints, occurred_at: Ints, kinds_count: int) -> tuple[Ints, Ints, Ints]:
    """Finds the first interaction of each lead and kind: lead, kind and microseconds UTC of each pair."""
    pairs, pair = np.unique(lead * kinds_count + kind, return_inverse=True)
    first_at = np.full(len(pairs), NEVER_US)
    np.minimum.at(first_at, pair, occurred_at)
    return pairs // kinds_count, pairs % kinds_count, first_at


def _tally(codes: Ints, count: int) -> Ints:
    return np.bincount(codes, minlength=count).astype(np.int64)
