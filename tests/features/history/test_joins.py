"""Aliases: one tick before the link, on it and after it; chains; what the survivor takes over."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.catalog.spec import FeatureSet
from features.catalog.wording import declare
from features.engine.engine import compute_features
from features.engine.matrix import Examples
from features.engine.plan import compile_plan
from features.history.joins import find_cycles
from features.history.known import (
    attribute_values,
    conversions_of_leads,
    created_known,
    has_row,
    known_at,
    outcome_known,
    survivor_known,
    without_aliases,
)
from features.history.lead_history import CONVERTED, LOST, OPEN, LeadHistory
from features.times import US_PER_DAY
from tests.support.builders import (
    Row,
    at,
    bytes_of,
    change,
    history,
    lead,
    link,
    lost,
    reopened,
    touch,
    won,
)
from tests.support.random_rows import RandomRows, known_rows, random_rows

TICK = 1 / US_PER_DAY


def rows_at(made: LeadHistory, day: float) -> list[str]:
    """The leads that have a row on a day."""
    ids = made.lead_ids.to_pylist()
    return [ids[row] for row in np.flatnonzero(has_row(made, at(day)))]


def count_of(made: LeadHistory, lead_id: str, day: float, *, scope: str = "lead") -> float:
    """How many interactions of a lead, or of its account, are known on a day."""
    features = compile_plan(FeatureSet((declare("count", scope=scope),)))
    row = made.lead_ids.to_pylist().index(lead_id)
    return float(
        compute_features(features, made, Examples(np.array([row]), np.array([at(day)]))).values[0, 0]
    )


@pytest.mark.parametrize(
    ("day", "count"),
    [(3, 0), (5 - TICK, 0), (5, 1), (5 + TICK, 1), (7 - TICK, 1), (7, 2)],
)
def test_visits__are_known_from_the_link_on(day: float, count: int) -> None:
    # Of the two visits one was known before the link on day 5, one became known on day 7.
    visits = [touch("v", "page_view", 2), touch("v", "page_view", 4, available_at=7)]
    made = history(["a"], visits, aliases=[link("v", "a", 5)])

    assert made.lead_ids.to_pylist() == ["a"]
    assert count_of(made, "a", day) == count


@pytest.mark.parametrize(
    ("day", "rows", "count_a", "count_b"),
    [
        (4, ["a", "b"], 1, 1),
        (5 - TICK, ["a", "b"], 1, 1),
        (5, ["a"], 2, 1),
        (6, ["a"], 3, 2),  # What comes under the old id afterwards is the survivor's.
    ],
)
def test_merged_lead__has_its_own_row_until_the_link(
    day: float, rows: list[str], count_a: int, count_b: int
) -> None:
    touches = [touch("a", "chat", 1), touch("b", "chat", 2), touch("b", "chat", 6)]
    made = history(["a", "b"], touches, aliases=[link("b", "a", 5)])

    assert rows_at(made, day) == rows
    assert count_of(made, "a", day) == count_a
    assert count_of(made, "b", day) == count_b


@pytest.mark.parametrize(
    ("day", "rows", "counts"),
    [(3, ["b", "c"], {"b": 0, "c": 0}), (4, ["b", "c"], {"b": 1, "c": 0}), (8, ["c"], {"c": 1})],
)
def test_chain__moves_on_with_each_link(day: float, rows: list[str], counts: dict[str, int]) -> None:
    made = history(["b", "c"], [touch("v", "chat", 1)], aliases=[link("v", "b", 4), link("b", "c", 8)])

    assert rows_at(made, day) == rows
    assert {lead_id: count_of(made, lead_id, day) for lead_id in rows} == counts


@pytest.mark.parametrize(("day", "count"), [(8 - TICK, 0), (8, 1)])
def test_chain__through_an_id_that_is_no_lead_counts_when_all_links_are_known(day: float, count: int) -> None:
    made = history(["c"], [touch("v", "chat", 1)], aliases=[link("v", "w", 8), link("w", "c", 4)])

    assert count_of(made, "c", day) == count


@pytest.mark.parametrize(("day", "rows"), [(2, ["b"]), (6 - TICK, ["b"]), (6, ["a"])])
def test_link__counts_from_the_creation_of_its_lead_on(day: float, rows: list[str]) -> None:
    made = history([lead("a", 6), lead("b", 0)], aliases=[link("b", "a", 2)])

    assert rows_at(made, day) == rows


@pytest.mark.parametrize(("day", "created"), [(5 - TICK, 3), (5, 1)])
def test_created_known__is_the_earlier_one_from_the_link_on(day: float, created: int) -> None:
    made = history([lead("a", 3), lead("b", 1)], aliases=[link("b", "a", 5)])

    assert created_known(made, np.array([0]), at(day)).tolist() == [at(created)]
    assert without_aliases(made).created_at.tolist() == [at(1)]


@pytest.mark.parametrize(
    ("of_a", "of_b", "before", "after"),
    [
        ([], [won("b", 2)], OPEN, CONVERTED),
        ([], [lost("b", 2)], OPEN, OPEN),  # A duplicate that is closed does not close the lead.
        ([lost("a", 2)], [], LOST, LOST),
        ([lost("a", 3)], [won("b", 2)], LOST, CONVERTED),
        ([won("a", 2)], [lost("b", 3)], CONVERTED, CONVERTED),
        ([], [won("b", 2), reopened("b", 3)], OPEN, OPEN),
        ([], [won("b", 2, outcome_id="1"), lost("b", 2, outcome_id="1", available_at=3)], OPEN, OPEN),
    ],
)
def test_outcome__of_a_merged_lead_counts_if_it_is_a_conversion(
    of_a: list[dict[str, object]], of_b: list[dict[str, object]], before: int, after: int
) -> None:
    made = history(["a", "b"], outcomes=[*of_a, *of_b], aliases=[link("b", "a", 5)])

    assert [int(outcome_known(made, np.array([0]), at(day))[0]) for day in (5 - TICK, 5)] == [before, after]


@pytest.mark.parametrize(("day", "state"), [(6 - TICK, OPEN), (6, LOST), (9, CONVERTED)])
def test_outcome__under_the_alias_after_the_link_is_one_of_the_lead(day: float, state: int) -> None:
    outcomes = [lost("b", 6), won("b", 9)]
    made = history(["a", "b"], outcomes=outcomes, aliases=[link("b", "a", 5)])

    assert outcome_known(made, np.array([0]), at(day)).tolist() == [state]


def test_outcome__of_an_id_that_is_no_lead_is_one_of_the_lead() -> None:
    made = history(["a"], outcomes=[lost("v", 2)], aliases=[link("v", "a", 5)])

    assert [int(outcome_known(made, np.array([0]), at(day))[0]) for day in (5 - TICK, 5)] == [OPEN, LOST]


@pytest.mark.parametrize("day", [5 - TICK, 5, 7, 9])
def test_outcome__of_an_alias_that_becomes_a_lead_later_is_one_of_the_lead_at_once(day: float) -> None:
    # On day 5 nobody knows that b will be a lead on day 8.
    made = history([lead("a", 0), lead("b", 8)], outcomes=[won("b", 2)], aliases=[link("b", "a", 5)])

    state = CONVERTED if day >= 5 else OPEN
    assert outcome_known(made, np.array([0]), at(day)).tolist() == [state]
    assert made.outcomes.occurred_at[0] == at(2)


def test_outcome__is_counted_once() -> None:
    made = history(["a", "b"], outcomes=[won("b", 2)], aliases=[link("b", "a", 5)])

    counts = [int(conversions_of_leads(made, at(day)).sum()) for day in (1, 2, 5)]

    assert counts == [0, 1, 1]
    assert made.outcomes.outcome.tolist() == [CONVERTED, CONVERTED]


@pytest.mark.parametrize(
    ("day", "size"),
    [
        (5 - TICK, None),
        (5, 7.0),  # What a lacks it takes over.
        (6, 8.0),  # A change under the alias afterwards is one of a.
        (9, 3.0),  # Its own value comes later and counts.
    ],
)
def test_attribute__that_the_lead_lacks_comes_from_the_alias(day: float, size: float | None) -> None:
    made = history(
        [lead("a", size=None), lead("b", size=5.0)],
        changes=[change("b", "size", 7, 4), change("b", "size", 8, 6), change("a", "size", 3, 9)],
        aliases=[link("b", "a", 5)],
    )

    value = attribute_values(made.attributes["size"], np.array([0]), at(day))[0]

    assert np.isnan(value) if size is None else value == size


def test_attribute__of_the_lead_counts_before_that_of_the_alias() -> None:
    made = history([lead("a", size=1.0), lead("b", size=5.0)], aliases=[link("b", "a", 5)])

    assert attribute_values(made.attributes["size"], np.array([0]), at(6)).tolist() == [1.0]


def test_attribute__of_several_aliases_the_first_that_is_offered_counts() -> None:
    leads = [lead("a", size=None), lead("b", size=5.0), lead("c", size=6.0)]
    made = history(leads, aliases=[link("b", "a", 7), link("c", "a", 5)])

    assert attribute_values(made.attributes["size"], np.array([0]), at(8)).tolist() == [6.0]


@pytest.mark.parametrize(
    ("own", "changes", "known"),
    [
        (1.0, [], 1.0),
        (None, [], 5.0),
        # A value that it was created with, told as a change, is the same.
        (1.0, [change("b", "size", 5, 6)], 1.0),
        (None, [change("b", "size", 8, 6)], 8.0),
        # A change before counts from then on, and the value of the table of leads never.
        (1.0, [change("b", "size", 8, 5)], 8.0),
    ],
)
def test_attribute__of_an_alias_that_becomes_a_lead_after_its_link_fills_gaps_alone(
    own: float | None, changes: list[Row], known: float
) -> None:
    leads = [lead("a", size=own), lead("b", 6, size=5.0)]
    made = history(leads, changes=changes, aliases=[link("b", "a", 4)])

    assert attribute_values(made.attributes["size"], np.array([0]), at(7)).tolist() == [known]


def test_account__has_the_rows_of_linked_leads_once() -> None:
    leads = [lead("a", account_id="x"), lead("b", account_id="x"), lead("c", account_id="y")]
    touches = [touch("b", "chat", 1), touch("c", "chat", 1), touch("v", "chat", 1)]
    links = [link("b", "a", 5), link("c", "a", 5), link("v", "a", 6)]
    made = history(leads, touches, aliases=links)

    # Day 4: the one of b. Day 5: that of c too, and still one of b. Day 6: the visit.
    assert [count_of(made, "a", day, scope="account") for day in (4, 5, 6)] == [1, 2, 3]
    assert count_of(made, "c", 4, scope="account") == 1


def test_survivor_known__follows_the_links_known_then() -> None:
    made = history(["a", "b", "c"], aliases=[link("a", "b", 4), link("b", "c", 8)])

    found = [survivor_known(made, np.arange(3), at(day)).tolist() for day in (3, 4, 8)]

    assert found == [[0, 1, 2], [1, 1, 2], [2, 2, 2]]


def test_duplicates__a_visit_never_displaces_what_is_known_already() -> None:
    # The visit has the earlier time, but nobody knew whose it was before day 9.
    rows = [
        touch("v", "page_view", 1, source="web", interaction_id="1"),
        touch("a", "chat", 3, source="web", interaction_id="1"),
    ]
    made = history(["a"], rows, aliases=[link("v", "a", 9)])

    assert made.interactions.kind.values == ("chat",)


def test_find_cycles__finds_the_circle_and_not_what_leads_into_it() -> None:
    assert find_cycles(np.array([1, 2, 0, 0, -1])).tolist() == [0, 1, 2]
    assert find_cycles(np.array([1, -1])).tolist() == []


_few = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@_few
@given(rows=random_rows(is_linked=True), day=st.integers(0, 12), keeps_orphans=st.booleans())
def test_known_at__of_linked_leads_equals_a_history_that_never_held_the_rest(
    rows: RandomRows, day: int, keeps_orphans: bool
) -> None:
    whole = rows.history(observed_until=20)

    never_held = known_rows(rows, day, keeps_orphans=keeps_orphans).history(observed_until=day)

    assert bytes_of(known_at(whole, at(day))) == bytes_of(never_held)


@_few
@given(rows=random_rows(is_linked=True), day=st.integers(0, 12))
def test_has_row__every_lead_of_the_past_is_there_once(rows: RandomRows, day: int) -> None:
    """Each created lead has a row, or its survivor has one."""
    made = rows.history(observed_until=20)
    created = np.flatnonzero(made.created_at <= at(day))

    survivors = survivor_known(made, created, at(day))

    assert has_row(made, at(day))[survivors].all()
