"""The true probability that an open lead of the made-up company converts, given what is known at the end.

Computed from the rules of `world`, neither fitted nor sampled: the forward filter of a hidden Markov model
gives the probability of each hidden state at the end of the history, and the same daily transitions give the
conversions after it. No model that reads the same history can expect to do better.

Source: the forward algorithm, Rabiner, Proc. IEEE 77(2), 1989.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY
from training.simulator.arrivals import STARTING_ACTIVE, Arrivals
from training.simulator.interaction_kinds import (
    CODES,
    ENGAGEMENT,
    QUIET_SHARES,
    expected_engagement,
    known_share,
)
from training.simulator.interactions import SimulatedInteractions
from training.simulator.journeys import Journeys
from training.simulator.outcomes import LOST_DELAY_HOURS, WON_DELAY_HOURS, JourneyEnds
from training.simulator.world import (
    DEPTHS,
    START_US,
    UNSUBSCRIBE_SHARE,
    RateFactors,
    States,
    transitions,
)

HORIZONS_DAYS: Final = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Observations:
    """What is known of the open leads at the end, per (day, lead).

    Attributes:
        created_day: (leads,) rising.
        demo_at_creation: (leads,) whether they requested a demo at their creation.
        depth: furthest depth.
        has_engaged: whether the lead interacted by itself that day.
        log_ratio: log likelihood of these interactions if quiet, less that if active.
        left: whether it unsubscribed that day.
    """

    created_day: Ints
    demo_at_creation: npt.NDArray[np.bool_]
    depth: States
    has_engaged: npt.NDArray[np.bool_]
    log_ratio: Floats
    left: npt.NDArray[np.bool_]


def true_probabilities(
    arrivals: Arrivals, journeys: Journeys, ends: JourneyEnds, interactions: SimulatedInteractions
) -> tuple[Ints, Floats]:
    """Computes the true probabilities of the leads that are open, as known at the end.

    They include leads whose end is not recorded yet; their probability allows for it.

    Returns:
        Rows of the open leads (open,), and P(conversion within h days after the end) as (horizons, open).
    """
    leads = np.flatnonzero(~ends.is_known)
    factors = arrivals.factors.of(leads)
    observations = _observe(arrivals, journeys, interactions, leads)
    starting = np.where(
        observations.demo_at_creation, 1.0, STARTING_ACTIVE[arrivals.categories["source"][leads]]
    )
    belief = _filter(observations, factors, starting)
    return leads, _predict_forward(observations.depth[-1], belief, factors, arrivals.days)


def _observe(
    arrivals: Arrivals, journeys: Journeys, interactions: SimulatedInteractions, leads: Ints
) -> Observations:
    """Arranges what is known of the open leads by day."""
    row = np.full(len(arrivals.created_at), -1)
    row[leads] = np.arange(len(leads))
    created_day = arrivals.created_day[leads]
    depth = np.ascontiguousarray(journeys.depth[leads].T)
    lead, day = row[interactions.lead], (interactions.occurred_at - START_US) // US_PER_DAY
    # Interactions of the day of creation do not depend on the mood: `training.simulator.interactions`.
    did = np.flatnonzero(
        (interactions.kind < ENGAGEMENT) & (lead >= 0) & (day > arrivals.created_day[interactions.lead])
    )
    left = np.flatnonzero((interactions.kind == CODES["unsubscribed"]) & (lead >= 0))
    cell = day * len(leads) + lead
    days = len(depth)
    size = days * len(leads)
    log_ratio: Floats = np.bincount(cell[did], np.log(QUIET_SHARES)[interactions.kind[did]], size).astype(
        np.float64
    )
    return Observations(
        created_day=created_day,
        demo_at_creation=depth[created_day, np.arange(len(leads))] > 0,
        depth=depth,
        has_engaged=np.bincount(cell[did], minlength=size).reshape(days, -1) > 0,
        log_ratio=log_ratio.reshape(days, -1),
        left=np.bincount(cell[left], minlength=size).reshape(days, -1) > 0,
    )


def _filter(observations: Observations, factors: RateFactors, starting: Floats) -> Floats:
    """Gives P(active, quiet, converted or lost without a record) on the last day, (4, open)."""
    days = len(observations.depth)
    expected = expected_engagement(days)
    unreported = 1 - np.stack([known_share(1.0, each, days) for each in (WON_DELAY_HOURS, LOST_DELAY_HOURS)])
    belief = np.vstack([starting, 1 - starting, np.zeros((2, len(starting)))])
    for day in range(days):
        there = slice(int(np.searchsorted(observations.created_day, day)))
        moved = _transition(belief[:, there], observations, factors.of(there), day, unreported[:, day])
        _update(moved, observations, expected[:, :, day], day)
        belief[:, there] = moved / moved.sum(axis=0)
    return belief


def _transition(
    belief: Floats, observations: Observations, factors: RateFactors, day: int, unreported: Floats
) -> Floats:
    """Applies the transitions of one midnight that agree with the observed depth and unsubscription."""
    there = slice(belief.shape[1])
    active, quiet, won, lost = belief
    before, left = observations.depth[day - 1, there], observations.left[day, there]
    is_deeper = observations.depth[day, there] > before
    if_active, if_quiet = transitions(before, factors, day), transitions(before + DEPTHS, factors, day)
    advanced = active * if_active.advance + quiet * if_quiet.advance
    stayed_active = active * if_active.stay + quiet * if_quiet.turn
    stayed_quiet = quiet * if_quiet.stay
    turned_quiet = active * if_active.turn
    dropped = active * if_active.lose + quiet * if_quiet.lose
    converted = active * if_active.convert + quiet * if_quiet.convert
    is_still = ~is_deeper & ~left
    return np.stack(
        [
            np.where(is_deeper, advanced, np.where(left, 0.0, stayed_active)),
            np.where(
                left,
                turned_quiet * UNSUBSCRIBE_SHARE,
                np.where(is_deeper, 0.0, stayed_quiet + turned_quiet * (1 - UNSUBSCRIBE_SHARE)),
            ),
            is_still * (won + converted * unreported[0]),
            is_still * (lost + dropped * unreported[1]),
        ]
    )


def _update(moved: Floats, observations: Observations, expected: Floats, day: int) -> None:
    """Multiplies beliefs, in place, by the likelihood of the day's interactions; none follow the end."""
    there = slice(moved.shape[1])
    depth = observations.depth[day, there]
    moved[0] *= np.exp(-expected[0, depth])
    moved[1] *= np.exp(observations.log_ratio[day, there] - expected[1, depth])
    moved[2:] *= ~observations.has_engaged[day, there]


def _predict_forward(depth: States, belief: Floats, factors: RateFactors, days: int) -> Floats:
    """Applies the transitions of the days after the end; gives the share converted after each horizon."""
    lead = np.arange(len(depth))
    share = np.zeros((2 * DEPTHS, len(depth)))
    share[depth, lead], share[depth + DEPTHS, lead] = belief[0], belief[1]
    states = np.arange(2 * DEPTHS, dtype=np.int8)[:, None]
    converted = np.zeros((HORIZONS_DAYS[-1] + 1, len(depth)))
    for day in range(HORIZONS_DAYS[-1]):
        odds = transitions(states, factors, days + day)
        advanced = (share * odds.advance).reshape(2, DEPTHS, -1).sum(axis=0)
        turned = np.roll(share * odds.turn, DEPTHS, axis=0)
        converted[day + 1] = converted[day] + (share * odds.convert).sum(axis=0)
        share = share * odds.stay + turned
        share[1:DEPTHS] += advanced[:-1]
    return converted[list(HORIZONS_DAYS)]
