"""A history does not depend on the order of rows, and one lead's own rows make the same history as tables."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history.fingerprint import digest_history
from features.history.lead_history import DIRECTIONS, INBOUND, NO_DIRECTION, OUTBOUND, Direction, LeadHistory
from features.history.outcomes import OutcomeInput, one_of_each
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput, history_of_leads
from features.times import NEVER_US
from tests.support.builders import START, Row, at, bytes_of, change, history, lead, lost, touch, won
from tests.support.random_rows import TYPES, RandomRows, interactions, outcomes, random_rows


@settings(deadline=None)
@given(rows=random_rows(), seed=st.integers(0, 9))
def test_read__does_not_depend_on_the_order_of_rows(rows: RandomRows, seed: int) -> None:
    shuffled = rows.shuffled(random.Random(seed))

    made, other = rows.history(observed_until=20), shuffled.history(observed_until=20)

    assert bytes_of(made) == bytes_of(other)
    assert digest_history(made) == digest_history(other)


def test_read__sorts_by_when_it_was_known_and_then_by_when_it_happened() -> None:
    made = history(
        ["a"],
        [
            touch("a", "call_held", 1, available_at=4),
            touch("a", "page_view", 3, available_at=4),
            touch("a", "demo_requested", 2),
        ],
    )

    kinds = [made.interactions.kind.values[code] for code in made.interactions.kind.codes]

    assert kinds == ["demo_requested", "call_held", "page_view"]


def test_read__groups_by_lead_and_by_account() -> None:
    made = history(
        [lead("b", account_id="x"), lead("a", account_id="x"), lead("c")],
        [touch("b", "page_view", 1), touch("a", "page_view", 2), touch("c", "page_view", 3)],
    )

    assert made.lead_ids.to_pylist() == ["a", "b", "c"]
    assert made.account.tolist() == [0, 0, -1]
    assert made.interactions.starts.tolist() == [0, 1, 2, 3]
    assert made.account_interactions is not None
    assert made.account_interactions.starts.tolist() == [0, 2]
    assert made.account_interactions.occurred_at.tolist() == [at(1), at(2)]


def test_read__has_no_accounts_without_the_column() -> None:
    made = history(["a"])

    assert made.account_interactions is None
    assert made.account.tolist() == [-1]


@pytest.mark.parametrize(
    ("direction", "kind", "expected"),
    [
        ("inbound", "email_sent", INBOUND),
        (None, "email_sent", OUTBOUND),
        (None, "page_view", INBOUND),
        (None, "something_else", NO_DIRECTION),
        ("sideways", "page_view", INBOUND),
    ],
)
def test_read__gives_an_empty_direction_the_usual_one_of_its_kind(
    direction: str | None, kind: str, expected: int
) -> None:
    made = history(["a"], [touch("a", kind, 1, direction=direction)])

    assert made.interactions.direction.tolist() == [expected]


def test_read__merges_what_was_sent_twice_and_keeps_what_was_known_first() -> None:
    made = history(
        ["a"],
        [
            touch("a", "page_view", 1, available_at=3, source="web", interaction_id="1"),
            touch("a", "page_view", 1, available_at=2, source="web", interaction_id="1"),
            touch("a", "page_view", 1, source="crm", interaction_id="1"),
            touch("a", "page_view", 1, source="web"),
            touch("a", "page_view", 1, source="web"),
        ],
    )

    # One of the first two, the same id of another source, and two without an id, which are never merged.
    assert made.interactions.available_at.tolist() == [at(1), at(1), at(1), at(2)]


def test_read__never_lets_a_lead_created_later_displace_what_is_known() -> None:
    # The copy of b was known on day 1, but b itself only from day 8.
    made = history(
        [lead("a"), lead("b", 8)],
        [touch("a", "page_view", 2, interaction_id="1"), touch("b", "page_view", 1, interaction_id="1")],
    )

    assert made.interactions.starts.tolist() == [0, 1, 1]


def test_read__observes_until_the_latest_moment_that_anything_became_known() -> None:
    leads, interactions = [lead("a", size=1.0), lead("b", 3)], [touch("a", "call_held", 1, available_at=4)]

    assert history(leads).observed_until == at(3)
    assert history(leads, interactions).observed_until == at(4)
    assert history(leads, interactions, [won("a", 5)]).observed_until == at(5)
    assert history(leads, changes=[change("a", "size", 2, 6)]).observed_until == at(6)
    assert history(leads, observed_until=30).observed_until == at(30)


def test_read__keeps_the_outcomes_in_the_order_in_which_they_became_known() -> None:
    made = history(["a", "b"], outcomes=[lost("a", 5), won("a", 3, amount=70.0)])

    assert made.outcomes.starts.tolist() == [0, 2, 2]
    assert made.outcomes.occurred_at.tolist() == [at(3), at(5)]
    assert made.outcomes.amount[0] == 70.0
    assert np.isnan(made.outcomes.amount[1])


def test_read__leaves_out_outcomes_that_change_nothing() -> None:
    rows = [won("a", 3, outcome_id="1"), won("a", 4), won("a", 3, outcome_id="1", available_at=6)]
    made = history(["a"], outcomes=[*rows, won("a", 3, outcome_id="1", amount=9.0, available_at=7)])

    assert made.outcomes.available_at.tolist() == [at(3), at(7)]
    assert made.outcomes.corrected_at.tolist() == [at(7), NEVER_US]
    assert one_of_each(made.outcomes).amount.tolist() == [9.0]


def test_digests__tell_histories_apart_by_table() -> None:
    made = history(["a", "b"], [touch("a", "page_view", 1)], [won("a", 5)])
    other = history(["a", "b"], [touch("a", "page_view", 2)], [won("a", 5)])

    digests, others = digest_history(made), digest_history(other)

    assert {name for name in digests if digests[name] != others[name]} == {"interactions"}


@settings(deadline=None)
@given(
    rows=st.lists(interactions, max_size=12),
    others=st.lists(interactions, max_size=6),
    country=st.sampled_from([None, "nl", "5", ""]),
    size=st.sampled_from([None, 2.0, -0.0, float("inf")]),
)
def test_history_of_leads__equals_tables_of_the_same_rows(
    rows: list[Row], others: list[Row], country: str | None, size: float | None
) -> None:
    mine = [row | {"lead_id": "a"} for row in rows]
    theirs = [row | {"lead_id": "b", "source": "b"} for row in others]
    leads = [lead("a", 4, account_id="x", country=country, size=size), lead("b", 6, account_id="x")]
    tables = history(leads, mine + theirs, observed_until=20, attribute_types=TYPES)

    sent = LeadInput(
        lead_id="a",
        created_at=at(4),
        account_id="x",
        attributes={"size": size, "country": country},
        interactions=_known(mine),
        account_interactions=_both(_known(mine, 4), _known(theirs, 6)),
    )
    made = history_of_leads([sent], observed_until=at(20))

    alone = history(leads[:1], mine, observed_until=20, attribute_types=TYPES)
    assert _compared(made) == _compared(alone)
    assert made.account_interactions is not None
    assert tables.account_interactions is not None
    assert bytes_of(made.account_interactions) == bytes_of(tables.account_interactions)


@settings(deadline=None)
@given(rows=st.lists(outcomes, max_size=8))
def test_history_of_leads__has_the_outcomes_of_tables_of_the_same_rows(rows: list[Row]) -> None:
    mine = [row | {"lead_id": "a"} for row in rows]
    tables = history([lead("a", 4)], [], mine, observed_until=20)

    made = history_of_leads([LeadInput("a", at(4), outcomes=_outcomes(mine))], observed_until=at(20))

    others = replace(tables.outcomes, has_available_at=made.outcomes.has_available_at)
    assert bytes_of(made.outcomes) == bytes_of(others)


def _outcomes(rows: list[Row]) -> list[OutcomeInput]:
    """Outcomes as they come with a request: an id may be empty, and then is none."""
    return [
        OutcomeInput(
            row["outcome"],
            at(row["occurred_at"]),
            at(row["occurred_at"] if row["available_at"] is None else row["available_at"]),
            row["amount"],
            row["outcome_id"] or None,
            row["source"],
        )
        for row in rows
    ]


def test_history_of_leads__tells_unknown_accounts_from_empty_ones() -> None:
    unknown_account = LeadInput("a", START, "x")
    empty_account = LeadInput("b", START, "x", account_interactions=InteractionInputs())
    no_account = LeadInput("c", START, None, account_interactions=InteractionInputs())

    unknown, empty, nobody, three = (
        history_of_leads(leads, observed_until=at(1))
        for leads in (
            [unknown_account],
            [empty_account],
            [no_account],
            [unknown_account, empty_account, no_account],
        )
    )

    assert unknown.account_interactions is None
    assert empty.account_interactions is not None
    assert empty.account_interactions.starts.tolist() == [0, 0]
    assert nobody.account.tolist() == [-1]
    assert three.account.tolist() == [-1, 0, -1]


@pytest.mark.parametrize(
    ("value", "type_", "expected"),
    [
        (5, "category", "5"),
        (2.5, "category", "2.5"),
        (True, "category", "true"),
        ("7", "number", 7.0),
        ("x", "number", None),
    ],
)
def test_history_of_leads__reads_values_as_the_type_they_have(
    value: Any, type_: Any, expected: object
) -> None:
    made = history_of_leads(
        [LeadInput("a", START, attributes={"size": value})],
        observed_until=at(1),
        attribute_types={"size": type_},
    )

    size = made.attributes.get("size")
    assert (size and (size.categories[0] if size.categories else size.values[0])) == expected


def test_directions__are_those_that_declarations_and_answers_name() -> None:
    assert tuple(DIRECTIONS) == get_args(Direction)


def test_history_of_leads__imports_no_pandas() -> None:
    code = """
