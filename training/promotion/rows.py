"""One rule of the gate with what was measured: passed, failed, or undecided for want of data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

from training.metrics.bootstrap import Estimate

Status = Literal["passed", "failed", "insufficient"]
_FIELDS: Final = ("rule", "value", "limit", "passed", "sentence")


@dataclass(frozen=True, slots=True)
class Row:
    """One rule of the verdict.

    Attributes:
        rule: its name.
        value: what was measured; None where nothing was, or where the value is infinite.
        limit: what the rule requires, in words.
        status: whether the rule holds; `insufficient` where the data cannot tell, which the sentence says.
        sentence: value and limit for a person.
    """

    rule: str
    value: float | None
    limit: str
    status: Status
    sentence: str

    @property
    def passed(self) -> bool:
        """Whether the rule holds."""
        return self.status == "passed"

    def to_json(self) -> dict[str, Any]:
        """Turns the row into an object of the verdict's table."""
        return {name: getattr(self, name) for name in _FIELDS}


def holds(rule: str, value: float | None, *, is_held: bool, limit: str, sentence: str) -> Row:
    """Makes the row of a rule that either holds or does not."""
    return Row(rule, value, limit, "passed" if is_held else "failed", sentence)


def at_least(rule: str, value: int, least: int, what: str) -> Row:
    """Requires a number of at least `least`; fewer decide nothing."""
    status: Status = "passed" if value >= least else "insufficient"
    return Row(
        rule, value, f"at least {least}", status, _worded(f"{value} {what}", f"at least {least}", status)
    )


def surely_below(rule: str, estimate: Estimate, limit: float, what: str, *, form: str = "g") -> Row:
    """Requires that a whole interval lies below a limit; it fails where the whole lies above.

    Args:
        rule: its name.
        estimate: with the interval.
        limit: which the upper bound must stay under.
        what: was measured.
        form: how the limit is written.
    """
    status: Status = (
        "passed" if estimate.high < limit else "failed" if estimate.low > limit else "insufficient"
    )
    return _of_interval(rule, estimate, status, f"upper bound below {limit:{form}}", what)


def not_surely_above(rule: str, estimate: Estimate, limit: float, what: str, *, form: str = "g") -> Row:
    """Requires that some of an interval lies at or below a limit; arguments as for `surely_below`."""
    status: Status = "passed" if estimate.low <= limit else "failed"
    return _of_interval(rule, estimate, status, f"lower bound at most {limit:{form}}", what)


def surely_above(rule: str, estimate: Estimate, limit: float, what: str, *, form: str = "g") -> Row:
    """Requires that a whole interval lies above a limit; arguments as for `surely_below`."""
    status: Status = (
        "passed" if estimate.low > limit else "failed" if estimate.high < limit else "insufficient"
    )
    return _of_interval(rule, estimate, status, f"lower bound above {limit:{form}}", what)


def equivalent(rule: str, estimate: Estimate, bounds: tuple[float, float], what: str) -> Row:
    """Requires that a number may lie within bounds, and is known precisely enough to say so.

    It fails where its whole interval lies outside: a point estimate would refuse models without fault where
    conversions are few. An interval that reaches beyond both bounds decides nothing.
    """
    is_too_wide = not (estimate.low >= bounds[0] or estimate.high <= bounds[1])
    status: Status = "failed" if is_outside(estimate, bounds) else "insufficient" if is_too_wide else "passed"
    value = estimate.value if math.isfinite(estimate.value) else None
    measured = f"{what[0].upper()}{what[1:]}: {estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
    limit = f"{bounds[0]:g} to {bounds[1]:g}"
    return Row(rule, value, limit, status, _worded(measured, limit, status))


def is_outside(estimate: Estimate, bounds: tuple[float, float]) -> bool:
    """Whether a whole interval lies outside bounds."""
    return estimate.low > bounds[1] or estimate.high < bounds[0]


def _of_interval(rule: str, estimate: Estimate, status: Status, limit: str, what: str) -> Row:
    """Words a rule about an interval."""
    measured = f"{what}: {estimate.value:+.5f} [{estimate.low:+.5f}, {estimate.high:+.5f}]"
    sentence = _worded(f"{measured[0].upper()}{measured[1:]}", limit, status)
    return Row(rule, estimate.value, limit, status, sentence)


def _worded(measured: str, limit: str, status: Status) -> str:
    """Says what was measured, what was asked, and whether the data cannot tell."""
    return f"{measured}; {limit} asked{': insufficient data' if status == 'insufficient' else ''}."
