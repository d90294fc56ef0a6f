"""The rules of the made-up company: how a buyer's journey moves from day to day.

A journey has a depth (researching, evaluating, deciding, negotiating) and a mood (active, quiet), and moves
at most once a day, at midnight UTC. Depth shows itself when it changes; mood only in how much a lead does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY, parse_time

States = npt.NDArray[np.int8]

END_US: Final = parse_time("2026-05-04T00:00:00Z")
DAYS: Final = 546
START_US: Final = END_US - DAYS * US_PER_DAY
FORESIGHT_DAYS: Final = 90

# States 0 to 3: active at that depth. 4 to 7: quiet at that depth. Then how a journey ends, or has not begun.
DEPTHS: Final = 4
WON, GONE, AWAITED = 2 * DEPTHS, 2 * DEPTHS + 1, 2 * DEPTHS + 2

# A day's rates per state. Buying is possible at every depth, only likelier further on.
_CONVERT: Final = np.array([0.0006, 0.0070, 0.0320, 0.0950, 0.00002, 0.00021, 0.00096, 0.00285, 0, 0, 0])
_ADVANCE: Final = np.array([0.018, 0.040, 0.060, 0, 0.0005, 0.0010, 0.0015, 0, 0, 0, 0])
_LOSE: Final = np.array([0.005, 0.006, 0.008, 0.014, 0.0015, 0.0017, 0.0020, 0.0025, 0, 0, 0])
_TURN: Final = np.array([0.070, 0.056, 0.050, 0.046, 0.0035, 0.0045, 0.005, 0.006, 0, 0, 0])

# Part of the active that turn quiet with a word: they unsubscribe.
UNSUBSCRIBE_SHARE: Final = 0.12

# Monday to Sunday, as the world starts on a Monday: how busy buyers are.
_WEEKDAYS: Final = np.array([1.20, 1.25, 1.25, 1.20, 1.05, 0.55, 0.50])
# Days from the start to New Year, from New Year to the height of the season, and how high that is.
_NEW_YEAR, _PEAK_DAY, _SEASON, _TREND_PER_YEAR = 58, 45, 0.05, 0.03


@dataclass(frozen=True, slots=True)
class Leaning:
    """What a lead's attributes do to its rates, each (leads,) and 1 for nobody in particular.

    Attributes:
        fit: multiplies converting.
        doubt: multiplies being lost.
        drift: multiplies turning quiet.
    """

    fit: Floats
    doubt: Floats
    drift: Floats

    def of(self, leads: Ints | slice) -> Leaning:
        """The leanings of some of the leads."""
        return Leaning(self.fit[leads], self.doubt[leads], self.drift[leads])


class Step(NamedTuple):
    """Probabilities of one midnight, each shaped like the states asked for; they exclude each other."""

    convert: Floats
    advance: Floats
    lose: Floats
    turn: Floats

    @property
    def stay(self) -> Floats:
        """Probability that nothing moves."""
        stay: Floats = 1 - self.convert - self.advance - self.lose - self.turn
        return stay


def weekday_pace(day: npt.ArrayLike) -> Floats:
    """How busy buyers are on days counted from the world's start, 1 on average."""
    pace: Floats = _WEEKDAYS[np.asarray(day) % 7]
    return pace


def calendar_pace(day: int) -> float:
    """What the calendar does to advancing and losing on a day: weekday, season and a mild trend."""
    season = _SEASON * np.cos(2 * np.pi * (day - _NEW_YEAR - _PEAK_DAY) / 365.25)
    return float(weekday_pace(day) * np.exp(season + _TREND_PER_YEAR * day / 365.25))


def step_odds(state: States, leaning: Leaning, day: int) -> Step:
    """Says where a journey may be on `day`, from its state on the day before.

    The four ways out compete: P(any) = 1 - exp(-sum of rates), shared in proportion to the rates.

    Args:
        state: states of the day before; its shape, and that of the leanings, may be any that go together.
        leaning: multipliers of the rates.
        day: counted from the world's start.
    """
    pace = calendar_pace(day)
    convert = _CONVERT[state] * (leaning.fit * pace)
    advance = _ADVANCE[state] * pace
    lose = _LOSE[state] * (leaning.doubt * pace)
    turn = _TURN[state] * np.where(state < DEPTHS, leaning.drift, 1.0)
    total = convert + advance + lose + turn
    scale = -np.expm1(-total) / np.maximum(total, 1e-300)
    return Step(convert * scale, advance * scale, lose * scale, turn * scale)
