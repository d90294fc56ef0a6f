"""Random histories that meet at the edges: late news, ties, duplicates, accounts, leap days, summer time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from features.history.lead_history import LeadHistory
from features.times import to_us
from tests.support.builders import change, check, lead, link, tables, touch

KINDS = (
    "email_opened",
    "email_clicked",
    "email_sent",
    "call_outbound",
    "call_inbound",
    "page_view",
    "own kind",
    "call_voicemail",
)
CHANNELS = ("web", "phone", "Mail")
CAMPAIGNS = ("spring", "autumn")

# Leap day, both changes of the clock in Amsterdam, and the turn of a year; the rest follows from the offsets.
_ANCHORS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
    for text in ("2024-02-28T23:00", "2024-03-31T01:30", "2024-10-27T02:30", "2023-12-31T23:59")
)
_HOURS = (0, 0, 1, 2, 23, 24, 25, 48, 7 * 24, 30 * 24)
_TICKS = (-1, 0, 0, 0, 1)
# About the limit after which a mail is opened by a person, and several in one second.
_SECONDS = (2_000_000, 2_000_001, 2_400_000, 12_000_000, 12_000_001)

moments = st.builds(
    # Back and forth through UTC, because hours are added to the clock on the wall otherwise.
    lambda anchor, hours, ticks: (
        anchor.astimezone(ZoneInfo("UTC")) + timedelta(hours=hours, microseconds=ticks)
    ),
    st.sampled_from(_ANCHORS),
    st.sampled_from(_HOURS),
    st.sampled_from((*_TICKS, *_SECONDS)),
)
_delays = st.sampled_from((0, 0, 0, 1, 36, 24 * 40)).map(lambda hours: timedelta(hours=hours))
_maybe = st.none


@dataclass(frozen=True, slots=True)
class RawHistory:
    """Tables as a company has them, the history they make, and (lead row, lead id, as_of) to look at."""

    tables: Mapping[str, pa.Table]
    history: LeadHistory
    examples: tuple[tuple[int, str, int], ...]


@st.composite
def raw_histories(draw: st.DrawFn) -> RawHistory:
    """Draws a small company."""
    ids = [f"l{number}" for number in range(draw(st.integers(1, 4)))]
    leads = [draw(_leads(lead_id)) for lead_id in ids]
    visitors = ["v0", "v1"]
    drawn = draw(st.lists(_interactions([*ids, *visitors, "nobody"]), max_size=25))
    interactions = [
        each | {"interaction_id": name} for each, name in zip(drawn, _ids(draw, len(drawn)), strict=True)
    ]
    changes = draw(
        st.none()
        | st.lists(_changes([*ids, *visitors]), max_size=4, unique_by=lambda row: row["available_at"])
    )
    aliases = draw(st.none() | _aliases([*ids, *visitors]))
    made = tables(leads, interactions, changes=changes, aliases=aliases)
    history, problems = check(made, attribute_types={"size": "number", "country": "category"})
    assert history is not None, problems
    seen = [row[name] for row in interactions for name in ("occurred_at", "available_at") if row.get(name)]
    return RawHistory(made, history, tuple(draw(_examples(history, seen))))


def _leads(lead_id: str) -> st.SearchStrategy[dict[str, object]]:
    return st.builds(
        lambda created_at, **columns: lead(lead_id, created_at, **columns),
        created_at=moments,
        account_id=st.sampled_from(("acme", "acme", "solo", None)),
        size=st.sampled_from((1.0, 2.5, None)),
        country=st.sampled_from(("NL", "BE", None)),
    )


@st.composite
def _interactions(draw: st.DrawFn, ids: list[str]) -> dict[str, object]:
    occurred_at = draw(moments)
    available_at = draw(_maybe() | _delays.map(lambda delay: occurred_at + delay))
    return touch(
        draw(st.sampled_from(ids)),
        draw(st.sampled_from(KINDS)),
        occurred_at,
        available_at=available_at,
        direction=draw(st.sampled_from((None, None, "inbound", "outbound"))),
        channel=draw(st.sampled_from((*CHANNELS, None))),
        campaign=draw(st.sampled_from((*CAMPAIGNS, None))),
        value=draw(st.sampled_from((None, None, 0.1, 0.2, -3.0, 1e9))),
        source=draw(st.sampled_from(("crm", None))),
        is_automated=draw(st.sampled_from((None, None, None, True, False))),
    )


def _ids(draw: st.DrawFn, count: int) -> list[str | None]:
    return draw(st.lists(st.sampled_from((None, None, "i1", "i2", "i3")), min_size=count, max_size=count))


def _changes(ids: list[str]) -> st.SearchStrategy[dict[str, object]]:
    values = st.sampled_from((("size", "7.5"), ("size", None), ("country", "DE"), ("country", None)))
    return st.builds(
        lambda lead_id, named, known: change(lead_id, named[0], named[1], known),
        st.sampled_from(ids),
        values,
        moments,
    )


@st.composite
def _aliases(draw: st.DrawFn, ids: list[str]) -> list[dict[str, object]]:
    """Links that go in no circle: each leads to an id of a random order that comes later."""
    order = draw(st.permutations(ids))
    places = st.integers(0, len(ids) - 1)
    pairs = draw(st.lists(st.tuples(places, places, moments), min_size=1, max_size=5))
    return [link(order[min(one, two)], order[max(one, two)], known) for one, two, known in pairs]


@st.composite
def _examples(draw: st.DrawFn, history: LeadHistory, seen: list[object]) -> list[tuple[int, str, int]]:
    # At the very instants at which things become known, and where they fall out of windows of 1 and 7 days.
    instants = moments if not seen else moments | st.sampled_from(seen)
    ends = st.sampled_from((0, 0, 1, 7)).map(lambda days: timedelta(days=days))
    as_ofs = st.builds(
        lambda instant, end, tick: instant + end + timedelta(microseconds=tick),
        instants,
        ends,
        st.sampled_from(_TICKS),
    )
    ids = history.lead_ids.to_pylist()
    pairs = draw(st.lists(st.tuples(st.integers(0, len(ids) - 1), as_ofs), min_size=1, max_size=8))
    whole = [(row, ids[row], to_us(as_of)) for row, as_of in pairs]
    return [example for example in whole if example[2] >= history.created_at[example[0]]]
