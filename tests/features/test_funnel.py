"""Stage, prospect and waiting time, and the vocabulary they rest on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from features.catalog.spec import SALES_PREFIX, Feature, FeatureSet
from features.engine.engine import compute_features
from features.engine.matrix import Examples, FeatureMatrix
from features.engine.plan import compile_plan
from features.funnel import (
    SALES_FEATURES,
    STAGE_RULES,
    STAGES,
    Condition,
    StageRule,
    prospects,
    sales_features,
    stages,
    waiting_hours,
)
from features.history.kinds import (
    CONTENT_KINDS,
    CONVERSATION_KINDS,
    DEMO_KINDS,
    DIRECTION_OF_KIND,
    EDUCATION_KINDS,
    LABELS_OF_KIND,
    UNENGAGED_KINDS,
)
from features.history.lead_history import LeadHistory
from tests.support.builders import START, history, lead, touch


def _matrix(known: LeadHistory, features: Sequence[Feature] = SALES_FEATURES) -> FeatureMatrix:
    rows = np.arange(known.leads_count)
    examples = Examples(rows, np.full(len(rows), START + 10 * 86_400_000_000))
    return compute_features(compile_plan(FeatureSet(tuple(features))), known, examples)


@pytest.mark.parametrize(
    ("kinds", "stage"),
    [
        ([], "cold"),
        (["email_sent", "call_missed", "call_voicemail", "social_message_sent"], "cold"),
        (["email_opened"], "mql"),
        (["white_paper_downloaded"], "mql"),
        (["newsletter_subscribed"], "mql"),
        (["webinar_attended"], "mql"),
        (["demo_requested"], "sql"),
        (["event_attended"], "sql"),
        (["call_outbound"], "sql"),
        (["call_outbound", "call_outbound"], "sql"),
        (["call_outbound", "call_inbound", "meeting_held"], "hot"),
        (["pricing_page_view"], "hot"),
        (["email_sent", "quote_requested"], "hot"),
        (["something_of_our_own"], "cold"),
        (["unsubscribed"], "cold"),
        (["email_bounced", "status_change", "task_scheduled"], "cold"),
        (["unsubscribed", "page_view"], "mql"),
    ],
)
def test_stages__by_what_happened(kinds: list[str], stage: str) -> None:
    known = history(["a"], [touch("a", kind, day) for day, kind in enumerate(kinds)])

    assert STAGES[stages(_matrix(known))[0]] == stage


def test_stages__rules_of_ones_own() -> None:
    known = history(["a"], [touch("a", "chat", 1)])

    assert (
        STAGES[stages(_matrix(known), rules=[StageRule("hot", "sales_side_conversation_count", 1)])[0]]
        == "hot"
    )
    assert STAGES[stages(_matrix(known), rules=[])[0]] == "cold"


def test_sales_features__own_kinds_mean_known_ones() -> None:
    known = history(["a"], [touch("a", "Vorführung", 1)])

    own = stages(_matrix(known, sales_features({"Vorführung": "demo_held"})))

    assert STAGES[own[0]] == "sql"


def test_waiting_hours__in_every_matrix() -> None:
    known = history(["a", "b"], [touch("a", "chat", 9)])

    np.testing.assert_array_equal(waiting_hours(_matrix(known)), [24, np.nan])


@pytest.mark.parametrize("kind", UNENGAGED_KINDS)
def test_waiting_hours__nobody_answers_an_unsubscription(kind: str) -> None:
    rows = [touch("a", kind, 6), touch("b", kind, 6), touch("b", "form_submitted", 8)]
    said = [touch("c", kind, 6, direction="inbound")]
    known = history(["a", "b", "c"], [*rows, *said])
    matrix = _matrix(known)

    # b has waited since the form of day 8, not since day 6.
    np.testing.assert_array_equal(waiting_hours(matrix), [np.nan, 48, np.nan])
    assert [STAGES[code] for code in stages(matrix)] == ["cold", "mql", "cold"]


def test_sales_features__own_kinds_may_mean_an_unsubscription() -> None:
    known = history(["a"], [touch("a", "Abmeldung", 1, direction="inbound")])

    matrix = _matrix(known, sales_features({"Abmeldung": "unsubscribed"}))

    assert STAGES[stages(matrix)[0]] == "cold"
    assert np.isnan(waiting_hours(matrix)[0])


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], [True, True, True, False]),
        ([Condition("size", at_least=10)], [True, False, False, False]),
        ([Condition("size", at_most=9)], [False, True, False, False]),
        ([Condition("size", at_least=9, at_most=10)], [True, True, False, False]),
        ([Condition("country", any_of=("NL", "BE"))], [True, True, False, False]),
        ([Condition("country", any_of=("FR",))], [False, False, False, False]),
        ([Condition("partner", any_of=("yes",))], [True, False, False, False]),
        ([Condition("partner", any_of=("no",))], [False, True, False, False]),
        ([Condition("size", at_least=1), Condition("partner", any_of=("no",))], [False, True, False, False]),
        ([Condition("unheard_of", at_least=1)], [False, False, False, False]),
    ],
)
def test_prospects__talked_and_fits(conditions: list[Condition], expected: list[bool]) -> None:
    leads = [
        lead("a", size=10.0, country="NL", partner=True),
        lead("b", size=9.0, country="BE", partner=False),
        lead("c", size=None, country=None, partner=None),
        lead("d", size=50.0, country="NL", partner=True),
    ]
    known = history(leads, [touch(who, "call_inbound", 1) for who in "abc"])

    matrix = _matrix(known, sales_features(conditions=conditions))

    assert prospects(matrix, conditions).tolist() == expected


def test_vocabulary__is_of_one_piece() -> None:
    named: Mapping[str, tuple[str, ...]] = {
        "education": EDUCATION_KINDS,
        "content": CONTENT_KINDS,
        "conversation": CONVERSATION_KINDS,
        "demo": DEMO_KINDS,
    }

    assert set(LABELS_OF_KIND) == set(DIRECTION_OF_KIND)
    assert all(kind in DIRECTION_OF_KIND for kinds in named.values() for kind in kinds)
    assert not set(EDUCATION_KINDS) & set(CONVERSATION_KINDS)
    assert set(UNENGAGED_KINDS) <= set(DIRECTION_OF_KIND)
    assert {rule.feature for rule in STAGE_RULES} <= {feature.name for feature in SALES_FEATURES}
    assert all(feature.name.startswith(SALES_PREFIX) for feature in SALES_FEATURES)
