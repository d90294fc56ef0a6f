"""What the made-up company's systems see of its buyers: interactions, with the time each became known.

Only what buyers do on days after their creation (`ENGAGEMENT`) depends on their mood. Everything else follows
from what the company knows already, or is noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from features.history import Floats, Ints
from features.times import US_PER_DAY, US_PER_HOUR
from training.arrivals import Arrivals, draw_daytime
from training.closings import Closings
from training.journeys import Journeys
from training.world import DAYS, DEPTHS, END_US, START_US, UNSUBSCRIBE_SHARE, weekday_pace


class Kind(NamedTuple):
    """One kind of interaction: who records it, what part becomes known late, and how late on average."""

    name: str
    source: str
    direction: str | None
    channel: str
    late_share: float = 0.0
    late_hours: float = 1.0


KINDS: Final = (
    Kind("page_view", "web", "inbound", "web", 0.08, 6),
    Kind("pricing_view", "web", "inbound", "web", 0.08, 6),
    Kind("content_download", "web", "inbound", "web", 0.05, 6),
    Kind("email_clicked", "mailing", "inbound", "email", 0.15, 10),
    Kind("call_inbound", "phone", "inbound", "phone", 0.35, 30),
    Kind("form_submitted", "web", "inbound", "web"),
    Kind("demo_requested", "web", "inbound", "web"),
    Kind("trial_started", "product", "inbound", "product"),
    Kind("quote_requested", "crm", "inbound", "email"),
    Kind("meeting_booked", "crm", "inbound", "meeting"),
    Kind("unsubscribed", "mailing", "inbound", "email"),
    Kind("email_sent", "mailing", "outbound", "email", 0.05, 6),
    Kind("email_opened", "mailing", "inbound", "email", 0.25, 8),
    Kind("call_outbound", "phone", "outbound", "phone", 0.40, 20),
    Kind("call_missed", "phone", "outbound", "phone", 0.40, 20),
    Kind("demo_held", "crm", None, "meeting", 0.30, 20),
    Kind("webinar_attended", "webinars", "inbound", "event", 0.90, 20),
)
CODES: Final = {kind.name: code for code, kind in enumerate(KINDS)}

# A day's interactions of the first kinds (rows) while active at each depth, and the part left when quiet.
ENGAGEMENT: Final = 5
_ACTIVE_RATES: Final = np.array(
    [
        [0.24, 0.26, 0.24, 0.20],
        [0.03, 0.08, 0.14, 0.10],
        [0.07, 0.06, 0.04, 0.03],
        [0.07, 0.07, 0.07, 0.07],
        [0.00, 0.03, 0.09, 0.15],
    ]
)
QUIET_SHARES: Final = np.array([0.08, 0.04, 0.06, 0.10, 0.03])
# (kinds, states), 0 where a journey is over or has not begun.
ENGAGEMENT_RATES: Final = np.hstack(
    [_ACTIVE_RATES, _ACTIVE_RATES * QUIET_SHARES[:, None], np.zeros((ENGAGEMENT, 3))]
)

# A day's touches by sales: by depth, by age of the lead in days, Monday to Sunday.
_TOUCHES_AT_DEPTH: Final = np.array([0.15, 0.22, 0.26, 0.28])
_TOUCHES_ON: Final = np.array([1.1, 1.1, 1.1, 1.1, 0.9, 0.0, 0.0])
_TOUCHES_AT_AGE: Final = np.repeat([1.0, 0.25, 0.04], [30, 90, DAYS])
_WEBINARS_A_DAY: Final = 0.003

# Pages read before the lead became known, by source in the order of `training.arrivals.SOURCES`.
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
    """Draws all interactions of a chunk, also those that become known after the end."""
    parts = [
        _greet(rng, arrivals, journeys),
        _engage(rng, arrivals, journeys),
        _tell(rng, arrivals, journeys),
        _touch(rng, arrivals, journeys, closings),
        _attend(rng, arrivals),
    ]
    columns = (np.concatenate(column) for column in zip(*(_columns(part) for part in parts), strict=True))
    return _until_closed(Emitted(*columns), closings)


def _greet(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> Emitted:
    """How leads come in: what they read before we knew them, what they filled in; a bought list brings nothing."""
    source, created_at = arrivals.categories["source"], arrivals.created_at
    reading = np.repeat(np.arange(len(source)), rng.poisson(_READING_BEFORE[source]))
    read_at = created_at[reading] - (rng.exponential(1.5, len(reading)) * US_PER_DAY).astype(np.int64)
    asked = np.flatnonzero(
        (journeys.depth[np.arange(len(source)), arrivals.created_day] == 0) & (source != 5)
    )
    kind = np.where(source[asked] == 2, CODES["webinar_attended"], CODES["form_submitted"])
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


def _tell(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys) -> Emitted:
    """What gives a journey away at once: each new depth, and a part of those who turn quiet."""
    deeper_lead, deeper_day = np.nonzero(np.diff(journeys.depth, axis=1, prepend=np.int8(0)) > 0)
    depth = journeys.depth[deeper_lead, deeper_day]
    asks = np.where(rng.random(len(depth)) < 0.7, CODES["demo_requested"], CODES["trial_started"])
    kind = np.select([depth == 1, depth == 2], [asks, CODES["quote_requested"]], CODES["meeting_booked"])
    told_at = START_US + deeper_day * US_PER_DAY + draw_daytime(rng, len(depth))
    at_once = deeper_day == arrivals.created_day[deeper_lead]
    told_at = np.where(at_once, arrivals.created_at[deeper_lead], told_at)
    held = np.flatnonzero((kind == CODES["demo_requested"]) & (rng.random(len(kind)) < 0.7))
    held_at = told_at[held] + ((2 + rng.gamma(2.0, 2.0, len(held))) * US_PER_DAY).astype(np.int64)
    quiet_lead, quiet_day = _turned_quiet(journeys)
    leaves = rng.random(len(quiet_lead)) < UNSUBSCRIBE_SHARE
    quiet_lead, quiet_day = quiet_lead[leaves], quiet_day[leaves]
    left_at = START_US + quiet_day * US_PER_DAY + draw_daytime(rng, len(quiet_lead))
    return _record(
        rng,
        np.concatenate([deeper_lead, deeper_lead[held], quiet_lead]),
        np.concatenate(
            [kind, np.full(len(held), CODES["demo_held"]), np.full(len(left_at), CODES["unsubscribed"])]
        ),
        np.concatenate([told_at, held_at, left_at]),
    )


def _touch(rng: np.random.Generator, arrivals: Arrivals, journeys: Journeys, closings: Closings) -> Emitted:
    """What sales do, by depth and age, until they know how it ended: calls, and mails, some opened by machines."""
    days = np.arange(DAYS)
    age = days - arrivals.created_day[:, None]
    known_day = np.minimum((closings.available_at - START_US) // US_PER_DAY, DAYS)
    daily = _TOUCHES_AT_DEPTH[journeys.depth] * _TOUCHES_AT_AGE[age.clip(0, DAYS)] * _TOUCHES_ON[days % 7]
    daily[(age <= 0) | (days > known_day[:, None])] = 0.0
    lead, day = _draw_days(rng, daily)
    kind = rng.choice(
        [CODES["email_sent"], CODES["call_outbound"], CODES["call_missed"]], len(lead), p=[0.6, 0.2, 0.2]
    )
    touched_at = (
        START_US + day * US_PER_DAY + ((7 + 10 * rng.random(len(lead))) * US_PER_HOUR).astype(np.int64)
    )
    opened = np.flatnonzero((kind == CODES["email_sent"]) & (rng.random(len(kind)) < 0.3))
    opened_at = touched_at[opened] + (rng.exponential(8.0, len(opened)) * US_PER_HOUR).astype(np.int64)
    return _record(
        rng,
        np.concatenate([lead, lead[opened]]),
        np.concatenate([kind, np.full(len(opened), CODES["email_opened"])]),
        np.concatenate([touched_at, opened_at]),
    )


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


def _turned_quiet(journeys: Journeys) -> tuple[Ints, Ints]:
    """Lists the days on which an active journey turned quiet."""
    before, after = journeys.state[:, :-1], journeys.state[:, 1:]
    lead, day = np.nonzero((before < DEPTHS) & (after >= DEPTHS) & (after < 2 * DEPTHS))
    return lead, day + 1


def _record(rng: np.random.Generator, lead: Ints, kind: Ints, occurred_at: Ints) -> Emitted:
    """Adds when the systems knew: at once, or for a part of some kinds later."""
    is_late = rng.random(len(lead)) < np.array([each.late_share for each in KINDS])[kind]
    delay = rng.exponential(np.array([each.late_hours for each in KINDS])[kind]) * US_PER_HOUR
    return Emitted(lead, kind, occurred_at, occurred_at + np.where(is_late, delay, 0.0).astype(np.int64))


def _columns(emitted: Emitted) -> tuple[Ints, Ints, Ints, Ints]:
    """The columns, in their order."""
    return emitted.lead, emitted.kind, emitted.occurred_at, emitted.available_at


def _until_closed(emitted: Emitted, closings: Closings) -> Emitted:
    """Keeps what was known by the end and happened before the company knew how the journey ended."""
    keep = (emitted.available_at <= END_US) & (emitted.occurred_at < closings.available_at[emitted.lead])
    return Emitted(*(column[keep] for column in _columns(emitted)))
