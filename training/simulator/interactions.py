"""Draws the interactions of the made-up company, with the time at which each became known.

One function per cause of interactions; `interaction_kinds` holds the kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from features.history.lead_history import Floats, Ints
from features.times import NEVER_US, US_PER_DAY, US_PER_HOUR
from training.simulator.arrivals import SOURCE_CODES, Arrivals, draw_daytime
from training.simulator.interaction_kinds import CODES, ENGAGEMENT_RATES, KINDS
from training.simulator.journeys import Journeys
from training.simulator.outcomes import JourneyEnds
from training.simulator.world import DEPTHS, START_US, UNSUBSCRIBE_SHARE, weekday_pace

# Daily touches by sales: by depth, by age of the lead in days, from Monday to Sunday.
_TOUCHES_AT_DEPTH: Final = np.array([0.15, 0.22, 0.26, 0.28])
_TOUCHES_ON: Final = np.array([1.1, 1.1, 1.1, 1.1, 0.9, 0.0, 0.0])
_TOUCHES_AT_AGE: Final = (0.0, 1.0, 0.25, 0.04)
_AGES_DAYS: Final = (1, 30, 90)
_WEBINARS_A_DAY: Final = 0.001

# Pages read before the lead became known, by source in the order of `training.simulator.arrivals.SOURCES`.
_READING_BEFORE: Final = np.array([2.5, 1.2, 0.8, 1.5, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class SimulatedInteractions:
    """Interactions, each column (rows,).

    Attributes:
        lead: row of the lead within the chunk.
        kind: code into `KINDS`.
        occurred_at: microseconds UTC.
        available_at: microseconds UTC.
    """

    lead: Ints
    kind: Ints
    occurred_at: Ints
    available_at: Ints


def draw_interactions(
    rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys, ends: JourneyEnds
) -> SimulatedInteractions:
    """Draws the interactions of a chunk that are known at the end."""
    parts = [
        _draw_arrival(rng, arrivals, journeys),
        _draw_engagement(rng, arrivals, journeys),
        _draw_depth_changes(rng, arrivals, journeys),
        _draw_unsubscriptions(rng, journeys),
        _draw_sales_touches(rng, arrivals, journeys, ends),
        _draw_webinars(rng, arrivals),
    ]
    columns = (np.concatenate(column) for column in zip(*(_columns(part) for part in parts), strict=True))
    return _keep_known(SimulatedInteractions(*columns), ends)


def _draw_arrival(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> SimulatedInteractions:
    """Draws pages read before the creation, and the form or webinar that led to it; none of bought leads."""
    source, created_at = arrivals.categories["source"], arrivals.created_at
    reading = np.repeat(np.arange(len(source)), rng.poisson(_READING_BEFORE[source]))
    read_at = created_at[reading] - (rng.exponential(1.5, len(reading)) * US_PER_DAY).astype(np.int64)
    first_depth = journeys.depth[np.arange(len(source)), arrivals.created_day]
    # Leads that start at a further depth are drawn by `_draw_depth_changes`.
    entered = np.flatnonzero((first_depth == 0) & (source != SOURCE_CODES["bought_list"]))
    kind = np.where(
        source[entered] == SOURCE_CODES["webinar"], CODES["webinar_attended"], CODES["form_submitted"]
    )
    lead = np.concatenate([reading, entered])
    occurred_at = np.concatenate([read_at, created_at[entered]])
    kinds = np.concatenate([np.full(len(reading), CODES["page_view"]), kind])
    return SimulatedInteractions(lead, kinds, occurred_at, created_at[lead])


def _draw_engagement(
    rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys
) -> SimulatedInteractions:
    """Draws what buyers do by themselves, by state, on the days after their creation."""
    daily = ENGAGEMENT_RATES.sum(axis=0)[journeys.state]
    daily *= weekday_pace(np.arange(arrivals.days))
    daily[np.arange(len(daily)), arrivals.created_day] = 0.0
    lead, day = _draw_days(rng, daily)
    shares = np.cumsum(ENGAGEMENT_RATES[:, : 2 * DEPTHS], axis=0) / ENGAGEMENT_RATES[:, : 2 * DEPTHS].sum(
        axis=0
    )
    kind = (rng.random(len(lead)) > shares[:-1, journeys.state[lead, day]]).sum(axis=0)
    return _record(rng, lead, kind, START_US + day * US_PER_DAY + draw_daytime(rng, len(lead)))


def _draw_depth_changes(
    rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys
) -> SimulatedInteractions:
    """Draws the request that shows a new depth, and demos held some days after their request."""
    lead, day = np.nonzero(np.diff(journeys.depth, axis=1, prepend=np.int8(0)) > 0)
    depth = journeys.depth[lead, day]
    request = np.where(rng.random(len(depth)) < 0.7, CODES["demo_requested"], CODES["trial_started"])
    kind = np.select([depth == 1, depth == 2], [request, CODES["quote_requested"]], CODES["meeting_booked"])
    requested_at = START_US + day * US_PER_DAY + draw_daytime(rng, len(depth))
    requested_at = np.where(day == arrivals.created_day[lead], arrivals.created_at[lead], requested_at)
    held = np.flatnonzero((kind == CODES["demo_requested"]) & (rng.random(len(kind)) < 0.7))
    held_at = requested_at[held] + ((2 + rng.gamma(2.0, 2.0, len(held))) * US_PER_DAY).astype(np.int64)
    kinds = np.concatenate([kind, np.full(len(held), CODES["demo_held"])])
    return _record(rng, np.concatenate([lead, lead[held]]), kinds, np.concatenate([requested_at, held_at]))


def _draw_unsubscriptions(rng: np.random.Generator, journeys: Journeys) -> SimulatedInteractions:
    """Draws which of the leads that turn quiet unsubscribe."""
    before, after = journeys.state[:, :-1], journeys.state[:, 1:]
    lead, day = np.nonzero((before < DEPTHS) & (after >= DEPTHS) & (after < 2 * DEPTHS))
    unsubscribes = rng.random(len(lead)) < UNSUBSCRIBE_SHARE
    lead, day = lead[unsubscribes], day[unsubscribes] + 1
    left_at = START_US + day * US_PER_DAY + draw_daytime(rng, len(lead))
    return _record(rng, lead, np.full(len(lead), CODES["unsubscribed"]), left_at)


def _draw_sales_touches(
    rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys, ends: JourneyEnds
) -> SimulatedInteractions:
    """Draws mails and calls by sales, by depth and age, until the end of the journey is known."""
    days = np.arange(arrivals.days, dtype=np.int16)
    age = days - arrivals.created_day.astype(np.int16)[:, None]
    known_day = np.minimum((ends.available_at - START_US) // US_PER_DAY, arrivals.days).astype(np.int16)
    daily = _TOUCHES_AT_DEPTH[journeys.depth]
    daily *= _touches_at_age(arrivals.days)[age]
    daily *= _TOUCHES_ON[days % 7]
    daily *= days <= known_day[:, None]
    lead, day = _draw_days(rng, daily)
    kind = rng.choice(
        [CODES["email_sent"], CODES["call_outbound"], CODES["call_missed"]], len(lead), p=[0.6, 0.2, 0.2]
    )
    touched_at = (
        START_US + day * US_PER_DAY + ((7 + 10 * rng.random(len(lead))) * US_PER_HOUR).astype(np.int64)
    )
    return _record(rng, lead, kind, touched_at)


def _touches_at_age(days: int) -> Floats:
    """Gives the touches by age, (2 * days,): the last half, which negative ages reach, is 0.

    No lead is touched before its creation, nor on that day.
    """
    ages = [*_AGES_DAYS, days - sum(_AGES_DAYS), days]
    return np.repeat([*_TOUCHES_AT_AGE, 0.0], ages)


def _draw_webinars(rng: np.random.Generator, arrivals: Arrivals) -> SimulatedInteractions:
    """Draws webinars, which leads attend independently of their state."""
    days_there = (arrivals.end_us - arrivals.created_at) / US_PER_DAY
    lead = np.repeat(np.arange(len(days_there)), rng.poisson(_WEBINARS_A_DAY * days_there))
    attended_at = arrivals.created_at[lead] + (rng.random(len(lead)) * days_there[lead] * US_PER_DAY).astype(
        np.int64
    )
    return _record(rng, lead, np.full(len(lead), CODES["webinar_attended"]), attended_at)


def _draw_days(rng: np.random.Generator, daily: Floats) -> tuple[Ints, Ints]:
    """Draws the number of interactions of each (lead, day), and lists lead and day once for each."""
    times = rng.poisson(daily)
    lead, day = np.nonzero(times)
    repeats = times[lead, day]
    return np.repeat(lead, repeats), np.repeat(day, repeats)


def _record(rng: np.random.Generator, lead: Ints, kind: Ints, occurred_at: Ints) -> SimulatedInteractions:
    """Adds when each became known: at once, or for a share of some kinds later."""
    is_late = rng.random(len(lead)) < np.array([each.late_share for each in KINDS])[kind]
    delay = rng.exponential(np.array([each.late_hours for each in KINDS])[kind]) * US_PER_HOUR
    return SimulatedInteractions(
        lead, kind, occurred_at, occurred_at + np.where(is_late, delay, 0.0).astype(np.int64)
    )


def _columns(interactions: SimulatedInteractions) -> tuple[Ints, Ints, Ints, Ints]:
    """The columns, in order."""
    return interactions.lead, interactions.kind, interactions.occurred_at, interactions.available_at


def _keep_known(interactions: SimulatedInteractions, ends: JourneyEnds) -> SimulatedInteractions:
    """Keeps what was known by the end and occurred before the end of the journey was known.

    No mail is sent after unsubscribing. What is dropped depends only on what the company knows.
    """
    left = interactions.kind == CODES["unsubscribed"]
    left_at = np.full(len(ends.is_won), NEVER_US)
    np.minimum.at(left_at, interactions.lead[left], interactions.occurred_at[left])
    is_unwanted = (interactions.kind == CODES["email_sent"]) & (
        interactions.occurred_at > left_at[interactions.lead]
    )
    is_open = interactions.occurred_at < ends.available_at[interactions.lead]
    keep = (interactions.available_at <= ends.end_us) & is_open & ~is_unwanted
    return SimulatedInteractions(*(column[keep] for column in _columns(interactions)))
