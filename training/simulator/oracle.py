"""The true probability that an open lead of the made-up company converts, given what is known at the end.

Computed from the world's own rules, neither fitted nor sampled: a forward filter over the days says how
likely each hidden state is, given everything known by the end (a hidden Markov model), and the same daily
steps carry that on through the days to come. No model that reads the same history can expect to do better.

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
from training.simulator.interaction_kinds import CODES, ENGAGEMENT, QUIET_SHARES, expected_doings, known_share
from training.simulator.interactions import Emitted
from training.simulator.journeys import Journeys
from training.simulator.outcomes import LOST_DELAY_HOURS, WON_DELAY_HOURS, Closings
from training.simulator.world import DAYS, DEPTHS, START_US, UNSUBSCRIBE_SHARE, Leaning, States, step_odds

HORIZONS_DAYS: Final = (7, 30, 90)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known at the end of the open leads, per (day, lead).

    Attributes:
        created_day: (leads,) rising.
        asked_at_once: (leads,) whether they asked for a demo at their creation.
        depth: furthest depth.
        saw_any: whether the lead did anything of itself that day.
        log_ratio: log likelihood of what it did if quiet, less that if active.
        left: whether it unsubscribed.
    """

    created_day: Ints
    asked_at_once: npt.NDArray[np.bool_]
    depth: States
    saw_any: npt.NDArray[np.bool_]
    log_ratio: Floats
    left: npt.NDArray[np.bool_]


def foresee(
    arrivals: Arrivals, journeys: Journeys, closings: Closings, emitted: Emitted
) -> tuple[Ints, Floats]:
    """Computes the true probabilities of the leads that are open, as known at the end.

    A lead that has ended in the world without anybody knowing is among them: its probability weighs that in.

    Returns:
        Rows of the open leads (open,), and P(conversion within h days after the end) as (horizons, open).
    """
    leads = np.flatnonzero(~closings.is_known)
    leaning = arrivals.leaning.of(leads)
    evidence = _gather(arrivals, journeys, emitted, leads)
    starting = np.where(evidence.asked_at_once, 1.0, STARTING_ACTIVE[arrivals.categories["source"][leads]])
    belief = _filter(evidence, leaning, starting)
    return leads, _carry_on(evidence.depth[-1], belief, leaning)


def _gather(arrivals: Arrivals, journeys: Journeys, emitted: Emitted, leads: Ints) -> Evidence:
    """Lays what is known of the open leads out by day."""
    row = np.full(len(arrivals.created_at), -1)
    row[leads] = np.arange(len(leads))
    created_day = arrivals.created_day[leads]
    depth = np.ascontiguousarray(journeys.depth[leads].T)
    lead, day = row[emitted.lead], (emitted.occurred_at - START_US) // US_PER_DAY
    # What came with the creation says nothing of the mood: `training.simulator.interactions`.
    did = np.flatnonzero(
        (emitted.kind < ENGAGEMENT) & (lead >= 0) & (day > arrivals.created_day[emitted.lead])
    )
    left = np.flatnonzero((emitted.kind == CODES["unsubscribed"]) & (lead >= 0))
    cell = day * len(leads) + lead
    size = DAYS * len(leads)
    log_ratio: Floats = np.bincount(cell[did], np.log(QUIET_SHARES)[emitted.kind[did]], size).astype(
        np.float64
    )
    return Evidence(
        created_day=created_day,
        asked_at_once=depth[created_day, np.arange(len(leads))] > 0,
        depth=depth,
        saw_any=np.bincount(cell[did], minlength=size).reshape(DAYS, -1) > 0,
        log_ratio=log_ratio.reshape(DAYS, -1),
        left=np.bincount(cell[left], minlength=size).reshape(DAYS, -1) > 0,
    )


def _filter(evidence: Evidence, leaning: Leaning, starting: Floats) -> Floats:
    """Says how likely each lead is active, quiet, won or lost without report on the last day, (4, open)."""
    doings = expected_doings()
    unreported = 1 - np.stack([known_share(1.0, WON_DELAY_HOURS), known_share(1.0, LOST_DELAY_HOURS)])
    belief = np.vstack([starting, 1 - starting, np.zeros((2, len(starting)))])
    for day in range(DAYS):
        there = slice(int(np.searchsorted(evidence.created_day, day)))
        moved = _move(belief[:, there], evidence, leaning.of(there), day, unreported[:, day])
        _weigh(moved, evidence, doings[:, :, day], day)
        belief[:, there] = moved / moved.sum(axis=0)
    return belief


def _move(belief: Floats, evidence: Evidence, leaning: Leaning, day: int, unreported: Floats) -> Floats:
    """Carries the beliefs over one midnight, as far as they agree with depth and unsubscribing as seen."""
    there = slice(belief.shape[1])
    active, quiet, won, lost = belief
    before, left = evidence.depth[day - 1, there], evidence.left[day, there]
    is_deeper = evidence.depth[day, there] > before
    if_active, if_quiet = step_odds(before, leaning, day), step_odds(before + DEPTHS, leaning, day)
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


def _weigh(moved: Floats, evidence: Evidence, doings: Floats, day: int) -> None:
    """Weighs beliefs, in place, by how well they explain what the leads did; where it has ended, nothing."""
    there = slice(moved.shape[1])
    depth = evidence.depth[day, there]
    moved[0] *= np.exp(-doings[0, depth])
    moved[1] *= np.exp(evidence.log_ratio[day, there] - doings[1, depth])
    moved[2:] *= ~evidence.saw_any[day, there]


def _carry_on(depth: States, belief: Floats, leaning: Leaning) -> Floats:
    """Carries the beliefs of the last day on, and says how much of them has converted after each horizon."""
    each = np.arange(len(depth))
    share = np.zeros((2 * DEPTHS, len(depth)))
    share[depth, each], share[depth + DEPTHS, each] = belief[0], belief[1]
    states = np.arange(2 * DEPTHS, dtype=np.int8)[:, None]
    converted = np.zeros((HORIZONS_DAYS[-1] + 1, len(depth)))
    for day in range(HORIZONS_DAYS[-1]):
        odds = step_odds(states, leaning, DAYS + day)
        advanced = (share * odds.advance).reshape(2, DEPTHS, -1).sum(axis=0)
        turned = np.roll(share * odds.turn, DEPTHS, axis=0)
        converted[day + 1] = converted[day] + (share * odds.convert).sum(axis=0)
        share = share * odds.stay + turned
        share[1:DEPTHS] += advanced[:-1]
    return converted[list(HORIZONS_DAYS)]
