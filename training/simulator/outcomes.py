"""How journeys of the made-up company end, and when its systems record it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats, Ints
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR
from training.simulator.arrivals import Arrivals, draw_daytime
from training.simulator.journeys import Journeys
from training.simulator.world import START_US

# Mean hours from the end of a journey to its record: conversions are recorded sooner than losses.
WON_DELAY_HOURS: Final = 10.0
LOST_DELAY_HOURS: Final = 60.0


@dataclass(frozen=True, slots=True)
class JourneyEnds:
    """Ends of the journeys of a chunk, each column (leads,).

    Attributes:
        is_won: whether the lead converted.
        occurred_at: microseconds UTC, NEVER_US where the journey is open at the end of the history.
        available_at: microseconds UTC, likewise.
        amount: of the conversion, NaN without one.
        end_us: the end of the history, microseconds UTC.
    """

    is_won: npt.NDArray[np.bool_]
    occurred_at: Ints
    available_at: Ints
    amount: Floats
    end_us: int

    @property
    def is_known(self) -> npt.NDArray[np.bool_]:
        """(leads,) whether the end of the journey is known at the end of the history."""
        return self.available_at <= self.end_us


def draw_ends(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> JourneyEnds:
    """Draws the time of day, the delay of the record and the amount of every journey's end."""
    count = len(journeys.closed_day)
    occurred_at = START_US + journeys.closed_day * US_PER_DAY + draw_daytime(rng, count)
    mean_hours = np.where(journeys.is_won, WON_DELAY_HOURS, LOST_DELAY_HOURS)
    delay = (rng.exponential(mean_hours) * US_PER_HOUR).astype(np.int64)
    is_over = (journeys.closed_day >= 0) & (journeys.closed_day < arrivals.days)
    return JourneyEnds(
        is_won=journeys.is_won & is_over,
        occurred_at=np.where(is_over, occurred_at, NEVER_US),
        available_at=np.where(is_over, occurred_at + delay, NEVER_US),
        amount=np.where(journeys.is_won & is_over, _draw_amounts(rng, arrivals), np.nan),
        end_us=arrivals.end_us,
    )


def _draw_amounts(rng: np.random.Generator, arrivals: Arrivals) -> Floats:
    """Draws amounts that rise with the size of company and product, in whole tens."""
    employees, product = arrivals.numbers["employees"], arrivals.categories["product"]
    size = 0.35 * np.log(np.where(np.isnan(employees), 60.0, employees) / 60.0)
    centre = np.array([7.6, 8.6, 10.0])[product] + size
    return np.round(np.exp(centre + rng.normal(0, 0.5, len(product))) / 10) * 10