import sys
import features.checks.checked_history
from features.inputs.interaction_inputs import InteractionInputs
from features.inputs.lead_inputs import LeadInput, history_of_leads
call = InteractionInputs(["call_held"], [5], [None], [None], [None], [None], [None])
lead = LeadInput("a", 0, "x", {"size": 1.0, "country": "nl"}, call, InteractionInputs())
history_of_leads([lead], observed_until=9)
print(sorted({"pandas", "sqlalchemy"} & set(sys.modules)))
"""

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "[]"


def _known(rows: list[Row], created_at: int = 0) -> InteractionInputs:
    """Interactions as a request brings them; of an account, known when their lead was created."""
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in InteractionInputs._fields}
    occurred = [at(day) for day in columns["occurred_at"]]
    available_at = [
        day if known is None else at(known)
        for day, known in zip(occurred, columns["available_at"], strict=True)
    ]
    first = at(created_at) if created_at else 0
    columns["occurred_at"], columns["available_at"] = occurred, [max(known, first) for known in available_at]
    columns["direction"] = [DIRECTIONS.get(towards) for towards in columns["direction"]]
    return InteractionInputs(**columns)


def _both(first: InteractionInputs, second: InteractionInputs) -> InteractionInputs:
    return InteractionInputs._make([*a, *b] for a, b in zip(first, second, strict=True))


def _compared(made: LeadHistory) -> dict[str, object]:
    return {name: part for name, part in bytes_of(made).items() if name != "account_interactions"}


def test_history_of_leads__one_object_is_one_account_with_the_same_rows() -> None:
    rows = InteractionInputs(["b", "a"], [2, 1], *([None, None] for _ in range(5)))
    copies = [InteractionInputs(*rows) for _ in range(2)]
    lead_inputs = [LeadInput(name, 0, account_id="A", account_interactions=rows) for name in "xy"]
    apart = [
        lead_input._replace(account_interactions=copy)
        for lead_input, copy in zip(lead_inputs, copies, strict=True)
    ]

    shared, separate = (history_of_leads(leads, observed_until=9) for leads in (lead_inputs, apart))

    assert shared.account.tolist() == [0, 0]
    assert separate.account.tolist() == [0, 1]
    assert shared.account_interactions is not None
    assert separate.account_interactions is not None
    assert shared.account_interactions.occurred_at.tolist() == [1, 2]
    assert separate.account_interactions.occurred_at.tolist() == [1, 2, 1, 2]
