from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from training.metrics.bootstrap import Estimate
from training.promotion.gate import ChampionComparison, DeployedComparison, GateInputs, decide


def _estimate(value: float, low: float, high: float) -> Estimate:
    return Estimate(value, low, high, 1_000)


def _level(value: float, times: float) -> Estimate:
    """The level of an origin, known within a factor."""
    return _estimate(value, value / times, value * times)


GOOD = GateInputs(
    stopping_problems=0,
    conversions=900,
    origins=4,
    against_base_rate=_estimate(-0.05, -0.06, -0.04),
    against_logistic=_estimate(-0.01, -0.02, 0.01),
    level=_estimate(1.02, 0.97, 1.07),
    levels=tuple(_level(value, 1.3) for value in (0.9, 1.1, 1.2, 0.8)),
    slope=_estimate(1.0, 0.9, 1.1),
    horizon_days=30,
)
CHAMPION = ChampionComparison(
    version="3",
    horizon_days=30,
    configured_horizon_days=30,
    log_loss=_estimate(-0.001, -0.006, 0.004),
    capture=_estimate(0.0, -0.019, 0.02),
    segments={"grid": _estimate(0.03, 0.019, 0.05)},
    deployed=DeployedComparison(_estimate(-0.01, -0.03, 0.02), origins=3, conversions=200),
)

# (what differs from a good one, rules that do not hold, may be first champion, may replace a champion)
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
    # Only an interval that lies wholly outside 0.8 to 1.25 fails; one beyond both ends decides nothing.
    ({"level": _estimate(0.7, 0.6, 0.81)}, set(), True, True),
    ({"level": _estimate(0.7, 0.6, 0.79)}, {"level"}, True, False),
    ({"level": _estimate(1.3, 1.26, 1.4)}, {"level"}, True, False),
    ({"level": _estimate(1.3, 1.24, 1.4)}, set(), True, True),
    ({"level": _estimate(1.0, 0.79, 1.26)}, {"level"}, True, False),
    # The bounds of an origin are 0.67 and 1.5: 1.96 / 1.3 = 1.508, 1.94 / 1.3 = 1.492.
    ({"levels": (_level(1.0, 1.3), _level(1.94, 1.3))}, set(), True, True),
    ({"levels": (_level(1.0, 1.3), _level(1.96, 1.3))}, {"level_of_each_origin"}, True, False),
    # 0.51 * 1.3 = 0.663, 0.52 * 1.3 = 0.676.
    ({"levels": (_level(1.0, 1.3), _level(0.52, 1.3))}, set(), True, True),
    ({"levels": (_level(1.0, 1.3), _level(0.51, 1.3))}, {"level_of_each_origin"}, True, False),
    # No conversion: infinite, and its lower bound tells whether that can be chance.
    ({"levels": (_level(1.0, 1.3), _estimate(math.inf, 0.4, math.inf))}, set(), True, True),
    (
        {"levels": (_level(1.0, 1.3), _estimate(math.inf, 1.6, math.inf))},
        {"level_of_each_origin"},
        True,
        False,
    ),
    ({"slope": _estimate(0.7, 0.6, 0.79)}, {"slope"}, True, False),
    ({"slope": _estimate(0.7, 0.6, 0.81)}, set(), True, True),
    ({"slope": _estimate(1.0, 0.7, 1.4)}, {"slope"}, True, False),
]
CHALLENGES: list[tuple[dict[str, Any], set[str]]] = [
    ({"log_loss": _estimate(0.001, -0.002, 0.0051)}, {"log_loss_against_champion"}),
    ({"log_loss": _estimate(0.001, -0.002, 0.0049)}, set()),
    ({"capture": _estimate(0.0, -0.021, 0.02)}, {"capture_against_champion"}),
    ({"segments": {"new leads": _estimate(0.03, 0.021, 0.05)}}, {"segment new leads"}),
    ({"segments": {}}, set()),
    ({"faults_of_history": ("it ends earlier",)}, {"history_agrees"}),
    ({"lost_inputs": ("D099 there are no calls",)}, {"inputs_of_champion"}),
    (
        {"deployed": DeployedComparison(_estimate(0.02, 0.0051, 0.03), origins=3, conversions=200)},
        {"deployed_champion"},
    ),
    (
        {"deployed": DeployedComparison(_estimate(0.02, 0.0049, 0.03), origins=3, conversions=200)},
        set(),
    ),
    (
        {"deployed": DeployedComparison(_estimate(-0.1, -0.2, 0), origins=2, conversions=900)},
        {"deployed_champion"},
    ),
    (
        {"deployed": DeployedComparison(_estimate(-0.1, -0.2, 0), origins=3, conversions=199)},
        {"deployed_champion"},
    ),
    ({"deployed": DeployedComparison()}, {"deployed_champion"}),
    ({"deployed": DeployedComparison(), "accepts_insufficient": True}, {"deployed_champion"}),
    # Another horizon: nothing is compared, and nothing passes for want of a comparison.
    (
        {
            "horizon_days": 14,
            "configured_horizon_days": 14,
            "log_loss": None,
            "capture": None,
            "segments": {},
        },
        {"same_horizon"},
    ),
    # A young company's champion answers for less than was configured, until its history has grown.
    ({"horizon_days": 7}, set()),
    ({"horizon_days": 7, "deployed": DeployedComparison(is_out_of_reach=True)}, set()),
    ({"horizon_days": 7, "log_loss": _estimate(0.01, 0.001, 0.02)}, {"log_loss_against_champion"}),
    ({"horizon_days": 7, "configured_horizon_days": 14}, {"same_horizon"}),
    ({"horizon_days": 60, "configured_horizon_days": 90}, {"same_horizon"}),
]


