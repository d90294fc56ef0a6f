"""What is known at a moment: one tick before, on, after; and a cut history never held the rest."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.history.known import (
    attribute_values,
    count_known,
    counting_conversions,
    is_known,
    known_at,
    outcome_known,
)
from features.history.lead_history import CONVERTED, LOST, OPEN
from features.times import NEVER_US, US_PER_DAY
from tests.support.builders import at, bytes_of, change, history, lead, lost, reopened, touch, won
from tests.support.random_rows import RandomRows, known_rows, random_rows

TICK = 1  # One microsecond.
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("available_at", "expected"),
    [
        (at(3) - TICK, True),
        (at(3), True),
        (at(3) + TICK, False),
        (NEVER_US, False),
    ],
    ids=["before", "on", "after", "never"],
)
def test_is_known__counts_the_very_moment(available_at: int, expected: bool) -> None:
    known = is_known(np.array([available_at]), at(3))

    assert known.tolist() == [expected]


@pytest.mark.parametrize(
    ("moment", "same_moment_utc"),
    [
        # The hour that occurs twice: summer time ends on 2026-10-25 at 03:00, the first 02:30 is 00:30 UTC.
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=0), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        # The first instant of summer time.
        (datetime(2026, 3, 29, 3, 0, tzinfo=BERLIN), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
        # A leap day, and the day after it.
        (datetime(2028, 2, 29, 0, 30, tzinfo=BERLIN), datetime(2028, 2, 28, 23, 30, tzinfo=UTC)),
        (datetime(2028, 3, 1, 0, 0, tzinfo=BERLIN), datetime(2028, 2, 29, 23, 0, tzinfo=UTC)),
    ],
)
def test_known_at__counts_instants_not_wall_clocks(moment: datetime, same_moment_utc: datetime) -> None:
    made = history(["a"], [touch("a", "call_held", moment)])

    before = known_at(made, at(same_moment_utc) - TICK)
    on = known_at(made, at(same_moment_utc))

    assert len(before.interactions.value) == 0
    assert len(on.interactions.value) == 1


def test_known_at__keeps_durations_across_leap_days() -> None:
    made = history(
        [lead("a", datetime(2028, 2, 28, tzinfo=UTC))],
        [touch("a", "call_held", datetime(2028, 3, 1, tzinfo=UTC))],
    )

    days = (made.interactions.occurred_at[0] - made.created_at[0]) / US_PER_DAY

    assert days == 2.0  # 28 to 29 February, 29 February to 1 March.


def test_known_at__takes_what_is_known_late_when_it_is_known() -> None:
    made = history(["a"], [touch("a", "call_held", 1, available_at=5)])

    assert len(known_at(made, at(4)).interactions.value) == 0
    assert len(known_at(made, at(5)).interactions.value) == 1


def test_known_at__leaves_no_trace_of_leads_created_later() -> None:
    made = history(
        [lead("a", 0, account_id="x", country="nl"), lead("b", 5, account_id="x", country="de")],
        [touch("a", "call_held", 1), touch("b", "page_view", 2)],
        [won("b", 6)],
    )

    cut = known_at(made, at(4))

    assert cut.lead_ids.to_pylist() == ["a"]
    assert cut.attributes["country"].categories == ("nl",)
    assert cut.interactions.kind.values == ("call_held",)
    # b looked at a page on day 2, but nobody knew of which account b is until it was created on day 5.
    assert cut.account_interactions is not None
    assert cut.account_interactions.kind.values == ("call_held",)
    assert cut.outcomes.outcome.tolist() == []
    assert cut.outcomes.starts.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("day", "expected"),
    [(0, 1.0), (1.999, 1.0), (2, 5.0), (2.999, 5.0), (3, None), (4, 7.0)],
)
def test_attribute_values__is_the_last_known_change(day: float, expected: float | None) -> None:
    changes = [change("a", "size", 5, 2), change("a", "size", None, 3), change("a", "size", 7, 4)]
    made = history([lead("a", size=1.0), lead("b", size=2.0)], changes=changes)

    value = attribute_values(made.attributes["size"], np.array([0, 1]), at(day))

    assert value[1] == 2.0
    assert np.isnan(value[0]) if expected is None else value[0] == expected


def test_attribute_values__prefers_a_value_to_an_emptied_one_at_the_same_moment() -> None:
    made = history([lead("a", size=1.0)], changes=[change("a", "size", 5, 2), change("a", "size", None, 2)])

    assert attribute_values(made.attributes["size"], np.array([0]), at(2)).tolist() == [5.0]


def test_attribute_values__recodes_categories_that_only_changes_name() -> None:
    made = history([lead("a", country="nl")], changes=[change("a", "country", "de", 2)])

    country = made.attributes["country"]

    assert country.categories == ("de", "nl")
    assert attribute_values(country, np.array([0, 0]), np.array([at(1), at(2)])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("day", "expected"),
    [(3.999, OPEN), (4, LOST), (5.999, LOST), (6, CONVERTED)],
)
def test_outcome_known__is_the_last_that_became_known(day: float, expected: int) -> None:
    # Won on day 2, but nobody knew until day 6: by then the lead was known to be lost.
    made = history(["a"], outcomes=[won("a", 2, available_at=6), lost("a", 4)])

    assert outcome_known(made, np.array([0]), at(day)).tolist() == [expected]


@pytest.mark.parametrize(
    ("day", "expected"),
    [(1.999, OPEN), (2, LOST), (2.999, LOST), (3, OPEN), (4.999, OPEN), (5, CONVERTED)],
)
def test_outcome_known__follows_a_lead_that_was_lost_reopened_and_won(day: float, expected: int) -> None:
    made = history(["a", "b"], outcomes=[won("a", 5), lost("a", 2), reopened("a", 3)])

    assert outcome_known(made, np.array([0, 1]), at(day)).tolist() == [expected, OPEN]


@pytest.mark.parametrize(("day", "expected"), [(3, CONVERTED), (5.999, CONVERTED), (6, LOST)])
def test_outcome_known__follows_a_correction_from_when_it_is_known(day: float, expected: int) -> None:
    rows = [won("a", 2, outcome_id="7"), lost("a", 2, outcome_id="7", available_at=6)]
    made = history(["a"], outcomes=rows)

    assert outcome_known(made, np.array([0]), at(day)).tolist() == [expected]
    assert counting_conversions(made.outcomes, at(day)).tolist() == [expected == CONVERTED, False]


def test_outcome_known__an_outcome_from_before_the_creation_counts_from_the_creation_on() -> None:
    made = history([lead("a", 5)], outcomes=[won("a", 1, available_at=2)])

    assert made.outcomes.occurred_at.tolist() == [at(5)]
    assert outcome_known(made, np.array([0, 0]), np.array([at(5) - 1, at(5)])).tolist() == [OPEN, CONVERTED]


def test_outcome_known__takes_a_conversion_before_a_loss_at_the_same_moment() -> None:
    made = history(["a"], outcomes=[lost("a", 4), won("a", 4)])

    assert outcome_known(made, np.array([0]), at(4)).tolist() == [CONVERTED]


segments = st.lists(st.lists(st.integers(0, 6), max_size=5).map(sorted), min_size=1, max_size=6)


@given(segments=segments, moments=st.lists(st.integers(-1, 7), min_size=6, max_size=6))
def test_count_known__equals_counting(segments: list[list[int]], moments: list[int]) -> None:
    available_at = np.array([moment for segment in segments for moment in segment], np.int64)
    ends = np.cumsum([len(segment) for segment in segments])
    starts = ends - [len(segment) for segment in segments]
    as_of = np.array(moments[: len(segments)])

    counts = count_known(available_at, starts, ends, as_of)
    alone = [count_known(available_at, starts[[i]], ends[[i]], as_of[[i]])[0] for i in range(len(segments))]

    assert counts.tolist() == [
        sum(known <= moment for known in segment) for segment, moment in zip(segments, as_of, strict=True)
    ]
    assert counts.tolist() == alone
    assert count_known(available_at, starts, ends, 3).tolist() == [
        sum(known <= 3 for known in segment) for segment in segments
    ]


@settings(deadline=None)
@given(rows=random_rows(), day=st.integers(0, 12), keeps_orphans=st.booleans())
def test_known_at__equals_a_history_that_never_held_the_rest(
    rows: RandomRows, day: int, keeps_orphans: bool
) -> None:
    whole = rows.history(observed_until=20)

    cut = known_at(whole, at(day))
    never_held = known_rows(rows, day, keeps_orphans=keeps_orphans).history(observed_until=day)

    assert bytes_of(cut) == bytes_of(never_held)


@settings(deadline=None)
@given(rows=random_rows(), day=st.integers(0, 12), later=st.integers(0, 12))
def test_known_at__twice_is_once_at_the_earlier_moment(rows: RandomRows, day: int, later: int) -> None:
    whole = rows.history(observed_until=20)

    twice = known_at(known_at(whole, at(day + later)), at(day))

    assert bytes_of(twice) == bytes_of(known_at(whole, at(day)))
