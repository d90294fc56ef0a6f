"""The data gate, as far as it needs examples and their features: would the data to be fitted mislead?

`features.checks.plausibility` holds the checks that need the history alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from features.checks.checked_history import CheckedHistory
from features.findings.problems import Findings, HistoryError, Problem, accept
from features.history.lead_history import LeadHistory
from features.sources.open_source import Source, display_name
from training.config import TrainingConfig
from training.data_checks.leaks import check_single_features
from training.data_checks.lookahead import check_future
from training.data_checks.testability import check_fits, check_testability
from training.examples.dataset import Dataset


def require_testability(history: LeadHistory, *, source: Source, config: TrainingConfig) -> None:
    """Checks that a model can be tested at moments of the past, before any feature is computed.

    Args:
        history: checked.
        source: the folder or database URL it was read from.
        config: horizon, time edges, conversions needed.

    Raises:
        HistoryError: it cannot; the text says what is in the way.
    """
    findings = Findings()
    check_testability(history, findings, config=config)
    if problems := findings.problems():
        raise HistoryError(display_name(source), problems)


def pass_gate(
    dataset: Dataset, checked: CheckedHistory, *, source: Source, config: TrainingConfig
) -> tuple[Dataset, tuple[Problem, ...]]:
    """Checks the examples and their features before anything is fitted.

    Args:
        dataset: of the training.
        checked: the history, and the problems found in it.
        source: the folder or database URL it was read from.
        config: seed, and the codes that a person answers for.

    Returns:
        The dataset with a note for each problem, and the problems; none of them stops.

    Raises:
        HistoryError: something stops training; the text is the numbered list of all that does.
    """
    findings = Findings()
    check_fits(dataset, findings, config=config)
    check_single_features(dataset, findings, seed=config.seed)
    check_future(dataset, findings, seed=config.seed)
    found = accept(findings.problems(), config.accepted_codes)
    if stops := [problem for problem in found if problem.stops is not None]:
        raise HistoryError(display_name(source), stops)
    problems = (*checked.problems, *found)
    notes = tuple(_note(problem, config.accepted_codes) for problem in problems)
    return replace(dataset, notes=(*dataset.notes, *notes)), problems


def _note(problem: Problem, accepted: Collection[str]) -> str:
    """Describes a problem without ids of leads: a card must not hold them."""
    return f"{problem.code}{' (accepted)' if problem.code in accepted else ''} {problem.sentence}"
