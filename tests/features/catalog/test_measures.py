"""Each measure by hand, on histories small enough to check by eye; tests/test_no_leakage.py has the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.catalog.measures import MEASURES
from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.lead_history import LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import START, history, lead, touch

# Three calls to them, two answers, on days 0 to 8; every question is put on day 10.
_STORY = (
    touch("a", "page_view", 0, channel="web", campaign="spring"),
    touch("a", "email_replied", 2, channel="mail", value=30.0),
    touch("a", "call_outbound", 3.5, channel="phone"),
    touch("a", "email_replied", 4, channel="mail", campaign="spring", value=10.0),
    touch("a", "call_outbound", 8, channel="phone", campaign="summer"),
    touch("a", "call_voicemail", 8, channel="phone"),
)


def _measure(known: LeadHistory, measure: str, **fields: Any) -> float | str | None:
    """The value on day 10 of lead a; the name where it is a category."""
    feature = declare(measure, name="x", **fields)
    examples = Examples(np.array([0]), np.array([START + 10 * US_PER_DAY]))
    matrix = compute_features(compile_plan(FeatureSet((feature,))), known, examples)
    value = float(matrix.values[0, 0])
    if np.isnan(value):
        return None
    return matrix.vocabularies["x"][int(value)] if feature.type == "category" else value


@pytest.mark.parametrize(
    ("measure", "fields", "expected"),
    [
        ("count", {}, 6),
        ("count", {"window_days": 2}, 0),  # an age of exactly 2 days is outside
        ("count", {"window_days": 2.5}, 2),
        ("count", {"kinds": ["call_outbound", "call_voicemail"]}, 3),
        ("count", {"direction": "inbound"}, 3),
        ("count", {"direction": "inbound", "channel": "mail"}, 2),
        ("count", {"except_kinds": ["email_replied"]}, 4),
        ("count", {"except_kinds": ["call_outbound"], "direction": "inbound", "window_days": 7}, 1),  # day 4
        ("share", {"direction": "inbound"}, 3 / 6),
        ("share", {"direction": "inbound", "window_days": 7}, 1 / 4),
        ("share", {"direction": "inbound", "window_days": 1}, None),
        ("days_since_last", {}, 2),
        ("days_since_last", {"kinds": ["email_replied"]}, 6),
        ("days_since_last", {"kinds": ["demo_held"]}, None),
        ("days_since_first", {"kinds": ["email_replied"]}, 8),
        ("decayed_count", {"kinds": ["email_replied"], "half_life_days": 2}, 2**-4 + 2**-3),
        ("decayed_count", {"kinds": ["demo_held"], "half_life_days": 2}, 0),
        ("value_sum", {}, 40),
        ("value_sum", {"window_days": 7}, 10),
        ("value_mean", {}, 20),
        ("value_max", {}, 30),
        ("value_last", {}, 10),
        ("value_sum", {"kinds": ["page_view"]}, None),
        ("distinct_campaigns", {}, 2),
        ("distinct_campaigns", {"window_days": 3}, 1),
        ("distinct_channels", {}, 3),
        ("distinct_channels", {"direction": "outbound"}, 1),
        ("active_days", {}, 5),  # days 0, 2, 3, 4 and 8
        ("active_days", {"window_days": 3}, 1),
        ("longest_silence", {}, 4),  # day 4 to day 8
        ("longest_silence", {"kinds": ["email_replied"]}, 6),  # day 4 to as_of
        ("longest_silence", {"kinds": ["demo_held"]}, None),
        ("mean_gap", {"kinds": ["email_replied"]}, 2),
        ("mean_gap", {"kinds": ["page_view"]}, None),
        ("momentum", {"window_days": 2.5}, 2 / (2 + 3 / 3)),  # days 8 and 8; against days 2, 3.5 and 4
        (
            "momentum",
            {"window_days": 0.5},
            None,
        ),  # 4 windows of half a day reach back to day 8, which is outside
        ("unanswered_outbound_streak", {}, 2),
        ("unanswered_outbound_streak", {"kinds": ["call_voicemail"]}, 1),
        ("hours_to_first_reply", {}, 3.5 * 24),
        ("self_education_share", {"kinds": ["page_view"], "before_kinds": ["email_replied"]}, 1 / 6),
        ("self_education_share", {"kinds": ["page_view"], "before_kinds": ["page_view"]}, 0),
        ("self_education_share", {"kinds": ["call_outbound"], "before_kinds": ["demo_held"]}, 2 / 6),
        ("first_channel", {}, "web"),
        ("last_channel", {}, "phone"),
        ("last_channel", {"direction": "inbound"}, "mail"),
        ("last_channel", {"kinds": ["demo_held"]}, None),
        ("waiting_hours", {}, None),
        ("lead_age", {}, 9),
        ("attribute", {"attribute": "size"}, 12),
        ("attribute", {"attribute": "country", "type": "category"}, "NL"),
        ("attribute", {"attribute": "partner", "type": "boolean"}, 1),
        ("calendar", {"part": "created_weekday"}, 5),  # 2026-01-02 is a Friday
        ("calendar", {"part": "as_of_day"}, 11),
    ],
)
def test_measure__by_hand(measure: str, fields: dict[str, Any], expected: float | str | None) -> None:
    known = history([lead("a", 1, size=12.0, country="NL", partner=True)], _STORY)

    value = _measure(known, measure, **fields)

    assert value == (pytest.approx(expected, rel=1e-15) if isinstance(expected, float) else expected)


def test_waiting_hours__oldest_since_our_last_touch() -> None:
    known = history(
        ["a"],
        [touch("a", "chat", 5), touch("a", "call_outbound", 6), touch("a", "chat", 7), touch("a", "chat", 9)],
    )

    assert _measure(known, "waiting_hours") == 72


def test_waiting_hours__without_kinds_nobody_answers() -> None:
    known = history(
        ["a"], [touch("a", "unsubscribed", 5), touch("a", "chat", 7), touch("a", "email_bounced", 9)]
    )

    assert _measure(known, "waiting_hours") == 120
    assert _measure(known, "waiting_hours", except_kinds=["unsubscribed"]) == 72
    assert _measure(known, "waiting_hours", except_kinds=["unsubscribed", "chat", "email_bounced"]) is None


def test_waiting_hours__at_the_same_instant_we_answered() -> None:
    known = history(["a"], [touch("a", "chat", 6), touch("a", "call_outbound", 6)])

    assert _measure(known, "waiting_hours") is None
    assert _measure(known, "unanswered_outbound_streak") == 0
    assert _measure(known, "hours_to_first_reply") is None


def test_hours_to_first_reply__touches_before_they_came_do_not_count() -> None:
    known = history(
        ["a"], [touch("a", "call_outbound", 1), touch("a", "chat", 2), touch("a", "email_sent", 2.5)]
    )

    assert _measure(known, "hours_to_first_reply") == 12


@pytest.mark.parametrize(("measure", "expected"), [("first_channel", "mail"), ("last_channel", "mail")])
def test_channel__first_by_name_of_one_instant(measure: str, expected: str) -> None:
    known = history(["a"], [touch("a", "chat", 1, channel="web"), touch("a", "chat", 1, channel="mail")])

    assert _measure(known, measure) == expected


def test_value_last__largest_of_one_instant() -> None:
    rows = [
        touch("a", "chat", 1, value=9.0),
        touch("a", "chat", 2, value=-5.0),
        touch("a", "chat", 2, value=-3.0),
    ]

    assert _measure(history(["a"], rows), "value_last") == -3


def test_longest_silence__order_is_that_of_occurrence() -> None:
    # Known in the order 1, 9, 5: silences are 4 days, 4 days and 1 day.
    rows = [touch("a", "chat", 1), touch("a", "chat", 9), touch("a", "chat", 5, available_at=9.5)]

    assert _measure(history(["a"], rows), "longest_silence") == 4


def test_count__account_holds_all_its_leads() -> None:
    leads = [lead("a", account_id="x"), lead("b", account_id="x"), lead("c", account_id="y")]
    rows = [touch("a", "chat", 1), touch("b", "chat", 2), touch("c", "chat", 3)]

    assert _measure(history(leads, rows), "count", scope="account") == 2


def test_measures__say_what_missing_means_where_anything_can_be_missing() -> None:
    never_missing = {"count", "decayed_count", "distinct_campaigns", "distinct_channels", "active_days"}
    never_missing |= {"unanswered_outbound_streak", "lead_age", "calendar"}

    assert {name for name, measure in MEASURES.items() if not measure.missing} == never_missing
    assert all(measure.rule.endswith(".") for measure in MEASURES.values())
    assert all(set(measure.needs) <= set(measure.takes) for measure in MEASURES.values())
