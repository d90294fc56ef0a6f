from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from training.metrics.bootstrap import Estimate
from training.promotion.gate import GateInputs, decide


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 1_000)


GOOD = GateInputs(
    stopping_problems=0,
    conversions=900,
    origins=4,
    against_base_rate=_estimate(-0.05, -0.06, -0.04),
    against_logistic=_estimate(-0.01, -0.02, 0.01),
    level=_estimate(1.02, 0.97, 1.07),
    levels=(0.9, 1.1, 1.2, 0.8),
    slope=_estimate(1.0, 0.9, 1.1),
)
CHALLENGE: dict[str, Any] = {
    "against_champion": _estimate(-0.001, -0.006, 0.004),
    "capture_against_champion": _estimate(0.0, -0.019, 0.02),
    "segments": {"from the grid": _estimate(0.03, 0.019, 0.05)},
}

# (what differs from a good one, rules that fail, may be first champion, may replace a champion)
DECISIONS: list[tuple[dict[str, Any], set[str], bool, bool]] = [
    ({}, set(), True, True),
    ({"stopping_problems": 1}, {"data_checks"}, False, False),
    ({"conversions": 200}, set(), True, True),
    ({"conversions": 199}, {"enough_conversions"}, True, False),
    ({"origins": 3}, set(), True, True),
    ({"origins": 2}, {"enough_origins"}, True, False),
    ({"against_base_rate": _estimate(-0.01, -0.03, 0.01)}, {"better_than_base_rate"}, True, False),
    (
        {"against_base_rate": _estimate(0.02, 0.001, 0.03)},
        {"not_worse_than_base_rate", "better_than_base_rate"},
        False,
        False,
    ),
    ({"against_logistic": _estimate(0.02, 0.001, 0.03)}, {"not_worse_than_logistic"}, True, False),
    ({"against_logistic": None}, set(), True, True),
    ({"level": _estimate(0.8, 0.7, 0.9)}, set(), True, True),
    ({"level": _estimate(0.79, 0.7, 0.9)}, {"level"}, True, False),
    ({"level": _estimate(1.26, 1.1, 1.3)}, {"level"}, True, False),
    ({"levels": (1.0, 1.5, 0.67)}, set(), True, True),
    ({"levels": (1.0, 1.51, 0.7)}, {"level_of_each_origin"}, True, False),
    ({"levels": (1.0, 1.4, 0.66)}, {"level_of_each_origin"}, True, False),
    ({"levels": (1.0, 1.0, float("inf"))}, {"level_of_each_origin"}, True, False),
    ({"slope": _estimate(0.79, 0.7, 0.9)}, {"slope"}, True, False),
    ({"slope": _estimate(1.26, 1.2, 1.3)}, {"slope"}, True, False),
]
CHALLENGES: list[tuple[dict[str, Any], set[str]]] = [
    ({"against_champion": _estimate(0.001, -0.002, 0.0051)}, {"log_loss_against_champion"}),
    ({"against_champion": _estimate(0.001, -0.002, 0.0049)}, set()),
    ({"capture_against_champion": _estimate(0.0, -0.021, 0.02)}, {"capture_against_champion"}),
    ({"segments": {"new leads": _estimate(0.03, 0.021, 0.05)}}, {"segment new leads"}),
    ({"segments": {}}, set()),
]


@pytest.mark.parametrize(("changed", "failing", "may_be_first", "may_replace"), DECISIONS)
def test_decide__follows_the_decision_table(
    changed: dict[str, Any], failing: set[str], may_be_first: bool, may_replace: bool
) -> None:
    inputs = replace(GOOD, **changed)

    first = decide(inputs)
    challenger = decide(replace(inputs, **CHALLENGE))

    assert {row.rule for row in first.rows if not row.passed} == failing
    assert {row.rule for row in challenger.rows if not row.passed} == failing
    assert first.may_win is may_be_first
    assert challenger.may_win is may_replace


@pytest.mark.parametrize(("changed", "failing"), CHALLENGES)
def test_decide__asks_more_of_a_challenger(changed: dict[str, Any], failing: set[str]) -> None:
    verdict = decide(replace(GOOD, **(CHALLENGE | changed)))

    assert {row.rule for row in verdict.rows if not row.passed} == failing
    assert verdict.may_win is (not failing)


def test_decide__lists_what_does_not_stop_a_first_champion() -> None:
    verdict = decide(replace(GOOD, origins=2))

    assert verdict.may_win
    assert verdict.sentence.endswith("Listed, without stopping it: enough_origins failed.")


def test_decide__with_too_little_data_says_so_and_keeps_the_champion() -> None:
    verdict = decide(replace(GOOD, conversions=150, **CHALLENGE))

    assert verdict.sentence == "Insufficient data, the champion stays."


def test_row__reads_as_a_sentence() -> None:
    row = next(row for row in decide(GOOD).rows if row.rule == "level_of_each_origin")

    assert row.to_json() == {
        "rule": "level_of_each_origin",
        "value": 0.8,
        "limit": "0.67 to 1.5",
        "passed": True,
        "sentence": "Promised over happened at the worst origin: 0.800; 0.67 to 1.5 asked.",
    }
