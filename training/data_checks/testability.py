"""Whether a model of a history could be tested at moments of its past, and what is in the way where not."""

from __future__ import annotations

import numpy as np

from features.checks.shares import day_of, percent
from features.findings.problems import Findings
from features.history.known import conversions_of_leads
from features.history.lead_history import LeadHistory
from features.history.outcomes import lead_of_rows
from features.times import NEVER_US, US_PER_DAY
from training.config import TrainingConfig
from training.examples.dataset import Dataset
from training.examples.labels import edges_us, label_examples, reached_edges, reporting_delay
from training.examples.origins import (
    HorizonNotSupportedError,
    choose_horizon,
    conversions_needed,
    rolling_origins,
    supported_from,
)

# From this share on, outcomes that became known on one day are the reason that no moment knew enough.
_ON_ONE_DAY = 0.5


def check_testability(history: LeadHistory, findings: Findings, *, config: TrainingConfig) -> None:
    """Reports what keeps a training from testing a model at moments of the past.

    Args:
        history: checked, with at least one lead.
        findings: collects what is found.
        config: horizon, time edges, conversions needed.
    """
    try:
        horizon_days, _ = choose_horizon(history, config=config)
    except HorizonNotSupportedError:
        _explain(history, findings, config=config)
        return
    outcomes = history.outcomes
    counts = conversions_of_leads(history, history.observed_until)
    occurred_at, created_at = outcomes.occurred_at[counts], history.created_at[lead_of_rows(outcomes)[counts]]
    origins = rolling_origins(history, config=config, horizon_days=horizon_days)
    start, end = origins[0].test_from, origins[-1].test_until
    reach = int(edges_us([horizon_days])[0])
    tested = (
        (occurred_at > np.maximum(created_at, start)) & (created_at <= end) & (occurred_at <= end + reach)
    )
    if not tested.any():
        findings.add(
            "D074", table="outcomes", horizon=f"{horizon_days:g}", day=day_of(start), end=day_of(end)
        )


def check_fits(dataset: Dataset, findings: Findings, *, config: TrainingConfig) -> None:
    """Reports where no origin can be fitted and tested, though the history has the conversions for it.

    Only the examples tell: their number and their moments are drawn.

    Args:
        dataset: of the history.
        findings: collects what is found.
        config: time edges, conversions needed, examples tested.
    """
    history, origins = dataset.history, dataset.origins
    horizon = f"{dataset.horizon_days:g}"
    fitted = [origin for origin in origins if _is_fitted(dataset, origin.at, config=config)]
    tested = [dataset.outcome[dataset.tests_of(origin, config=config)] for origin in fitted]
    has_tests = any(map(len, tested))
    if not has_tests or not _is_fitted(dataset, history.observed_until, config=config):
        findings.add(
            "D075",
            table="outcomes",
            day=day_of(history.observed_until if has_tests else origins[0].at),
            end=day_of(history.observed_until if has_tests else origins[-1].at),
            horizon=horizon,
            needed=str(config.min_conversions_per_bin),
            late=_late(history),
        )
        return
    outcome = np.concatenate(tested)
    converted = int(outcome.sum())
    if not 0 < converted < len(outcome):
        findings.add(
            "D076",
            table="outcomes",
            tested=f"{len(outcome):,} examples",
            converted="none" if not converted else "all",
            day=day_of(fitted[0].test_from),
            end=day_of(fitted[-1].test_until),
            horizon=horizon,
        )


def _is_fitted(dataset: Dataset, at: int, *, config: TrainingConfig) -> bool:
    """Tells whether the labels known at a moment reach the main horizon."""
    labels = label_examples(dataset.history, dataset.examples.examples, observed_until=at)
    edges = reached_edges(
        labels,
        dataset.lead,
        edges_days=config.time_edges_days,
        min_conversions=config.min_conversions_per_bin,
        horizon_days=dataset.horizon_days,
    )
    return edges is not None


def _late(history: LeadHistory) -> str:
    """Says how late outcomes become known, where that is a day or more."""
    days = reporting_delay(history, observed_until=history.observed_until) // US_PER_DAY
    delay = f"{days:,} day{'s' if days > 1 else ''}"
    return f" Conversions become known up to {delay} after they happen." if days else ""


def _explain(history: LeadHistory, findings: Findings, *, config: TrainingConfig) -> None:
    """Reports why no horizon is supported."""
    outcomes, needed = history.outcomes, conversions_needed(config)
    counts = conversions_of_leads(history, history.observed_until)
    lead = lead_of_rows(outcomes)[counts]
    is_later = outcomes.occurred_at[counts] > history.created_at[lead]
    after = len(np.unique(lead[is_later]))
    at_creation = len(np.unique(lead)) - after
    if after < needed:
        if at_creation + after >= needed:
            findings.add("D070", table="outcomes", count=at_creation, after=f"{after:,}", needed=str(needed))
        else:
            findings.add(
                "D072", table="outcomes", count=after, needed=str(needed), missing=str(needed - after)
            )
        return
    days, on_day = np.unique(outcomes.available_at[counts][is_later] // US_PER_DAY, return_counts=True)
    share = float(on_day.max() / on_day.sum())
    if share >= _ON_ONE_DAY:
        day = day_of(int(days[on_day.argmax()]) * US_PER_DAY)
        findings.add("D071", table="outcomes", count=int(on_day.sum()), share=percent(share), day=day)
        return
    shortest = config.time_edges_days[1]
    first = supported_from(history, config=config, horizon_days=min(shortest, config.horizon_days))
    findings.add(
        "D073",
        table="outcomes",
        longest=f"{config.horizon_days:g}",
        shortest=f"{shortest:g}",
        needed=str(needed),
        day=day_of(first if first < NEVER_US else history.observed_until),
        end=day_of(history.observed_until),
        late=_late(history),
    )
