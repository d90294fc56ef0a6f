"""When a model may become the champion: one decision table, fixed before any figure is known.

A first champion needs clean data checks and a log loss that is not significantly worse than the base rate;
other rules that fail are listed. A challenger needs every rule. The limits are those of the table in the
documentation of the method, and no configuration can loosen them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from training.metrics.bootstrap import Estimate

# Upper bound of the paired log-loss difference, as a part of the champion's loss.
LOSS_LIMIT: Final = 0.005
# Lower bound of the change in conversions that the leads called first capture.
CAPTURE_LIMIT: Final = -0.02
# A segment fails where even the lower bound lies above the champion's loss by more than this part of it.
SEGMENT_LIMIT: Final = 0.02
POOLED_LEVEL: Final = (0.8, 1.25)
ORIGIN_LEVEL: Final = (0.67, 1.5)
SLOPE: Final = (0.8, 1.25)
LEAST_CONVERSIONS: Final = 200
LEAST_ORIGINS: Final = 3


@dataclass(frozen=True, slots=True)
class GateInputs:
    """What the gate decides by: main horizon, pooled over origins unless an attribute names something else.

    Attributes:
        stopping_problems: data checks that stop training.
        conversions: leads that converted within the horizon of a test example.
        origins: number of origins with test examples.
        against_base_rate: mean paired difference of log loss, the model's less the base rate's.
        against_logistic: the same against logistic regression on mature examples; None when not fitted.
        level: predicted over observed conversions.
        levels: the same at each origin; infinite where no conversion was observed.
        slope: calibration slope.
        against_champion: log-loss difference as a part of the champion's loss; None without a champion.
        capture_against_champion: change in the conversions captured at sales capacity, as a part.
        segments: as `against_champion`, of each population with at least 200 conversions.
        reported_codes: codes of all problems that the data checks found.
    """

    stopping_problems: int
    conversions: int
    origins: int
    against_base_rate: Estimate
    against_logistic: Estimate | None
    level: Estimate
    levels: tuple[float, ...]
    slope: Estimate
    against_champion: Estimate | None = None
    capture_against_champion: Estimate | None = None
    segments: Mapping[str, Estimate] = field(default_factory=dict)
    reported_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of the verdict.

    Attributes:
        rule: its name.
        value: what was measured; None where the value is infinite.
        limit: what the rule requires, in words.
        passed: whether the rule holds.
        sentence: value and limit for a person.
    """

    rule: str
    value: float | None
    limit: str
    passed: bool
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """Turns the row into an object of the verdict's table."""
        return {name: getattr(self, name) for name in ("rule", "value", "limit", "passed", "sentence")}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate decided.

    Attributes:
        rows: every rule that applies.
        may_win: whether the version may become the champion.
        sentence: the decision for a person.
    """

    rows: tuple[Row, ...]
    may_win: bool
    sentence: str


# Rules that stop a first champion; the others are only listed.
_FIRST_RULES: Final = frozenset({"data_checks", "not_worse_than_base_rate"})
_ENOUGH_RULES: Final = frozenset({"enough_conversions", "enough_origins"})


def decide(inputs: GateInputs) -> Verdict:
    """Applies the decision table.

    Args:
        inputs: figures of the version; with those against a champion if there is one.

    Returns:
        Every rule with its value, and whether the version may become the champion.
    """
    rows = (*_own_rows(inputs), *_champion_rows(inputs))
    failed = [row.rule for row in rows if not row.passed]
    if inputs.against_champion is None:
        return _first_verdict(rows, failed)
    if _ENOUGH_RULES & set(failed):
        return Verdict(rows, may_win=False, sentence="Insufficient data, the champion stays.")
    if failed:
        return Verdict(rows, may_win=False, sentence=f"The champion stays: {', '.join(failed)} failed.")
    return Verdict(rows, may_win=True, sentence="Every rule holds: the challenger may become the champion.")


def _first_verdict(rows: tuple[Row, ...], failed: list[str]) -> Verdict:
    """Decides where there is no champion yet."""
    stopping = [rule for rule in failed if rule in _FIRST_RULES]
    if stopping:
        return Verdict(rows, may_win=False, sentence=f"No champion: {', '.join(stopping)} failed.")
    listed = f" Listed, without stopping it: {', '.join(failed)} failed." if failed else ""
    return Verdict(rows, may_win=True, sentence=f"May become the first champion.{listed}")


def _own_rows(inputs: GateInputs) -> Iterator[Row]:
    """Applies the rules that need no champion."""
    problems = inputs.stopping_problems
    listed = f" Found: {', '.join(inputs.reported_codes)}." if inputs.reported_codes else ""
    sentence = f"{problems} problems in the history stop training; none may.{listed}"
    yield Row("data_checks", problems, "none that stops", problems == 0, sentence)
    yield _least("enough_conversions", inputs.conversions, LEAST_CONVERSIONS, "leads converted in the tests")
    yield _least("enough_origins", inputs.origins, LEAST_ORIGINS, "origins were judged")
    base = inputs.against_base_rate
    yield _bound(
        "not_worse_than_base_rate",
        base,
        base.low <= 0,
        "lower bound at most 0",
        "log loss less that of the base rate",
    )
    yield _bound(
        "better_than_base_rate",
        base,
        base.high < 0,
        "upper bound below 0",
        "log loss less that of the base rate",
    )
    if (logistic := inputs.against_logistic) is not None:
        yield _bound(
            "not_worse_than_logistic",
            logistic,
            logistic.low <= 0,
            "lower bound at most 0",
            "log loss less that of logistic regression on mature examples",
        )
    yield _range("level", inputs.level.value, POOLED_LEVEL, "promised over happened, pooled")
    worst = max(inputs.levels, key=lambda level: max(level, 1 / level) if level > 0 else float("inf"))
    yield _range("level_of_each_origin", worst, ORIGIN_LEVEL, "promised over happened at the worst origin")
    yield _range("slope", inputs.slope.value, SLOPE, "calibration slope")


def _champion_rows(inputs: GateInputs) -> Iterator[Row]:
    """Applies the rules that compare with the champion."""
    if (loss := inputs.against_champion) is not None:
        yield _bound(
            "log_loss_against_champion",
            loss,
            loss.high < LOSS_LIMIT,
            f"upper bound below {LOSS_LIMIT:+.1%}",
            "log loss against the champion's, as a part of it",
        )
    if (capture := inputs.capture_against_champion) is not None:
        yield _bound(
            "capture_against_champion",
            capture,
            capture.low > CAPTURE_LIMIT,
            f"lower bound above {CAPTURE_LIMIT:+.0%}",
            "change in conversions captured by the leads called first",
        )
    for name, segment in inputs.segments.items():
        yield _bound(
            f"segment {name}",
            segment,
            segment.low <= SEGMENT_LIMIT,
            f"lower bound at most {SEGMENT_LIMIT:+.0%}",
            f"log loss against the champion's in {name}, as a part of it",
        )


def _least(rule: str, value: int, least: int, what: str) -> Row:
    """Requires a number of at least `least`."""
    return Row(rule, value, f"at least {least}", value >= least, f"{value} {what}; at least {least} asked.")


def _bound(rule: str, estimate: Estimate, passed: bool, limit: str, what: str) -> Row:
    """Requires that an end of an interval keeps a limit."""
    measured = f"{what}: {estimate.value:+.5f} [{estimate.low:+.5f}, {estimate.high:+.5f}]"
    sentence = f"{measured[0].upper()}{measured[1:]}; {limit} asked."
    return Row(rule, estimate.value, limit, passed, sentence)


def _range(rule: str, value: float, limits: tuple[float, float], what: str) -> Row:
    """Requires that a number lies within limits; only the sentence holds an infinite one, JSON has none."""
    limit = f"{limits[0]:g} to {limits[1]:g}"
    sentence = f"{what[0].upper()}{what[1:]}: {value:.3f}; {limit} asked."
    is_within = limits[0] <= value <= limits[1]
    return Row(rule, value if math.isfinite(value) else None, limit, is_within, sentence)