@pytest.mark.parametrize(("changed", "failing", "may_be_first", "may_replace"), DECISIONS)
def test_decide__follows_the_decision_table(
    changed: dict[str, Any], failing: set[str], may_be_first: bool, may_replace: bool
) -> None:
    inputs = replace(GOOD, **changed)

    first = decide(inputs)
    challenger = decide(replace(inputs, champion=CHAMPION))

    assert {row.rule for row in first.rows if not row.passed} == failing
    assert {row.rule for row in challenger.rows if not row.passed} == failing
    assert first.may_win is may_be_first
    assert challenger.may_win is may_replace


@pytest.mark.parametrize(("changed", "failing"), CHALLENGES)
def test_decide__asks_more_of_a_challenger(changed: dict[str, Any], failing: set[str]) -> None:
    verdict = decide(replace(GOOD, champion=replace(CHAMPION, **changed)))

    assert {row.rule for row in verdict.rows if not row.passed} == failing
    assert verdict.may_win is (not failing or "accepts_insufficient" in changed)


def test_decide__lists_what_does_not_stop_a_first_champion() -> None:
    verdict = decide(replace(GOOD, origins=2))

    assert verdict.may_win
    assert verdict.sentence.endswith("Listed, without stopping it: enough_origins undecided.")


def test_decide__with_too_little_data_says_so_and_keeps_the_champion() -> None:
    verdict = decide(replace(GOOD, conversions=150, champion=CHAMPION))

    assert verdict.sentence == "Insufficient data, the champion stays: enough_conversions undecided."


def test_row__reads_as_a_sentence() -> None:
    row = next(row for row in decide(GOOD).rows if row.rule == "level_of_each_origin")

    # Of the four 0.8 is the furthest from 1: 1 / 0.8 = 1.25 > 1.2; 0.8 / 1.3 = 0.615, 0.8 * 1.3 = 1.04.
    assert row.to_json() == {
        "rule": "level_of_each_origin",
        "value": 0.8,
        "limit": "0.67 to 1.5",
        "passed": True,
        "sentence": "Promised over happened at the worst origin: 0.800 [0.615, 1.040], jointly; "
        "0.67 to 1.5 asked.",
    }
