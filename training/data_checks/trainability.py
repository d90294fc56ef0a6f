"""Whether a history can be trained on: everything that stops a training, found without fitting anything."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import ceil

import numpy as np

from features.catalog.spec import FeatureSet
from features.checks.checks import examine
from features.engine.engine import compute_here
from features.engine.matrix import Examples, FeatureMatrix
from features.findings.problems import Findings, Problem, accept
from features.findings.report import CheckReport
from features.history.lead_history import LeadHistory
from features.progress import Progress, silent
from features.sources.open_source import Source, display_name
from features.times import US_PER_DAY
from training.config import TrainingConfig
from training.data_checks.leaks import check_single_features
from training.data_checks.testability import check_fits, check_testability
from training.examples.dataset import build_dataset


def check_for_training(
    source: Source,
    *,
    config: TrainingConfig,
    observed_until: int | None = None,
    now: int | None = None,
    progress: Progress = silent,
) -> CheckReport:
    """Lists all problems of a history, those that only a training would meet among them.

    Args:
        source: a folder of Parquet or CSV tables, a database URL, or tables in memory.
        config: of the training; codes that it accepts stop nothing.
        observed_until: last instant for which outcomes are complete, microseconds UTC.
        now: microseconds UTC; rows known after it do not move `observed_until`.
        progress: called once per table, and before and after the features.

    Raises:
        LeadOddsError: the configuration does not fit the history, as `build_dataset` says.
    """
    history, problems = examine(
        source,
        observed_until=observed_until,
        now=now,
        attribute_types=config.attribute_types,
        horizon_days=config.horizon_days,
        with_plausibility=True,
        progress=progress,
    )
    problems = accept(problems, config.accepted_codes)
    findings = Findings()
    # Without leads or conversions the reasons are in the list already.
    if history is not None and not _is_stopped(problems):
        check_testability(history, findings, config=config)
    # Features are computed last: they cost most.
    if history is not None and not _is_stopped((*problems, *findings.problems())):
        # At creation and up to one spacing of the grid later: all that the check for leaks looks at.
        compute = partial(_compute_young, oldest_us=ceil(config.grid_spacing_days * US_PER_DAY))
        dataset = build_dataset(history, config=config, compute=compute, progress=progress)
        check_fits(dataset, findings, config=config)
        check_single_features(dataset, findings, seed=config.seed)
    found = accept(findings.problems(), config.accepted_codes)
    every = sorted((*problems, *found), key=lambda problem: problem.code)
    return CheckReport(display_name(source), tuple(every))


def _is_stopped(problems: Iterable[Problem]) -> bool:
    return any(problem.stops is not None for problem in problems)


def _compute_young(
    feature_set: FeatureSet, history: LeadHistory, examples: Examples, *, oldest_us: int
) -> FeatureMatrix:
    """Computes the features of examples of leads up to an age; those of others are missing."""
    age = examples.as_of - history.created_at[examples.lead]
    young = np.flatnonzero(age <= oldest_us)
    some = compute_here(feature_set, history, Examples(examples.lead[young], examples.as_of[young]))
    values = np.full((len(some.names), len(examples.lead)), np.nan)
    values[:, young] = some.values
    return some._replace(values=values)
