"""Simulates the journeys of the leads of the made-up company day by day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Ints
from training.simulator.arrivals import DEMO_AT_CREATION, STARTING_ACTIVE, Arrivals
from training.simulator.world import (
    DEPTHS,
    FORESIGHT_DAYS,
    LOST,
    NOT_ARRIVED,
    WON,
    States,
    Transitions,
    transitions,
)


@dataclass(frozen=True, slots=True)
class Journeys:
    """The true journeys, observed or not.

    Attributes:
        state: (leads, days) state on each day of the history.
        depth: (leads, days) furthest depth so far; kept after the end of the journey.
        closed_day: (leads,) day of converting or being lost, up to FORESIGHT_DAYS after the end; -1 if open.
        is_won: (leads,) whether the lead converted.
    """

    state: States
    depth: States
    closed_day: Ints
    is_won: npt.NDArray[np.bool_]


def simulate_journeys(rng: np.random.Generator, arrivals: Arrivals) -> Journeys:
    """Simulates every lead from its creation to FORESIGHT_DAYS after the end of the history."""
    created_day = arrivals.created_day
    days = arrivals.days + FORESIGHT_DAYS
    state = np.full((days, len(created_day)), NOT_ARRIVED, dtype=np.int8)
    first = _first_states(rng, arrivals)
    for day in range(days):
        # Leads are in order of creation: those created before the day are the first rows.
        there, here = np.searchsorted(created_day, (day, day + 1))
        if there:
            before = state[day - 1, :there]
            state[day, :there] = _step(
                rng, before, transitions(before, arrivals.factors.of(slice(there)), day)
            )
        state[day, there:here] = first[there:here]
    return _journeys_of(np.ascontiguousarray(state.T), arrivals.days)


def _first_states(rng: np.random.Generator, arrivals: Arrivals) -> States:
    """Draws the states of the day of creation, by source."""
    source = arrivals.categories["source"]
    asking = rng.random(len(source)) < DEMO_AT_CREATION[source]
    active = rng.random(len(source)) < STARTING_ACTIVE[source]
    # Leads that request a demo are active.
    return np.where(asking, 1, np.where(active, 0, DEPTHS)).astype(np.int8)


def _step(rng: np.random.Generator, state: States, odds: Transitions) -> States:
    """Draws the state of each journey on the next day."""
    draw = rng.random(len(state))
    limits = np.cumsum(np.stack(odds), axis=0)
    mood_turned = (state + DEPTHS) % (2 * DEPTHS)
    # Quiet leads that advance become active. The limits rise, so the lowest limit above the draw decides.
    moved: States = np.where(draw < limits[3], mood_turned, state)
    for limit, move in ((limits[2], LOST), (limits[1], state % DEPTHS + 1), (limits[0], WON)):
        moved = np.where(draw < limit, move, moved).astype(np.int8)
    return moved


def _journeys_of(state: States, days: int) -> Journeys:
    """Derives depth and end of the journeys from their states."""
    is_closed = (state == WON) | (state == LOST)
    depth = np.where(state < 2 * DEPTHS, state % DEPTHS, 0).astype(np.int8)
    np.maximum.accumulate(depth, axis=1, out=depth)
    closed_day = np.where(is_closed[:, -1], is_closed.argmax(axis=1), -1)
    return Journeys(state[:, :days], depth[:, :days], closed_day, state[:, -1] == WON)
