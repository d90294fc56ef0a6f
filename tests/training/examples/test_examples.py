from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.checks.account_checks import LEADS_OF_A_COMPANY
from features.history.known import known_at, outcome_known
from features.history.lead_history import OPEN, LeadHistory
from features.history.outcomes import one_of_each
from tests.support.builders import START, history, lead
from tests.support.lead_fates import DAY, business, fate, history_of
from training.config import TrainingConfig
from training.examples.examples import ExampleSet, draw_examples, grid_moments

CONFIG = TrainingConfig(grid_spacing_days=3)


def pairs_of(drawn: ExampleSet, history: LeadHistory) -> set[tuple[str, int]]:
    ids = history.lead_ids.to_pylist()
    return {
        (ids[lead], as_of)
        for lead, as_of in zip(drawn.examples.lead.tolist(), drawn.examples.as_of.tolist(), strict=True)
    }


def test_grid_moments__one_per_spacing_each_at_another_time_of_day() -> None:
    history = history_of([fate(0)], observed_until=90 * DAY)

    moments = grid_moments(history, config=CONFIG)

    assert (moments // (3 * DAY)).tolist() == list(range(30))
    times_of_day = moments % (3 * DAY)
    assert (times_of_day < DAY).all()
    assert len(np.unique(times_of_day)) == 30


def test_grid_moments__other_seed_other_times_of_day() -> None:
    history = history_of([fate(0)], observed_until=90 * DAY)

    moments = grid_moments(history, config=CONFIG)
    others = grid_moments(history, config=TrainingConfig(grid_spacing_days=3, seed=8))

    assert not np.isin(others, moments).any()


def test_draw_examples__every_open_lead_at_every_grid_moment_and_at_creation() -> None:
    history = business(300, days=60)
    grid = grid_moments(history, config=CONFIG)

    drawn = draw_examples(history, config=CONFIG)

    # The same population written out lead by lead.
    available = one_of_each(history.outcomes).available_at
    expected = [
        (lead, moment)
        for lead in range(300)
        for moment in grid.tolist()
        if history.created_at[lead] <= moment < available[lead]
    ]
    on_grid = ~drawn.from_creation
    lead, as_of = drawn.examples.lead, drawn.examples.as_of
    assert list(zip(lead[on_grid].tolist(), as_of[on_grid].tolist(), strict=True)) == expected
    at_creation = as_of == history.created_at[lead]
    assert np.unique(lead[at_creation]).tolist() == list(range(300))
    soon_after = drawn.from_creation & ~at_creation
    age = as_of[soon_after] - history.created_at[lead[soon_after]]
    assert ((age > 0) & (age <= 3 * DAY)).all()
    # Uniform over the spacing: the mean of 300 draws lies near half of it.
    assert np.mean(age) == pytest.approx(1.5 * DAY, rel=0.15)


@pytest.mark.parametrize(("later_us", "is_in"), [(-1, False), (0, False), (1, True)])
def test_draw_examples__a_lead_leaves_at_the_moment_its_outcome_is_known(later_us: int, is_in: bool) -> None:
    moment = int(grid_moments(history_of([fate(0)], observed_until=60 * DAY), config=CONFIG)[10])
    history = history_of([fate(0, lost_at=DAY, known_at=moment + later_us)], observed_until=60 * DAY)

    drawn = draw_examples(history, config=CONFIG)

    assert (moment in drawn.examples.as_of.tolist()) is is_in


def test_draw_examples__a_lead_known_as_lost_at_creation_has_none() -> None:
    history = history_of([fate(DAY, lost_at=DAY), fate(DAY)], observed_until=30 * DAY)

    drawn = draw_examples(history, config=CONFIG)

    assert np.unique(drawn.examples.lead).tolist() == [1]


def test_draw_examples__all_before_observed_until_and_ordered() -> None:
    history = business(300, days=60)

    drawn = draw_examples(history, config=CONFIG)

    lead, as_of = drawn.examples.lead, drawn.examples.as_of
    assert (as_of < history.observed_until).all()
    assert (outcome_known(history, lead, as_of) == OPEN).all()
    assert np.array_equal(np.lexsort((as_of, lead)), np.arange(len(lead)))


@settings(max_examples=25, deadline=None)
@given(until=st.integers(1, 60 * DAY), seed=st.integers(0, 3))
def test_draw_examples__what_comes_later_changes_no_earlier_example(until: int, seed: int) -> None:
    history = business(80, days=60, seed=seed)
    cut = known_at(history, until)
    if cut.leads_count == 0:
        return

    complete = draw_examples(history, config=CONFIG)
    earlier = draw_examples(cut, config=CONFIG)

    expected = {pair for pair in pairs_of(complete, history) if pair[1] < until}
    assert pairs_of(earlier, cut) == expected


def test_draw_examples__cap_is_even_over_the_population() -> None:
    history = business(2_000, days=120)

    complete = draw_examples(history, config=CONFIG)
    capped = draw_examples(history, config=TrainingConfig(grid_spacing_days=3, max_examples=4_000))

    assert len(complete) > 20_000
    # The cap falls before those who are not open are left out.
    assert 3_500 < len(capped) <= 4_000
    assert pairs_of(capped, history) < pairs_of(complete, history)
    age = complete.examples.as_of - history.created_at[complete.examples.lead]
    capped_age = capped.examples.as_of - history.created_at[capped.examples.lead]
    assert np.mean(capped_age) == pytest.approx(np.mean(age), rel=0.03)
    assert np.mean(capped.from_creation) == pytest.approx(np.mean(complete.from_creation), rel=0.1)


def test_draw_examples__are_those_without_a_lead_of_1900() -> None:
    leads = [fate(day * DAY) for day in range(60)]
    history = history_of(leads, observed_until=90 * DAY)
    with_odd = history_of([*leads, fate(-25_000 * DAY)], observed_until=90 * DAY)

    drawn, drawn_with_odd = (draw_examples(made, config=CONFIG) for made in (history, with_odd))

    assert grid_moments(with_odd, config=CONFIG).tolist() == grid_moments(history, config=CONFIG).tolist()
    assert drawn_with_odd.examples.as_of.min() == drawn.examples.as_of.min() == 0
    # The odd lead is open at each of the 30 moments of the grid, and has no example of its own time.
    assert len(drawn_with_odd) - len(drawn) == 30


def _of_one_account(count: int, account: str = "gmail.com") -> LeadHistory:
    """One lead more of the account every hour."""
    leads = [lead(f"l{number:04d}", number / 24, account_id=account) for number in range(count)]
    return history([*leads, lead("alone", 1), lead("zz", 2, account_id="acme")], observed_until=365)


def test_draw_examples__first_leads_of_an_account_are_all_drawn_at_creation() -> None:
    made = _of_one_account(LEADS_OF_A_COMPANY)

    drawn = draw_examples(made, config=TrainingConfig())

    # Each of the 202 leads has one at its creation, and one soon after it.
    assert drawn.from_creation.sum() == 2 * 202


def test_draw_examples__later_leads_of_a_large_account_are_drawn_less_and_less() -> None:
    made = _of_one_account(3_000)

    drawn = draw_examples(made, config=TrainingConfig())

    lead_of = drawn.examples.lead[drawn.from_creation]
    # 200 leads, and 200 / n for the n-th: 200 (1 + ln(3,000 / 200)) = 742 of 3,000; and the two other leads.
    assert len(np.unique(lead_of)) == pytest.approx(742 + 2, abs=60)
    assert {"alone", "zz"} <= {made.lead_ids[row].as_py() for row in lead_of}
    # All of them are drawn on the grid, where the account is measured once for all of its leads.
    assert len(np.unique(drawn.examples.lead[~drawn.from_creation])) == 3_002


def test_draw_examples__later_leads_of_an_account_change_no_earlier_example() -> None:
    made, moment = _of_one_account(1_000), START + 30 * DAY

    drawn = draw_examples(made, config=TrainingConfig())
    then = draw_examples(known_at(made, moment), config=TrainingConfig())

    before = {pair for pair in pairs_of(drawn, made) if pair[1] < moment}
    assert before == pairs_of(then, known_at(made, moment))
