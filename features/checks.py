"""Checks a history: reads all of it, and collects everything that is wrong as one numbered list."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from features.assemble import assemble, latest_known
from features.check_report import CheckReport
from features.codes import CODES, CONVERSIONS_NEEDED, LEADS_NEEDED, Code
from features.columns import CONVERTED, LOST, AttributeType, LeadHistory
from features.pieces import OpenSource, read_all
from features.problems import Findings, Problem
from features.progress import Progress, silent
from features.sources import open_source, shown
from features.tables import RawTables
from features.times import US_PER_DAY

__all__ = ["CODES", "CheckReport", "Code", "Problem", "check_history", "check_tables", "examine"]

HORIZON_DAYS: Final = 30.0
# Interactions that are read at once; more are read by partitions, with the same outcome.
LARGE_ROWS: Final = 2_000_000
# Interactions of a partition: about a hundred bytes each while it is worked on.
PARTITION_ROWS: Final = 500_000


def check_history(
    source: str | Path,
    *,
    observed_until: int | None = None,
    horizon_days: float = HORIZON_DAYS,
    progress: Progress = silent,
) -> CheckReport:
    """Lists everything that is wrong with a history.

    Args:
        source: a folder of Parquet or CSV tables, or a database URL.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        horizon_days: the history must be at least as long as this to train on.
        progress: is told each table.

    Returns:
        What was found, what stops everything or only training, and what can be done with the history.
    """
    _, problems = examine(source, observed_until=observed_until, horizon_days=horizon_days, progress=progress)
    return CheckReport(shown(source), problems)


def examine(
    source: str | Path,
    *,
    observed_until: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    horizon_days: float = HORIZON_DAYS,
    progress: Progress = silent,
) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """Reads a history and finds what is wrong with it; see `features.history.read_history`.

    Returns:
        The history, None where something stops everything; and the problems.
    """
    findings = Findings()
    with open_source(source, findings) as opened:
        if opened.rows_count <= LARGE_ROWS:
            history = assemble(
                read_all(opened, findings), findings, attribute_types=attribute_types, progress=progress
            )
        else:
            history = _gathered(opened, findings, attribute_types, progress)
    return _checked(history, findings, observed_until, horizon_days), findings.problems()


def _gathered(
    opened: OpenSource,
    findings: Findings,
    attribute_types: Mapping[str, AttributeType] | None,
    progress: Progress,
) -> LeadHistory | None:
    """Reads a large history by partitions, so that its texts are never all in memory."""
    # Imported where they are needed: DuckDB is no concern of those who read little.
    from features.gathering import gather_history
    from features.partitions import cut_source
    from features.pool import cores_count

    with tempfile.TemporaryDirectory(prefix="leadodds-") as folder:
        parts = Path(folder) / "partitions"
        cut = cut_source(
            opened,
            parts,
            findings,
            attribute_types=attribute_types,
            partition_rows=PARTITION_ROWS,
            progress=progress,
        )
        if cut is None:
            return None
        return gather_history(*cut, findings, workers=cores_count(), progress=progress)


def _checked(
    history: LeadHistory | None, findings: Findings, observed_until: int | None, horizon_days: float
) -> LeadHistory | None:
    if history is None:
        return None
    until = latest_known(history) if observed_until is None else observed_until
    history = replace(history, observed_until=until)
    check_whole(history, findings, horizon_days=horizon_days)
    return history


def check_tables(
    raw: RawTables,
    findings: Findings,
    *,
    observed_until: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    horizon_days: float = HORIZON_DAYS,
    progress: Progress = silent,
) -> tuple[LeadHistory | None, tuple[Problem, ...]]:
    """Makes a history of tables in memory and finds what is wrong with it; see `examine`."""
    history = assemble(raw, findings, attribute_types=attribute_types, progress=progress)
    return _checked(history, findings, observed_until, horizon_days), findings.problems()


def check_whole(history: LeadHistory, findings: Findings, *, horizon_days: float = HORIZON_DAYS) -> None:
    """Finds what only the whole history tells: too few leads or conversions, one class, too short."""
    _check_size(history, findings)
    _check_outcomes(history, findings)
    _check_length(history, findings, horizon_days)


def _check_size(history: LeadHistory, findings: Findings) -> None:
    if history.leads_count < LEADS_NEEDED:
        findings.add("D053", table="leads", count=history.leads_count, needed=str(LEADS_NEEDED))


def _check_outcomes(history: LeadHistory, findings: Findings) -> None:
    outcome = history.outcomes.outcome
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
        findings.add("D052", table="outcomes", count=converted, needed=str(CONVERSIONS_NEEDED))


def _check_length(history: LeadHistory, findings: Findings, horizon_days: float) -> None:
    if not history.leads_count:
        return
    days = (history.observed_until - int(np.min(history.created_at))) / US_PER_DAY
    if days < horizon_days:
        findings.add("D054", table="leads", days=f"{days:.1f}", horizon=f"{horizon_days:g}")
