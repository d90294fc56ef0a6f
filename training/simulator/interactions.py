"""What the made-up company's systems see of its buyers: interactions, with the time each became known.

Each way in which interactions arise is one function; `interaction_kinds` says what they are.
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
from training.simulator.outcomes import Closings
from training.simulator.world import DAYS, DEPTHS, END_US, START_US, UNSUBSCRIBE_SHARE, weekday_pace

# A day's touches by sales: by depth, by age of the lead in days, Monday to Sunday.
_TOUCHES_AT_DEPTH: Final = np.array([0.15, 0.22, 0.26, 0.28])
_TOUCHES_ON: Final = np.array([1.1, 1.1, 1.1, 1.1, 0.9, 0.0, 0.0])
# The last rows are those of ages below 0: nobody is called before, or on the day of creation.
_TOUCHES_AT_AGE: Final = np.repeat([0.0, 1.0, 0.25, 0.04, 0.0], [1, 30, 90, DAYS - 121, DAYS])
_WEBINARS_A_DAY: Final = 0.001

# Pages read before the lead became known, by source in the order of `training.simulator.arrivals.SOURCES`.
_READING_BEFORE: Final = np.array([2.5, 1.2, 0.8, 1.5, 1.0, 0.0])


@dataclass(frozen=True, slots=True)
class Emitted:
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


def emit(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys, closings: Closings) -> Emitted:
    """Draws the interactions of a chunk that are known at the end."""
    parts = [
        _greet(rng, arrivals, journeys),
        _engage(rng, arrivals, journeys),
        _deepen(rng, arrivals, journeys),
        _leave(rng, journeys),
        _touch(rng, arrivals, journeys, closings),
        _attend(rng, arrivals),
    ]
    columns = (np.concatenate(column) for column in zip(*(_columns(part) for part in parts), strict=True))
    return _as_allowed(Emitted(*columns), closings)


def _greet(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> Emitted:
    """How leads come in: what they read before we knew them, what they filled in; bought ones did nothing."""
    source, created_at = arrivals.categories["source"], arrivals.created_at
    reading = np.repeat(np.arange(len(source)), rng.poisson(_READING_BEFORE[source]))
    read_at = created_at[reading] - (rng.exponential(1.5, len(reading)) * US_PER_DAY).astype(np.int64)
    first_depth = journeys.depth[np.arange(len(source)), arrivals.created_day]
    # Who starts further on is met by `_deepen`.
    asked = np.flatnonzero((first_depth == 0) & (source != SOURCE_CODES["bought_list"]))
    kind = np.where(
        source[asked] == SOURCE_CODES["webinar"], CODES["webinar_attended"], CODES["form_submitted"]
    )
    lead = np.concatenate([reading, asked])
    occurred_at = np.concatenate([read_at, created_at[asked]])
    kinds = np.concatenate([np.full(len(reading), CODES["page_view"]), kind])
    return Emitted(lead, kinds, occurred_at, created_at[lead])


def _engage(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> Emitted:
    """What buyers do of themselves, by state, on the days after their creation."""
    daily = ENGAGEMENT_RATES.sum(axis=0)[journeys.state]
    daily *= weekday_pace(np.arange(DAYS))
    daily[np.arange(len(daily)), arrivals.created_day] = 0.0
    lead, day = _draw_days(rng, daily)
    shares = np.cumsum(ENGAGEMENT_RATES[:, : 2 * DEPTHS], axis=0) / ENGAGEMENT_RATES[:, : 2 * DEPTHS].sum(
        axis=0
    )
    kind = (rng.random(len(lead)) > shares[:-1, journeys.state[lead, day]]).sum(axis=0)
    return _record(rng, lead, kind, START_US + day * US_PER_DAY + draw_daytime(rng, len(lead)))


def _deepen(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> Emitted:
    """What gives a new depth away at once, and demos held some days after they were asked for."""
    lead, day = np.nonzero(np.diff(journeys.depth, axis=1, prepend=np.int8(0)) > 0)
    depth = journeys.depth[lead, day]
    asks = np.where(rng.random(len(depth)) < 0.7, CODES["demo_requested"], CODES["trial_started"])
    kind = np.select([depth == 1, depth == 2], [asks, CODES["quote_requested"]], CODES["meeting_booked"])
    told_at = START_US + day * US_PER_DAY + draw_daytime(rng, len(depth))
    told_at = np.where(day == arrivals.created_day[lead], arrivals.created_at[lead], told_at)
    held = np.flatnonzero((kind == CODES["demo_requested"]) & (rng.random(len(kind)) < 0.7))
    held_at = told_at[held] + ((2 + rng.gamma(2.0, 2.0, len(held))) * US_PER_DAY).astype(np.int64)
    kinds = np.concatenate([kind, np.full(len(held), CODES["demo_held"])])
    return _record(rng, np.concatenate([lead, lead[held]]), kinds, np.concatenate([told_at, held_at]))


def _leave(rng: np.random.Generator, journeys: Journeys) -> Emitted:
    """A part of those who turn quiet say so: they unsubscribe."""
    before, after = journeys.state[:, :-1], journeys.state[:, 1:]
    lead, day = np.nonzero((before < DEPTHS) & (after >= DEPTHS) & (after < 2 * DEPTHS))
    says_so = rng.random(len(lead)) < UNSUBSCRIBE_SHARE
    lead, day = lead[says_so], day[says_so] + 1
    left_at = START_US + day * US_PER_DAY + draw_daytime(rng, len(lead))
    return _record(rng, lead, np.full(len(lead), CODES["unsubscribed"]), left_at)


def _touch(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys, closings: Closings) -> Emitted:
    """What sales do, by depth and age, until they know how it ended: mails and calls."""
    days = np.arange(DAYS, dtype=np.int16)
    age = days - arrivals.created_day.astype(np.int16)[:, None]
    known_day = np.minimum((closings.available_at - START_US) // US_PER_DAY, DAYS).astype(np.int16)
    daily = _TOUCHES_AT_DEPTH[journeys.depth]
    daily *= _TOUCHES_AT_AGE[age]
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


def _attend(rng: np.random.Generator, arrivals: Arrivals) -> Emitted:
    """Webinars, which people attend whatever they are about to buy."""
    days_there = (END_US - arrivals.created_at) / US_PER_DAY
    lead = np.repeat(np.arange(len(days_there)), rng.poisson(_WEBINARS_A_DAY * days_there))
    attended_at = arrivals.created_at[lead] + (rng.random(len(lead)) * days_there[lead] * US_PER_DAY).astype(
        np.int64
    )
    return _record(rng, lead, np.full(len(lead), CODES["webinar_attended"]), attended_at)


def _draw_days(rng: np.random.Generator, daily: Floats) -> tuple[Ints, Ints]:
    """Draws how often on each (lead, day), and lists lead and day once for each time."""
    times = rng.poisson(daily)
    lead, day = np.nonzero(times)
    repeats = times[lead, day]
    return np.repeat(lead, repeats), np.repeat(day, repeats)


def _record(rng: np.random.Generator, lead: Ints, kind: Ints, occurred_at: Ints) -> Emitted:
    """Adds when the systems knew: at once, or for a part of some kinds later."""
    is_late = rng.random(len(lead)) < np.array([each.late_share for each in KINDS])[kind]
    delay = rng.exponential(np.array([each.late_hours for each in KINDS])[kind]) * US_PER_HOUR
    return Emitted(lead, kind, occurred_at, occurred_at + np.where(is_late, delay, 0.0).astype(np.int64))


def _columns(emitted: Emitted) -> tuple[Ints, Ints, Ints, Ints]:
    """The columns, in their order."""
    return emitted.lead, emitted.kind, emitted.occurred_at, emitted.available_at


def _as_allowed(emitted: Emitted, closings: Closings) -> Emitted:
    """Keeps what was known by the end and happened before the company knew how the journey ended.

    Who unsubscribed is sent no more mail. Nothing that falls away depends on what the company does not know.
    """
    left = emitted.kind == CODES["unsubscribed"]
    left_at = np.full(len(closings.is_won), NEVER_US)
    np.minimum.at(left_at, emitted.lead[left], emitted.occurred_at[left])
    is_unwanted = (emitted.kind == CODES["email_sent"]) & (emitted.occurred_at > left_at[emitted.lead])
    is_open = emitted.occurred_at < closings.available_at[emitted.lead]
    keep = (emitted.available_at <= END_US) & is_open & ~is_unwanted
    return Emitted(*(column[keep] for column in _columns(emitted)))
