from __future__ import annotations

import numpy as np

from tests.support.builders import at, history, won
from training.monitoring.delays import reporting_delays


def test_reporting_delays__of_a_history_without_available_at_is_none() -> None:
    made = history(["a"], [], [won("a", 5)])

    delay = reporting_delays(made, observed_until=at(10))

    assert delay.days.tolist() == [0.0]


def test_reporting_delays__are_not_shortened_by_conversions_that_are_not_known_yet() -> None:
    # One conversion a day; every other one is known after 1 day, the others after 20.
    days = np.arange(0, 200)
    delays = np.where(days % 2 == 0, 1.0, 20.0)
    leads = [f"l{day}" for day in days]
    outcomes = [
        won(name, float(day), available_at=float(day + late))
        for name, day, late in zip(leads, days, delays, strict=True)
    ]
    made = history(leads, [], outcomes)

    delay = reporting_delays(made, observed_until=at(60))

    # Of the 60 conversions, 30 quick and 20 slow ones are known: the plain share of quick ones is 0.6.
    assert delay.conversions == 50
    assert np.isclose((delay.days < 2).mean(), 0.5, atol=0.05)
    assert delay.slowest_days == 20.0
