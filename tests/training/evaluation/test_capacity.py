from __future__ import annotations

import numpy as np
import pytest

from features.times import US_PER_DAY
from tests.support.builders import at, history, lead, touch
from training.config import TrainingConfig
from training.evaluation.capacity import (
    Capacity,
    called_weights,
    find_capacity,
    start_of_week,
    top_weights,
    week_of,
)


def test_called_weights__call_each_weeks_best() -> None:
    monday = int(start_of_week(np.array([2_900]))[0])
    as_of = monday + np.array([0, 1, 2, 3, 7, 8]) * US_PER_DAY
    capacity = Capacity(5.0, False, np.array([2_900, 2_901]), np.array([10, 5]))

    called = called_weights(np.array([0.1, 0.4, 0.3, 0.2, 0.9, 0.1]), as_of, capacity)

    # Half of the leads of the first week, all of the second.
    assert called.tolist() == [0, 1, 1, 0, 1, 1]


def test_top_weights__share_the_limit_among_equals() -> None:
    assert top_weights(np.full(4, 0.2), share=0.25).tolist() == [0.25] * 4


@pytest.mark.parametrize(("offset_us", "week"), [(-1, 2_899), (0, 2_900), (1, 2_900)])
def test_week_of__begins_on_monday(offset_us: int, week: int) -> None:
    monday = start_of_week(np.array([2_900]))

    assert week_of(monday + offset_us).tolist() == [week]


def test_find_capacity__counts_the_leads_that_sales_called_in_a_usual_week() -> None:
    # The world begins on a Thursday, so that day 4 is a Monday; one of two leads is called twice in its week.
    calls = [touch("a", "call_outbound", 5), touch("a", "call_outbound", 6), touch("b", "call_missed", 7)]
    made = history([lead("a"), lead("b"), lead("c")], [*calls, touch("c", "email_sent", 5)])

    found = find_capacity(made, np.array([at(5), at(7)]), config=TrainingConfig())
    none = find_capacity(
        history(["a"], [touch("a", "email_sent", 5)]), np.array([at(5)]), config=TrainingConfig()
    )

    assert found is not None
    assert (found.leads_per_week, found.is_derived) == (2.0, True)
    assert found.open_leads.tolist() == [3]
    assert none is None


def test_find_capacity__takes_the_configured_number() -> None:
    config = TrainingConfig(sales_capacity_per_week=40)

    found = find_capacity(history(["a"]), np.array([at(5)]), config=config)

    assert found is not None
    assert (found.leads_per_week, found.is_derived) == (40.0, False)
