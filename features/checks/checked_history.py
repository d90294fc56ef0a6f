"""Reads a history from any source and checks all of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from features.checks.checks import examine
from features.findings.problems import HistoryError, Problem, accept
from features.history.fingerprint import digest_history
from features.history.lead_history import AttributeType, LeadHistory
from features.history.settings import HistorySettings
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name


@dataclass(frozen=True, slots=True)
class CheckedHistory:
    """A history that can be used, and the problems found in it.

    Attributes:
        history: the history, without the rows that were left out.
        problems: all problems; none of them stops the purpose of reading.
    """

    history: LeadHistory
    problems: tuple[Problem, ...]

    @property
    def digests(self) -> Mapping[str, str]:
        """SHA-256 of the content by table: equal for equal rows, in any row order and any file format."""
        return digest_history(self.history)


def read_history(
    source: Source,
    *,
    observed_until: int | None = None,
    now: int | None = None,
    attribute_types: Mapping[str, AttributeType] | None = None,
    settings: HistorySettings | None = None,
    machine_rules: int | None = None,
    for_training: bool = False,
    horizon_days: float = 30.0,
    accepted_codes: Collection[str] = (),
    progress: Progress = silent,
) -> CheckedHistory:
    """Reads a history and checks all of it.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        observed_until: last instant for which outcomes are complete, microseconds UTC; by default where
            the rows of the tables end as a mass. No rows are removed by it.
        now: microseconds UTC; rows known after it do not move `observed_until`. None: no such bound.
        attribute_types: types by attribute name; other types are inferred from the values. Scoring gives the
            types of its model: a type then never depends on the rows at hand.
        settings: of the model that scores, which override those of the history; None: those of the history.
        machine_rules: number of the rules by which rows are left out as machine-made; None: those of the
            model, else the latest.
        for_training: whether problems that stop only training are raised.
        horizon_days: minimum length of the history for training.
        accepted_codes: codes of accepted problems: they stop nothing.
        progress: called once per table.

    Returns:
        The history and its problems.

    Raises:
        HistoryError: a problem stops the purpose; the text lists all such problems by number.
    """
    history, problems = examine(
        source,
        observed_until=observed_until,
        now=now,
        attribute_types=attribute_types,
        settings=settings,
        machine_rules=machine_rules,
        horizon_days=horizon_days,
        with_plausibility=for_training,
        progress=progress,
    )
    problems = accept(problems, accepted_codes)
    stopping = {"everything", "training"} if for_training else {"everything"}
    stops = [problem for problem in problems if problem.stops in stopping]
    if history is None or stops:
        raise HistoryError(display_name(source), stops)
    return CheckedHistory(history=history, problems=problems)
