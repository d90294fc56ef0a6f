"""The rules of the made-up company: how a buyer's journey moves from day to day.

A journey has a depth (researching, evaluating, deciding, negotiating) and a mood (active, quiet), and
changes at most once a day, at midnight UTC. A change of depth is observed; the mood only through how much a
lead does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY, parse_time

States = npt.NDArray[np.int8]

# A company lasts so many days unless it is made longer; it always begins on the same day.
DAYS: Final = 546
END_US: Final = parse_time("2026-05-04T00:00:00Z")
START_US: Final = END_US - DAYS * US_PER_DAY
FORESIGHT_DAYS: Final = 90

# States 0 to 3: active at that depth. 4 to 7: quiet at that depth. Then: converted, lost, not yet arrived.
DEPTHS: Final = 4
WON, LOST, NOT_ARRIVED = 2 * DEPTHS, 2 * DEPTHS + 1, 2 * DEPTHS + 2

# Daily rates per state. A lead may convert at every depth, with a higher rate further on.
_CONVERT: Final = np.array([0.0006, 0.0070, 0.0320, 0.0950, 0.00002, 0.00021, 0.00096, 0.00285, 0, 0, 0])
_ADVANCE: Final = np.array([0.018, 0.040, 0.060, 0, 0.0005, 0.0010, 0.0015, 0, 0, 0, 0])
_LOSE: Final = np.array([0.005, 0.006, 0.008, 0.014, 0.0015, 0.0017, 0.0020, 0.0025, 0, 0, 0])
_TURN: Final = np.array([0.070, 0.056, 0.050, 0.046, 0.0035, 0.0045, 0.005, 0.006, 0, 0, 0])

# Share of the leads turning quiet that unsubscribe.
UNSUBSCRIBE_SHARE: Final = 0.12

# Activity of buyers from Monday to Sunday; the first day is a Monday.
_WEEKDAYS: Final = np.array([1.20, 1.25, 1.25, 1.20, 1.05, 0.55, 0.50])
# Days from the start to New Year, from New Year to the height of the season, and how high that is.
_NEW_YEAR, _PEAK_DAY, _SEASON, _TREND_PER_YEAR = 58, 45, 0.05, 0.03


@dataclass(frozen=True, slots=True)
class RateFactors:
    """Factors of a lead's rates by its attributes, each (leads,); 1 changes nothing.

    Attributes:
        conversion: of converting.
        loss: of being lost.
        quieting: of turning quiet.
        changes: days, counted from the first, and (leads,) a further factor of converting from each on.
    """

    conversion: Floats
    loss: Floats
    quieting: Floats
    changes: tuple[tuple[int, Floats], ...] = ()

    def of(self, leads: Ints | slice) -> RateFactors:
        """The factors of some of the leads."""
        of_leads = self.conversion[leads], self.loss[leads], self.quieting[leads]
        return RateFactors(*of_leads, tuple((day, changed[leads]) for day, changed in self.changes))

    def conversion_on(self, day: int) -> Floats:
        """(leads,) factor of converting on a day."""
        factor = self.conversion
        for first_day, changed in self.changes:
            if day >= first_day:
                factor = factor * changed
        return factor


def end_after(days: int) -> int:
    """The end of a company that lasts so many days, microseconds UTC."""
    return START_US + days * US_PER_DAY


class Transitions(NamedTuple):
    """Probabilities of the changes at one midnight, each shaped like the states; they exclude each other."""

    convert: Floats
    advance: Floats
    lose: Floats
    turn: Floats

    @property
    def stay(self) -> Floats:
        """Probability that nothing changes."""
        stay: Floats = 1 - self.convert - self.advance - self.lose - self.turn
        return stay


def weekday_pace(day: npt.ArrayLike) -> Floats:
    """Activity of buyers on days counted from the first day; 1 on average."""
    pace: Floats = _WEEKDAYS[np.asarray(day) % 7]
    return pace


def calendar_pace(day: int) -> float:
    """Factor of all daily rates but that of turning quiet: weekday, season and a small trend."""
    season = _SEASON * np.cos(2 * np.pi * (day - _NEW_YEAR - _PEAK_DAY) / 365.25)
    return float(weekday_pace(day) * np.exp(season + _TREND_PER_YEAR * day / 365.25))


def transitions(state: States, factors: RateFactors, day: int) -> Transitions:
    """Computes the probabilities of each change on `day`, from the state on the day before.

    The four changes are competing risks: P(any) = 1 - exp(-sum of rates), divided in proportion to the rates.

    Args:
        state: states of the day before; its shape must broadcast with that of the factors.
        factors: multipliers of the rates.
        day: counted from the first day.
    """
    pace = calendar_pace(day)
    convert = _CONVERT[state] * (factors.conversion_on(day) * pace)
    advance = _ADVANCE[state] * pace
    lose = _LOSE[state] * (factors.loss * pace)
    turn = _TURN[state] * np.where(state < DEPTHS, factors.quieting, 1.0)
    total = convert + advance + lose + turn
    scale = -np.expm1(-total) / np.maximum(total, 1e-300)
    return Transitions(convert * scale, advance * scale, lose * scale, turn * scale)
