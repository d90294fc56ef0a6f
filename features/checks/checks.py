"""Checks a history: reads all of it, and lists all problems by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from features.checks.plausibility import check_plausibility
from features.findings.codes import CONVERSIONS_NEEDED, LEADS_NEEDED
from features.findings.problems import Findings, Problem
from features.findings.report import CheckReport
from features.history.extent import creations_begin, observed_end
from features.history.known import without_aliases
from features.history.lead_history import CONVERTED, LOST, AttributeType, LeadHistory
from features.history.outcomes import one_of_each
from features.history.settings import HistorySettings
from features.partitions.reading import read_source
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name
from features.tables.assemble import assemble
from features.tables.table_reader import RawTables
from features.times import US_PER_DAY, format_time

HORIZON_DAYS: Final = 30.0


def check_history(
    source: Source,
    *,
    observed_until: int | None = None,
    now: int | None = None,
    horizon_days: float = HORIZON_DAYS,
    progress: Progress = silent,
) -> CheckReport:
    """Lists all problems of a history.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        observed_until: last instant for which outcomes are complete, microseconds UTC; by default where the
            rows of the tables end as a mass.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        horizon_days: minimum length of the history for training.
        progress: called once per table.

    Returns:
        The problems, and what the history can be used for.
    """
    _, problems = examine(
        source,
        observed_until=observed_until,
        now=now,
        horizon_days=horizon_days,
        with_plausibility=True,
        progress=progress,
    )
    return CheckReport(display_name(source), problems)


def examine(
    source: Source,
    *,
    observed_until: int | None = None,
    now: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    settings: HistorySettings | None = None,
    machine_rules: int | None = None,
    horizon_days: float = HORIZON_DAYS,
    with_plausibility: bool = False,
    progress: Progress = silent,
) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """Reads a history and finds its problems; see `features.checks.checked_history.read_history`.

    Plausibility matters for training; it is not checked where leads are scored.

    Returns:
        The history, None where a finding stops everything; and the problems.
    """
    findings = Findings()
    history = read_source(
        source,
        findings,
        attribute_types=attribute_types,
        settings=settings,
        machine_rules=machine_rules,
        progress=progress,
    )
    return _checked(
        history,
        findings,
        observed_until=observed_until,
        now=now,
        horizon_days=horizon_days,
        with_plausibility=with_plausibility,
    )


def check_tables(
    raw: RawTables,
    findings: Findings,
    *,
    observed_until: int | None = None,
    now: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    horizon_days: float = HORIZON_DAYS,
    with_plausibility: bool = False,
    progress: Progress = silent,
) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """Builds a history from tables in memory and finds its problems; see `examine`."""
    history = assemble(raw, findings, attribute_types=attribute_types, progress=progress)
    return _checked(
        history,
        findings,
        observed_until=observed_until,
        now=now,
        horizon_days=horizon_days,
        with_plausibility=with_plausibility,
    )


def _checked(
    history: LeadHistory | None,
    findings: Findings,
    *,
    observed_until: int | None,
    now: int | None,
    horizon_days: float,
    with_plausibility: bool,
) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """Finds the problems that need the whole history."""
    if history is not None:
        until = observed_end(history, now=now) if observed_until is None else observed_until
        if observed_until is not None and now is not None and observed_until > now:
            findings.add("D077", end=format_time(observed_until))
        history = replace(history, observed_until=until)
        current = without_aliases(history)
        _check_size(current, findings)
        _check_outcomes(current, findings)
        _check_length(history, findings, horizon_days)
        if with_plausibility:
            check_plausibility(
                history,
                findings,
                horizon_days=horizon_days,
                is_end_given=observed_until is not None,
                now=now,
            )
    return history, findings.problems()


def _check_size(history: LeadHistory, findings: Findings) -> None:
    if history.leads_count < LEADS_NEEDED:
        missing = LEADS_NEEDED - history.leads_count
        findings.add(
            "D053", table="leads", count=history.leads_count, needed=str(LEADS_NEEDED), missing=str(missing)
        )


def _check_outcomes(history: LeadHistory, findings: Findings) -> None:
    outcome = one_of_each(history.outcomes).outcome
    converted, lost = int((outcome == CONVERTED).sum()), int((outcome == LOST).sum())
    if not converted and not lost:
        findings.add("D050", table="outcomes")
        return
    if not converted:
        findings.add("D051", table="outcomes", fault="No lead converted")
    elif converted == history.leads_count:
        findings.add("D051", table="outcomes", fault="Every lead converted")
    elif not lost:
        findings.add("D038", table="outcomes")
    if 0 < converted < CONVERSIONS_NEEDED:
        missing = CONVERSIONS_NEEDED - converted
        findings.add(
            "D052", table="outcomes", count=converted, needed=str(CONVERSIONS_NEEDED), missing=str(missing)
        )


def _check_length(history: LeadHistory, findings: Findings, horizon_days: float) -> None:
    if not history.leads_count:
        return
    days = (history.observed_until - creations_begin(history)) / US_PER_DAY
    if days < horizon_days:
        findings.add(
            "D054",
            table="leads",
            days=f"{days:.1f}",
            horizon=f"{horizon_days:g}",
            missing=f"{horizon_days - days:.1f}",
        )
