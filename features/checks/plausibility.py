"""The data gate: checks whether a history that can be read would mislead a model.

Checks that need examples and their features are in `training.data_checks.data_gate`.
"""

from __future__ import annotations

from features.checks.account_checks import check_accounts
from features.checks.attribute_leaks import check_attribute_leaks
from features.checks.clock_checks import check_dates, check_nights
from features.checks.cohort_checks import check_cohorts
from features.checks.kind_leaks import check_kind_leaks
from features.checks.name_checks import check_names
from features.checks.odd_rows import check_amounts, check_times
from features.checks.personal_values import check_personal_data
from features.checks.stream_checks import check_streams
from features.checks.twin_checks import check_twins
from features.findings.problems import Findings
from features.history.known import current_at
from features.history.lead_history import LeadHistory


def check_plausibility(
    history: LeadHistory,
    findings: Findings,
    *,
    horizon_days: float,
    is_end_given: bool = False,
    now: int | None = None,
) -> None:
    """Reports what is implausible in a history; linear in its rows, without a loop over leads.

    Args:
        history: as read; rows known only after its `observed_until` are ignored.
        findings: collects what is found.
        horizon_days: horizon of the conversion rate.
        is_end_given: whether `observed_until` was given.
        now: microseconds UTC; None: it is not known.
    """
    if not history.leads_count:
        return
    check_times(history, findings, is_given=is_end_given, now=now)
    known = current_at(history, history.observed_until)
    check_amounts(known, findings)
    check_cohorts(known, findings, horizon_days=horizon_days)
    check_twins(known, findings)
    check_accounts(known, findings)
    check_names(known, findings)
    check_personal_data(known, findings)
    check_streams(known, findings)
    check_nights(known, findings)
    check_dates(known, findings)
    check_kind_leaks(known, findings)
    check_attribute_leaks(known, findings)
