"""Linked leads in training: an alias is a lead until the link, and its survivor tells how it ended."""

from __future__ import annotations

import numpy as np
import pytest

from features.engine.matrix import Examples
from features.history.known import first_created
from features.history.lead_history import LeadHistory
from features.times import NEVER_US, US_PER_DAY
from tests.support.builders import at, history, lead, link, lost, touch, won
from training.config import TrainingConfig
from training.examples.examples import draw_examples
from training.examples.labels import label_examples, reporting_delay


def days_to_conversion(made: LeadHistory, row: int, day: float, *, until: float) -> float | None:
    """Days from an example to the conversion known on a day; None where none is known."""
    examples = Examples(np.array([row]), np.array([at(day)]))
    (time,) = label_examples(made, examples, observed_until=at(until)).time_to_conversion_us.tolist()
    return None if time == NEVER_US else time / US_PER_DAY


@pytest.mark.parametrize(
    ("until", "days"),
    [
        (19, None),
        (20, None),  # The contact converted; that it is the lead, nobody knows before day 25.
        (25, 13.0),
    ],
)
def test_label__of_a_lead_that_became_a_contact_is_that_of_the_contact(
    until: float, days: float | None
) -> None:
    made = history(["contact", "lead"], outcomes=[won("contact", 20)], aliases=[link("lead", "contact", 25)])

    assert days_to_conversion(made, 1, 7, until=until) == days


@pytest.mark.parametrize(("until", "days"), [(24, None), (25, 13.0)])
def test_label__of_a_survivor_counts_the_conversion_of_its_alias_from_the_link_on(
    until: float, days: float | None
) -> None:
    made = history(["a", "b"], outcomes=[won("b", 20)], aliases=[link("b", "a", 25)])

    assert days_to_conversion(made, 0, 7, until=until) == days
    assert days_to_conversion(made, 1, 7, until=until) == 13.0


def test_label__what_the_other_had_converted_to_before_is_nothing_left_to_predict() -> None:
    made = history(["a", "b"], outcomes=[won("a", 3)], aliases=[link("b", "a", 10)])

    examples = Examples(np.array([1]), np.array([at(7)]))

    assert label_examples(made, examples, observed_until=at(20)).had_converted.tolist() == [True]


def test_draw_examples__draws_an_alias_until_its_link() -> None:
    leads = [lead(f"l{number}", number / 2) for number in range(100)]
    made = history(leads, [touch("l0", "chat", 60)], [lost("l1", 55)], aliases=[link("l0", "l9", 20)])

    drawn = draw_examples(made, config=TrainingConfig()).examples
    of_alias = drawn.as_of[drawn.lead == 0]

    assert len(of_alias) > 1
    assert of_alias.max() < at(20)
    assert drawn.as_of[drawn.lead == made.lead_ids.to_pylist().index("l9")].max() > at(20)


def test_reporting_delay__does_not_count_what_was_taken_over() -> None:
    outcomes = [won("b", 2, available_at=3)]
    made = history(["a", "b"], outcomes=outcomes, aliases=[link("b", "a", 90)])

    # One day late, not 88.
    assert reporting_delay(made, observed_until=at(100)) == US_PER_DAY


def test_first_created__is_that_of_all_that_are_linked() -> None:
    leads = [lead("a", 5), lead("b", 2), lead("c", 7), lead("d", 1)]
    made = history(leads, aliases=[link("b", "a", 9), link("c", "a", 9)])

    assert first_created(made).tolist() == [at(2), at(2), at(2), at(1)]
