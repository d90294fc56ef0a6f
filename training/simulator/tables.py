"""Turns a chunk of the made-up company into the tables of a history, and a table of the truth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.history.lead_history import Floats, Ints
from features.times import US_PER_DAY
from training.simulator.arrivals import (
    COUNTRIES,
    INDUSTRIES,
    PRODUCTS,
    ROLES,
    SOURCES,
    TEAMS,
    Arrivals,
    Choice,
    draw_choice,
)
from training.simulator.interaction_kinds import CODES, KINDS
from training.simulator.interactions import SimulatedInteractions
from training.simulator.oracle import HORIZONS_DAYS
from training.simulator.outcomes import JourneyEnds

CHUNK_LEADS: Final = 10_000
# More interactions than a chunk can have, so that ids do not depend on other chunks.
_CHUNK_IDS: Final = 10_000_000
MAIN_HORIZON_DAYS: Final = 30

_CHOICES: Final[Mapping[str, Choice]] = {
    "country": COUNTRIES,
    "industry": INDUSTRIES,
    "product": PRODUCTS,
    "role": ROLES,
    "source": SOURCES,
}
_TIME: Final = pa.timestamp("us", tz="UTC")
_CAMPAIGNS: Final = ("always_on", "spring_fair", "autumn_fair", "customer_stories", "price_list")
# Share of the leads whose team is known at creation; the others get one within about two days.
_TEAM_AT_ONCE: Final = 0.4


def lead_ids(chunk: int, leads: Ints) -> pa.Array:
    """Names leads by their number in the whole company, such as lead-0000042."""
    number = pc.cast(pa.array(leads + chunk * CHUNK_LEADS), pa.string())
    return pc.binary_join_element_wise("lead-", pc.utf8_lpad(number, 7, "0"), "")


def record_leads(rng: np.random.Generator, arrivals: Arrivals, chunk: int) -> tuple[pa.Table, pa.Table]:
    """Makes the tables of leads and of attribute changes: teams assigned after the creation."""
    count = len(arrivals.created_at)
    ids = lead_ids(chunk, np.arange(count))
    team = draw_choice(rng, TEAMS, count)
    at_once = rng.random(count) < _TEAM_AT_ONCE
    given_at = arrivals.created_at + (rng.exponential(0.8, count) * US_PER_DAY).astype(np.int64)
    changes = np.flatnonzero(~at_once & (given_at <= arrivals.end_us))
    teams = _names([name for name, _, _ in TEAMS], team)
    columns = {
        "lead_id": ids,
        "created_at": _times(arrivals.created_at),
        "account_id": _account_ids(chunk, arrivals.account),
        **{
            name: _names([each for each, _, _ in _CHOICES[name]], arrivals.categories[name])
            for name in _CHOICES
        },
        "budget_eur": _numbers(arrivals.numbers["budget_eur"]),
        "employees": _numbers(arrivals.numbers["employees"]),
        "newsletter": pa.array(arrivals.numbers["newsletter"] > 0),
        "sales_team": pc.if_else(pa.array(at_once), teams, None),
    }
    changed = {
        "lead_id": ids.take(pa.array(changes)),
        "attribute": pa.repeat("sales_team", len(changes)),
        "value": teams.take(pa.array(changes)),
        "available_at": _times(given_at[changes]),
    }
    return pa.table(columns), pa.table(changed)


def record_interactions(
    rng: np.random.Generator, interactions: SimulatedInteractions, chunk: int
) -> pa.Table:
    """Makes the table of interactions, by lead and then by time."""
    order = np.lexsort((interactions.kind, interactions.occurred_at, interactions.lead))
    kind = interactions.kind[order]
    number = pc.cast(pa.array(chunk * _CHUNK_IDS + np.arange(len(order))), pa.string())
    source = _names([each.source for each in KINDS], kind)
    return pa.table(
        {
            "source": source,
            "interaction_id": pc.binary_join_element_wise(source, number, "-"),
            "lead_id": lead_ids(chunk, interactions.lead[order]),
            "kind": _names([each.name for each in KINDS], kind),
            "occurred_at": _times(interactions.occurred_at[order]),
            "available_at": _times(interactions.available_at[order]),
            "direction": _names([each.direction for each in KINDS], kind),
            "channel": _names([each.channel for each in KINDS], kind),
            "campaign": _draw_campaigns(rng, kind),
            "value": _numbers(_draw_values(rng, kind)),
        }
    )


def record_outcomes(ends: JourneyEnds, chunk: int) -> pa.Table:
    """Makes the table of the outcomes known at the end."""
    known = np.flatnonzero(ends.is_known)
    return pa.table(
        {
            "lead_id": lead_ids(chunk, known),
            "outcome": _names(["lost", "converted"], ends.is_won[known].astype(np.int64)),
            "occurred_at": _times(ends.occurred_at[known]),
            "available_at": _times(ends.available_at[known]),
            "amount": _numbers(ends.amount[known]),
        }
    )


def record_truth(leads: Ints, converted: Floats, chunk: int, *, end_us: int) -> pa.Table:
    """Makes the table of the true probabilities of the open leads, given as (horizons, open)."""
    by_horizon = dict(zip(HORIZONS_DAYS, converted, strict=True))
    return pa.table(
        {
            "lead_id": lead_ids(chunk, leads),
            "as_of": _times(np.full(len(leads), end_us)),
            "horizon_days": pa.array(np.full(len(leads), MAIN_HORIZON_DAYS)),
            "probability": pa.array(by_horizon[MAIN_HORIZON_DAYS]),
            "probability_7d": pa.array(by_horizon[7]),
            "probability_90d": pa.array(by_horizon[90]),
        }
    )


def move_times(table: pa.Table, span_us: int) -> pa.Table:
    """Adds a span to all times of a table."""
    for place, field in enumerate(table.schema):
        if field.type == _TIME:
            moved = pc.add(table.column(place), pa.scalar(span_us, pa.duration("us")))
            table = table.set_column(place, field, moved)
    return table


def _account_ids(chunk: int, account: Ints) -> pa.Array:
    """Names accounts, null where there is none."""
    number = pc.cast(pa.array(account + chunk * CHUNK_LEADS, mask=account < 0), pa.string())
    return pc.binary_join_element_wise("account-", pc.utf8_lpad(number, 7, "0"), "")


def _times(us: Ints) -> pa.Array:
    """Microseconds UTC as aware times."""
    return pa.array(us).cast(_TIME)


def _numbers(numbers: Floats) -> pa.Array:
    """Numbers, null where NaN."""
    return pa.array(numbers, from_pandas=True)


def _names(names: Iterable[str | None], codes: npt.NDArray[np.integer]) -> pa.Array:
    """Looks names up by code."""
    return pa.array(list(names), pa.string()).take(pa.array(codes))


def _draw_campaigns(rng: np.random.Generator, kind: Ints) -> pa.Array:
    """Draws campaigns: of mails, their openings and clicks, and forms; null elsewhere."""
    with_campaign = [
        CODES[name] for name in ("email_sent", "email_opened", "email_clicked", "form_submitted")
    ]
    drawn = rng.choice(len(_CAMPAIGNS), len(kind), p=[0.4, 0.15, 0.15, 0.2, 0.1])
    return pc.if_else(pa.array(np.isin(kind, with_campaign)), _names(_CAMPAIGNS, drawn), None)


def _draw_values(rng: np.random.Generator, kind: Ints) -> Floats:
    """Draws values: minutes of calls, demos and webinars, euros of quotes; NaN elsewhere."""
    minutes = np.round(rng.gamma(2.0, 4.0, len(kind)) + 0.5, 1)
    euros = np.round(np.exp(rng.normal(8.6, 0.8, len(kind))) / 100) * 100
    talking = [CODES[name] for name in ("call_inbound", "call_outbound", "demo_held", "webinar_attended")]
    return np.select([np.isin(kind, talking), kind == CODES["quote_requested"]], [minutes, euros], np.nan)
