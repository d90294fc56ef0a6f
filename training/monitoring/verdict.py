"""The verdict: every rule with what to do where it fails. The one table of them.

A rule fails only where the whole interval of its figure lies outside its bounds. An interval wider than the
bounds tells nothing yet. The confidence of the intervals is such that all rules and looks of a year together
give a false alarm only as often as the configuration allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from training.monitor_limits import MonitorLimits

Action = Literal["wait", "level shift", "retrain", "roll back"]
State = Literal["within", "crossed", "too few data"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the verdict.

    Attributes:
        name: as it stands in the output.
        action: what to do where it fails.
        figure: what is compared, with the subject in braces.
        remedy: the action in a sentence.
    """

    name: str
    action: Action
    figure: str
    remedy: str


# In the order of their weight: of several actions the first one named here is that of the verdict. A fault of
# the inputs comes first, because a training on broken data learns the fault.
RULES: Final[Mapping[str, Rule]] = {
    rule.name: rule
    for rule in (
        Rule(
            "stale",
            "wait",
            "days without a new row",
            "The history does not grow: repair the export. Nothing else here is up to date.",
        ),
        Rule(
            "vanished",
            "wait",
            "{subject} in the last week, over what the weeks before let expect",
            "Repair the source, or map the new name to the old one. A training now would learn the fault.",
        ),
        Rule(
            "surged",
            "wait",
            "{subject} in the last week, over what the weeks before let expect",
            "Look for rows sent twice or by machines. A training now would learn the fault.",
        ),
        Rule(
            "twice",
            "wait",
            "share of the last week's interactions that repeat another, above that of the weeks before",
            "Let the source send an interaction_id, and each row once.",
        ),
        Rule(
            "missing",
            "wait",
            "share of the last week's leads without {subject}, above that of the weeks before",
            "Repair the form or the import that fills it. A training now would learn the fault.",
        ),
        Rule(
            "late",
            "wait",
            "days by which {subject} become known later than before",
            "Repair the transfer. Scores of the night miss what arrives after them.",
        ),
        Rule(
            "clock",
            "wait",
            "hours by which the day of the interactions moved",
            "Repair the zone of the times.",
        ),
        Rule(
            "worse_than_previous",
            "roll back",
            "log loss of the champion above that of version {subject}, on the same leads",
            "`leadodds rollback`.",
        ),
        Rule(
            "new",
            "retrain",
            "share of the last week's rows that are {subject}, never seen before",
            "If it is an old one under a new name, map it. Else retrain when a horizon of it is over; until "
            "then such leads are scored without it.",
        ),
        Rule(
            "group",
            "retrain",
            "observed over expected conversions of {subject}, against all leads",
            "`leadodds retrain`: the model no longer fits this part.",
        ),
        Rule(
            "discrimination",
            "retrain",
            "AUC of complete cohorts, below that of the training",
            "`leadodds retrain`: the order of the leads is worse than it was.",
        ),
        Rule(
            "slope",
            "retrain",
            "calibration slope of complete cohorts",
            "`leadodds retrain`: probabilities are too far apart (below 1) or too close together.",
        ),
        Rule(
            "level",
            "level shift",
            "observed over expected conversions of the last horizon",
            "The order of the leads stands; every chance is off by about this factor. `leadodds retrain` "
            "learns the level anew; with few weeks since the change set training_window_days.",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """A figure for a rule.

    Attributes:
        rule: name of it.
        value: the figure.
        low: lower end of its interval, at the confidence of the verdict.
        high: upper end.
        least: lower bound, below which the rule fails.
        most: upper bound, above which it fails.
        subject: what it is about, if the rule has several.
    """

    rule: str
    value: float
    low: float
    high: float
    least: float = -math.inf
    most: float = math.inf
    subject: str = ""

    @property
    def state(self) -> State:
        """Whether the bounds are kept; too few data where the interval contains both or is none."""
        if math.isnan(self.value) or math.isnan(self.low) or math.isnan(self.high):
            return "too few data"
        if self.low > self.most or self.high < self.least:
            return "crossed"
        if self.low < self.least and self.high > self.most:
            return "too few data"
        return "within"

    def sentence(self) -> str:
        """Words the figure, its interval and its bounds; where it fails, what to do."""
        rule = RULES[self.rule]
        figure = rule.figure.format(subject=self.subject)
        bounds = [f"{bound:.3g}" if math.isfinite(bound) else "" for bound in (self.least, self.most)]
        limit = (
            " to ".join(bounds)
            if all(bounds)
            else f"at least {bounds[0]}"
            if bounds[0]
            else f"at most {bounds[1]}"
        )
        fact = f"{figure}: {self.value:.3g} [{self.low:.3g}, {self.high:.3g}], limit {limit}"
        return f"{fact}. {rule.remedy}" if self.state == "crossed" else f"{fact}."

    def to_json(self) -> dict[str, Any]:
        """Turns the line into an object."""
        numbers = {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "least": self.least,
            "most": self.most,
        }
        crossed = self.state == "crossed"
        return {
            "rule": self.rule,
            "subject": self.subject,
            "state": self.state,
            "action": RULES[self.rule].action if crossed else "wait",
            **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
            "sentence": self.sentence(),
        }


@dataclass(frozen=True, slots=True)
class MonitorVerdict:
    """What to do.

    Attributes:
        lines: every figure that was compared, the failing ones first, in the order of the rules.
    """

    lines: tuple[Evidence, ...]

    @property
    def crossed(self) -> tuple[Evidence, ...]:
        """The figures whose limit is crossed."""
        return tuple(line for line in self.lines if line.state == "crossed")

    @property
    def is_flagged(self) -> bool:
        """Whether any limit is crossed."""
        return bool(self.crossed)

    @property
    def action(self) -> Action:
        """The action of the weightiest rule that fails; wait where none does."""
        return RULES[self.crossed[0].rule].action if self.crossed else "wait"

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        if self.crossed:
            return f"{self.action}: {self.crossed[0].sentence()}"
        if self.lines and all(line.state == "too few data" for line in self.lines):
            return "wait: too few data to tell."
        return "wait: nothing to do, no limit is crossed."

    def to_json(self) -> dict[str, Any]:
        """Turns the verdict into an object."""
        return {
            "action": self.action,
            "flagged": self.is_flagged,
            "sentence": self.sentence,
            "lines": [line.to_json() for line in self.lines],
        }


def reach_verdict(evidence: Sequence[Evidence]) -> MonitorVerdict:
    """Sorts the evidence: what fails first, then in the order of the rules."""
    order = list(RULES)
    return MonitorVerdict(
        tuple(sorted(evidence, key=lambda line: (line.state != "crossed", order.index(line.rule))))
    )


def confidence_of_tests(limits: MonitorLimits, *, tests: int, horizon_days: float) -> float:
    """Computes the confidence of each interval, so that a year has few false alarms.

    Looks within one horizon see mostly the same leads, so a year has as many looks as horizons.

    Args:
        limits: chance of a false alarm in a year.
        tests: figures that are compared at each look.
        horizon_days: the main horizon.

    >>> round(confidence_of_tests(MonitorLimits(), tests=10, horizon_days=30), 6)
    0.999178
    """
    looks = max(1.0, 365 / horizon_days)
    return 1 - limits.false_alarms_per_year / (max(tests, 1) * looks)
