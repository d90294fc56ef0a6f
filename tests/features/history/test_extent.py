"""Where a history begins and ends: by the mass of its rows, whatever one cell or three of them say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from features.history.extent import creations_begin, mass_begin, mass_end, observed_end
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR, parse_time, to_datetime
from tests.support.builders import at, change, history, lead, lost, reopened, touch, won

NEVER = (to_datetime(parse_time("9999-12-31T23:59:59Z")), to_datetime(parse_time("1900-01-01T00:00:00Z")))

# Eight rows a day and more; 0.01 % of 60,000 rows are six.
SIZES = st.sampled_from([1_000, 1_001, 3_500, 9_999, 60_000])
MOVED = st.one_of(
    st.floats(-400, 400),
    st.floats(-9, 9),
    st.sampled_from([-46_000.0, -20_000.0, 27_000.0, 2_900_000.0]),
)


@given(size=SIZES, seed=st.integers(0, 50), days=st.lists(MOVED, min_size=1, max_size=3), first=st.booleans())
@example(size=1_000, seed=0, days=[0.7, 1.4, 2.1], first=False)
@example(size=1_000, seed=0, days=[6.9, 13.8, 20.7], first=False)
@settings(max_examples=300, deadline=None)
def test_mass__moves_by_at_most_a_day_whatever_three_rows_say(
    size: int, seed: int, days: list[float], first: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.uniform(0, min(size / 40, 400), size) * US_PER_DAY).astype(np.int64)
    changed = rows.copy()
    places = slice(0, len(days)) if first else slice(size - len(days), size)
    changed[places] = [rows[-1] + round(day * US_PER_DAY) for day in days]

    for mass, most in ((mass_begin, 8), (mass_end, 1)):
        before, after = mass([rows]), mass([changed])
        assert before is not None
        assert after is not None
        assert abs(after - before) <= most * US_PER_DAY


def test_mass_end__counts_six_changed_rows_of_sixty_thousand() -> None:
    rows = np.arange(60_000, dtype=np.int64) * US_PER_HOUR // 10
    later = rows[-1] + np.arange(1, 8) * US_PER_DAY

    assert mass_end([rows, later[:6]]) == rows[-1]
    assert mass_end([rows, np.full(3, NEVER_US)]) == rows[-1]


@pytest.mark.parametrize(("days", "counts"), [(7.0, True), (7.001, False)])
def test_mass_end__counts_a_row_seven_days_apart(days: float, counts: bool) -> None:
    rows = np.arange(60, dtype=np.int64) * US_PER_DAY
    late = rows[-1] + round(days * US_PER_DAY)

    assert mass_end([rows, np.array([late])]) == (late if counts else rows[-1])
    assert mass_begin([-rows, np.array([-late])]) == (-late if counts else -rows[-1])


def test_mass_end__counts_four_rows_apart_and_three_not() -> None:
    rows, late = np.arange(60, dtype=np.int64) * US_PER_DAY, np.arange(400, 404) * US_PER_DAY

    assert mass_end([rows, late[:3]]) == rows[-1]
    assert mass_end([rows, late]) == late[-1]


def test_mass_end__keeps_a_rare_row_among_rare_rows() -> None:
    rows = np.arange(20, dtype=np.int64) * 30 * US_PER_DAY

    assert mass_end([rows]) == rows[-1]
    assert mass_end([rows, rows[-1:] + 91 * US_PER_DAY]) == rows[-1]


def test_mass_end__takes_the_last_of_fewer_than_nine_rows() -> None:
    rows = np.array([0, 0, 0, 0, 0, 0, 0, 900 * US_PER_DAY])

    assert mass_end([rows]) == rows[-1]
    assert mass_end([np.append(rows, 0)]) == 0
    assert mass_end([rows[:0]]) is None


def _leads() -> list[dict[str, object]]:
    return [lead(f"l{number:02d}", number, size=1.0) for number in range(40)]


def _outcomes() -> list[dict[str, object]]:
    return [won(f"l{number:02d}", number + 1) for number in range(40)]


@pytest.mark.parametrize("moment", [*NEVER, 100, 400])
def test_observed_end__is_moved_by_no_row_of_any_table(moment: object) -> None:
    leads, outcomes = _leads(), _outcomes()
    odd = {
        "leads": history([*leads, lead("odd", moment)], outcomes=outcomes),
        "interactions": history(leads, [touch("l03", "call_held", moment)], outcomes),
        "available_at": history(leads, [touch("l03", "call_held", 5, available_at=moment)], outcomes),
        "outcomes": history([*leads, lead("b", 9)], outcomes=[*outcomes, lost("b", moment)]),
        "changes": history(leads, outcomes=outcomes, changes=[change("l03", "size", 2, moment)]),
    }

    assert {name: made.observed_until for name, made in odd.items()} == dict.fromkeys(odd, at(40))


def test_observed_end__never_lies_after_now() -> None:
    made = history(_leads(), [touch("l03", "call_held", 45)] * 9, _outcomes())

    assert observed_end(made) == at(45)
    assert observed_end(made, now=at(45)) == at(45)
    assert observed_end(made, now=at(44.9)) == at(40)
    assert observed_end(made, now=at(-1)) == at(-1)


@pytest.mark.parametrize(("day", "end"), [(54, 54), (54.01, 40)])
def test_observed_end__interactions_carry_it_fourteen_days(day: float, end: float) -> None:
    meetings = [touch(f"l{number:02d}", "meeting_booked", day) for number in range(40)]

    assert history(_leads(), meetings, _outcomes()).observed_until == at(end)


def test_observed_end__is_the_given_one() -> None:
    assert history(_leads(), [touch("l03", "call_held", 400)], observed_until=400).observed_until == at(400)


def test_creations_begin__is_not_the_lead_of_1900() -> None:
    assert creations_begin(history([*_leads(), lead("odd", NEVER[1])])) == at(0)
    assert creations_begin(history([], observed_until=7)) == at(7)


def test_observed_end__knows_a_lead_that_was_reopened() -> None:
    rows = [*_outcomes(), *(reopened(f"l{number:02d}", 50 + number / 9) for number in range(9))]

    assert history(_leads(), outcomes=rows).observed_until == at(50 + 8 / 9)
