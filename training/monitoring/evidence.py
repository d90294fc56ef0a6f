"""Gathers the evidence of all rules, each with the confidence that its part of the alarms leaves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from features.history.lead_history import LeadHistory
from models.bundle.bundle import Bundle
from training.config import TrainingConfig
from training.monitoring.cohorts import is_recent
from training.monitoring.complete import CompleteFigures, complete_evidence
from training.monitoring.delays import ReportingDelay
from training.monitoring.follow_up import FollowUp
from training.monitoring.inputs.inputs import Inputs, input_evidence
from training.monitoring.level_evidence import group_evidence, level_evidence, tested_groups
from training.monitoring.previous import previous_evidence
from training.monitoring.verdict import Evidence, confidence_of_tests

# The false alarms of a year are shared equally: the level, the groups and orders, the inputs.
_PARTS: Final = 3
_DAYS_A_WEEK: Final = 7.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the rules look at.

    Attributes:
        followed: scores of the nights and what followed.
        history: of the leads.
        inputs: of the last weeks.
        complete: figures of the last complete horizon; None where too few converted.
        delay: of reporting.
        answering: bundle of the champion; None where it is gone.
        previous: bundle of the champion before it; None where there was none, or it is gone.
    """

    followed: FollowUp
    history: LeadHistory
    inputs: Inputs
    complete: CompleteFigures | None
    delay: ReportingDelay
    answering: Bundle | None
    previous: Bundle | None


def evidence_of(seen: Seen, *, as_of: int, until: int, config: TrainingConfig) -> Iterator[Evidence]:
    """Gathers the figures of every rule that can be looked at.

    Args:
        seen: what the rules look at.
        as_of: the moment of the monitor, microseconds UTC.
        until: the end of what is known, microseconds UTC.
        config: limits.
    """
    limits, followed, horizon = config.monitor, seen.followed, seen.followed.scores.horizon_days
    recent = is_recent(followed, until=until)
    groups = tested_groups(followed, seen.history, until=until, config=config)
    of_level = confidence_of_tests(limits, tests=_PARTS, horizon_days=horizon)
    # The groups, the order, the slope and the champion before.
    of_fit = confidence_of_tests(limits, tests=_PARTS * (len(groups) + 3), horizon_days=horizon)
    yield from level_evidence(followed, recent, confidence=of_level, config=config)
    yield from group_evidence(followed, recent, groups, confidence=of_fit, config=config)
    if seen.complete is not None:
        card = None if seen.answering is None else seen.answering.card
        yield from complete_evidence(seen.complete, card, confidence=of_fit, config=config)
    if seen.answering is not None and seen.previous is not None:
        yield from previous_evidence(
            followed,
            recent,
            seen.history,
            seen.delay,
            champion=seen.answering.card.model_version,
            previous=seen.previous,
            until=until,
            confidence=of_fit,
            config=config,
        )
    of_inputs = confidence_of_tests(limits, tests=_PARTS * seen.inputs.tests_count, horizon_days=_DAYS_A_WEEK)
    yield from input_evidence(seen.inputs, as_of=as_of, confidence=of_inputs, limits=limits)
