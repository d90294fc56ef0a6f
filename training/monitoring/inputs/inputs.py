"""The inputs of the last week beside those of the weeks before and of the training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from features.findings.problems import Problem
from features.history.known import without_aliases
from features.history.lead_history import LeadHistory
from features.times import US_PER_DAY
from models.bundle.bundle import Bundle
from training.monitor_limits import MonitorLimits
from training.monitoring.inputs.attributes import AttributeFacts, attribute_evidence, attribute_facts
from training.monitoring.inputs.interactions import (
    RowFacts,
    Volume,
    row_evidence,
    row_facts,
    volume_evidence,
    volumes_of,
)
from training.monitoring.inputs.stability import Stability
from training.monitoring.inputs.weeks import Weeks, weeks_of
from training.monitoring.verdict import Evidence

# Features of the least stability that are shown.
_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Inputs:
    """What came in.

    Attributes:
        history: cut at its end, without aliases.
        weeks: that are compared, the last one first.
        new_leads: by week.
        volumes: of every kind.
        rows: lateness, duplicates and clock.
        attributes: of the new leads.
        stability: of what the model reads; empty where the bundle is gone.
        problems: code and count of what `leadodds check` finds.
    """

    history: LeadHistory
    weeks: Weeks
    new_leads: tuple[int, ...]
    volumes: tuple[Volume, ...]
    rows: RowFacts
    attributes: tuple[AttributeFacts, ...]
    stability: tuple[Stability, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def tests_count(self) -> int:
        """Figures that are compared, about: a kind, a category and an attribute have one each."""
        categories = sum(len(facts.counts) for facts in self.attributes)
        return len(self.volumes) + len(self.attributes) + categories + 4

    def to_json(self) -> dict[str, Any]:
        """Turns the inputs into an object."""
        return {
            "new_leads": list(self.new_leads),
            "open_leads": [int(count) for count in self.weeks.open_leads],
            "kinds": [volume.to_json() for volume in self.volumes],
            **self.rows.to_json(),
            "attributes": [facts.to_json() for facts in self.attributes],
            "population_stability": [each.to_json() for each in self.stability[:_SHOWN]],
            "problems": [{"code": problem.code, "count": problem.count} for problem in self.problems],
        }


def find_inputs(
    history: LeadHistory,
    *,
    bundle: Bundle | None,
    stability: tuple[Stability, ...],
    problems: tuple[Problem, ...],
) -> Inputs:
    """Looks at the inputs of the last weeks.

    Args:
        history: cut at its end.
        bundle: of the champion; None where it is gone.
        stability: of what it reads.
        problems: of the check of the history.
    """
    history = without_aliases(history)
    weeks = weeks_of(history)
    declared = () if bundle is None else bundle.feature_set.features
    created = weeks.of(history.created_at)
    return Inputs(
        history=history,
        weeks=weeks,
        new_leads=tuple(int((created == week).sum()) for week in range(weeks.count)),
        volumes=volumes_of(history, weeks),
        rows=row_facts(history, weeks),
        attributes=attribute_facts(
            history,
            weeks,
            read=frozenset(feature.attribute for feature in declared if feature.attribute),
        ),
        stability=stability,
        problems=problems,
    )


def input_evidence(
    inputs: Inputs, *, as_of: int, confidence: float, limits: MonitorLimits
) -> Iterator[Evidence]:
    """Compares the last week with the weeks before.

    Args:
        inputs: of the weeks.
        as_of: the moment of the monitor, microseconds UTC.
        confidence: of the intervals.
        limits: of the configuration.
    """
    days = max(0.0, (as_of - inputs.weeks.until) / US_PER_DAY)
    yield Evidence("stale", days, days, days, most=limits.stale_days)
    yield from volume_evidence(inputs.volumes, inputs.weeks, confidence=confidence, limits=limits)
    yield from row_evidence(inputs.rows, inputs.history, inputs.weeks, confidence=confidence, limits=limits)
    yield from attribute_evidence(inputs.attributes, inputs.weeks, confidence=confidence, limits=limits)
