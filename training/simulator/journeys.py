"""Walks the buyers of the made-up company through their days."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Ints
from training.simulator.arrivals import ASKING_AT_ONCE, STARTING_ACTIVE, Arrivals
from training.simulator.world import AWAITED, DAYS, DEPTHS, FORESIGHT_DAYS, GONE, WON, States, Step, step_odds


@dataclass(frozen=True, slots=True)
class Journeys:
    """What is so, whether anyone knows or not.

    Attributes:
        state: (leads, days) state on each day of the history.
        depth: (leads, days) furthest depth so far; it stays when the journey ends.
        closed_day: (leads,) day of converting or being lost, up to the end of foresight; -1 where neither.
        is_won: (leads,) whether it ended with a conversion.
    """

    state: States
    depth: States
    closed_day: Ints
    is_won: npt.NDArray[np.bool_]


def walk(rng: np.random.Generator, arrivals: Arrivals) -> Journeys:
    """Walks every lead from its creation to the end of foresight, later than the end of the history."""
    created_day = arrivals.created_day
    days = DAYS + FORESIGHT_DAYS
    state = np.full((days, len(created_day)), AWAITED, dtype=np.int8)
    first = _first_states(rng, arrivals)
    for day in range(days):
        # Leads come in order of creation: those already there are the first rows.
        there, here = np.searchsorted(created_day, (day, day + 1))
        if there:
            before = state[day - 1, :there]
            state[day, :there] = _step(rng, before, step_odds(before, arrivals.leaning.of(slice(there)), day))
        state[day, there:here] = first[there:here]
    return _look_back(np.ascontiguousarray(state.T))


def _first_states(rng: np.random.Generator, arrivals: Arrivals) -> States:
    """Draws the states of the day of creation, by source."""
    source = arrivals.categories["source"]
    asking = rng.random(len(source)) < ASKING_AT_ONCE[source]
    active = rng.random(len(source)) < STARTING_ACTIVE[source]
    # Who asks for a demo is active.
    return np.where(asking, 1, np.where(active, 0, DEPTHS)).astype(np.int8)


def _step(rng: np.random.Generator, state: States, odds: Step) -> States:
    """Draws where each journey is the day after."""
    draw = rng.random(len(state))
    limits = np.cumsum(np.stack(odds), axis=0)
    mood_turned = (state + DEPTHS) % (2 * DEPTHS)
    # A step further wakes those who were quiet.
    # The limits rise, so that the first one above the draw has the last word.
    moved: States = np.where(draw < limits[3], mood_turned, state)
    for limit, move in ((limits[2], GONE), (limits[1], state % DEPTHS + 1), (limits[0], WON)):
        moved = np.where(draw < limit, move, moved).astype(np.int8)
    return moved


def _look_back(state: States) -> Journeys:
    """Reads depth and end of the journeys off their states."""
    is_closed = (state == WON) | (state == GONE)
    depth = np.where(state < 2 * DEPTHS, state % DEPTHS, 0).astype(np.int8)
    np.maximum.accumulate(depth, axis=1, out=depth)
    closed_day = np.where(is_closed[:, -1], is_closed.argmax(axis=1), -1)
    return Journeys(state[:, :DAYS], depth[:, :DAYS], closed_day, state[:, -1] == WON)
