from __future__ import annotations

import numpy as np
import pytest

from training.monitor_limits import MonitorLimits
from training.monitoring.verdict import RULES, Evidence, confidence_of_tests, reach_verdict


@pytest.mark.parametrize(
    ("low", "high", "state"),
    [
        (1.30, 1.50, "crossed"),
        (1.25, 1.50, "within"),
        (0.50, 0.79, "crossed"),
        (0.90, 1.10, "within"),
        (0.70, 1.40, "too few data"),
        (np.nan, np.nan, "too few data"),
    ],
)
def test_state__is_crossed_only_where_the_whole_interval_lies_outside(
    low: float, high: float, state: str
) -> None:
    assert Evidence("level", 1.0, low, high, 0.8, 1.25).state == state


def test_reach_verdict__takes_the_action_of_the_weightiest_rule_that_fails() -> None:
    level = Evidence("level", 1.5, 1.4, 1.6, 0.8, 1.25)
    group = Evidence("group", 2.5, 2.0, 3.0, 0.5, 1.5, subject="source partner")
    vanished = Evidence("vanished", 0.0, 0.0, 0.1, least=0.4, subject="email_opened")

    assert reach_verdict([level]).action == "level shift"
    assert reach_verdict([level, group]).action == "retrain"
    verdict = reach_verdict([level, group, vanished])
    assert (verdict.action, verdict.is_flagged) == ("wait", True)
    assert [line.rule for line in verdict.lines] == ["vanished", "group", "level"]
    assert "email_opened" in verdict.sentence
    assert "Repair the source" in verdict.sentence


def test_reach_verdict__without_a_crossed_limit_waits() -> None:
    fine = reach_verdict([Evidence("level", 1.0, 0.95, 1.05, 0.8, 1.25)])
    unknown = reach_verdict([Evidence("level", 1.0, 0.1, 4.0, 0.8, 1.25)])

    assert (fine.action, fine.is_flagged, fine.sentence) == (
        *("wait", False),
        "wait: nothing to do, no limit is crossed.",
    )
    assert unknown.sentence == "wait: too few data to tell."


def test_confidence_of_tests__divides_the_chance_of_a_false_alarm_among_tests_and_looks() -> None:
    limits = MonitorLimits(false_alarms_per_year=0.1)

    # 365 / 73 = 5 looks a year.
    assert confidence_of_tests(limits, tests=4, horizon_days=73) == pytest.approx(1 - 0.1 / 20)


def test_rules__have_every_action_and_a_remedy() -> None:
    assert {rule.action for rule in RULES.values()} == {"wait", "level shift", "retrain", "roll back"}
    assert all(rule.remedy.endswith(".") and rule.figure for rule in RULES.values())
