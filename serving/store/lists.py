"""Reads lists page by page: the ranked list of open leads, the scores by their time, the quarantine.

A cursor names the last row of a page, so that rows that come or go between two pages hide no other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import sqlalchemy as sa

from features.times import format_time
from serving.database.schema import QUARANTINE, STORE
from serving.database.score_tables import CURRENT_SCORES, INSTANTS, LISTS, SALES_ATTRIBUTES, SCORES
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.json_rows import JsonObject
from serving.store.display import display_values

Order = Literal["rank", "waiting"]
Feed = Literal["current", "night"]
SetAside = Literal["without", "with", "only"]
Cursor = tuple[Any, ...]

_EQUAL: Final = ("source", *SALES_ATTRIBUTES)
_LISTED: Final = ("account_id", *_EQUAL)
_WRITTEN: Final = ("written", "lead_id", "horizon_days", "as_of", "model_version")
# Stands before the key of every score of one transaction.
_BEFORE_ALL: Final = ("", 0.0, 0, "")


@dataclass(frozen=True, slots=True)
class LeadFilter:
    """Which open leads are listed, and in which order; None lets all pass.

    Attributes:
        order: by rank, or by waiting time: then only leads that wait for us.
        bands: leads of these bands.
        stages: leads of these stages.
        waiting_hours: leads that wait for at least so long.
        min_probability: leads with at least this probability.
        source: leads whose attribute `source` has this value.
        owner: leads whose attribute `owner` has this value.
        territory: leads whose attribute `territory` has this value.
        sales: leads whose attribute `sales` has this value, such as inside or outside.
        set_aside: whether leads that are not to be called now are left out, listed too, or listed alone.
        text: occurs in the id, the id of the account or an attribute that is a text, in either case.
    """

    order: Order = "rank"
    bands: Sequence[str] | None = None
    stages: Sequence[str] | None = None
    waiting_hours: float | None = None
    min_probability: float | None = None
    source: str | None = None
    owner: str | None = None
    territory: str | None = None
    sales: str | None = None
    set_aside: SetAside = "without"
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: as JSON objects.
        following: cursor of the next page; None at the end.
        total: number of rows of the whole list, where they are counted.
        is_last: whether no page follows now; only of feeds, whose last page has a cursor, too.
    """

    rows: Sequence[JsonObject]
    following: Cursor | None
    total: int | None = None
    is_last: bool = False


def list_leads(
    connection: sa.Connection,
    lead_filter: LeadFilter,
    *,
    now: int,
    limit: int,
    after: Cursor | None,
    display: Sequence[str] = (),
) -> Page:
    """Reads open leads, the ones to call first before the others.

    Args:
        connection: in a transaction.
        lead_filter: which leads, and in which order.
        now: microseconds UTC; leads set aside until then are listed again.
        limit: rows of a page.
        after: (place, priority or hours, lead_id) of the last row of the page before.
        display: names of the attributes that each row shows.
    """
    where = _conditions(lead_filter, now)
    total = connection.scalar(sa.select(sa.func.count()).select_from(CURRENT_SCORES).where(*where)) or 0
    first = _ORDERS[lead_filter.order]
    page = sa.select(CURRENT_SCORES).where(*where).order_by(first.desc(), CURRENT_SCORES.c.lead_id)
    place = 0
    if after is not None:
        place, last, lead_id = after
        # The first condition alone bounds the index.
        page = page.where(first <= last, (first < last) | (CURRENT_SCORES.c.lead_id > lead_id))
    found = _rows(connection, page, limit)
    shown = display_values(connection, [row["lead_id"] for row in found[:limit]], display)
    rows = [
        {**_listed(row, rank, now), "display": shown[row["lead_id"]]}
        for rank, row in enumerate(found[:limit], start=place + 1)
    ]
    following = None
    if len(found) > limit:
        following = (place + limit, found[limit - 1][first.name], found[limit - 1]["lead_id"])
    return Page(rows, following, total)


def list_scores(
    connection: sa.Connection, feed: Feed, *, since: int | None, limit: int, after: Cursor | None
) -> Page:
    """Reads scores in the order in which they were written.

    A clock may go back, and a job that takes long writes scores that it made long before: by their own time a
    reader would miss them. The numbers of transactions rise in the order of commits.

    Args:
        connection: in a transaction.
        feed: the current score of every lead, or the scores that the nightly job wrote.
        since: leaves out scores that were made before, microseconds UTC; None where `after` is given.
        limit: rows of a page.
        after: (since, key of the last row) of the page before.

    Returns:
        A page; `following` after the last one is where to look for what is written from now on.
    """
    table = _FEEDS[feed]
    key = [table.c[name] for name in _WRITTEN]
    # The nightly table has the columns of a score alone.
    names = [name for name in (*SCORE_COLUMNS, "notes", "written") if name in table.c]
    page = sa.select(*(table.c[name] for name in names))
    last: list[Any] = []
    if after is not None:
        since, *last = after
        # The first condition alone bounds the index.
        page = page.where(table.c.written >= last[0], sa.tuple_(*key) > sa.tuple_(*last))
    if since is not None:
        page = page.where(table.c.scored_at >= since)
    if since is not None and after is None:
        first = sa.select(sa.func.min(table.c.written)).where(table.c.scored_at >= since)
        page = page.where(table.c.written >= first.scalar_subquery())
    found = _rows(connection, page.order_by(*key), limit)
    is_last = len(found) <= limit
    rows = found[:limit]
    if rows:
        last = [rows[-1][name] for name in _WRITTEN]
    elif after is None:
        last = [connection.execute(sa.select(STORE.c.sequence)).scalar_one() + 1, *_BEFORE_ALL]
    return Page([_score(row) for row in rows], (None if is_last else since, *last), is_last=is_last)


def list_quarantine(connection: sa.Connection, *, limit: int, after: Cursor | None) -> Page:
    """Reads the quarantine, the newest item first; `after` is (received_at, key in hex)."""
    own = QUARANTINE.c
    page = sa.select(QUARANTINE).order_by(own.received_at.desc(), own.key.desc())
    if after is not None:
        page = page.where(sa.tuple_(own.received_at, own.key) < sa.tuple_(after[0], bytes.fromhex(after[1])))
    found = _rows(connection, page, limit)
    last = found[limit - 1] if len(found) > limit else None
    following = None if last is None else (last["received_at"], bytes(last["key"]).hex())
    return Page([_quarantined(row) for row in found[:limit]], following)


_ORDERS: Final[Mapping[Order, sa.Column[Any]]] = {
    "rank": CURRENT_SCORES.c.priority,
    "waiting": CURRENT_SCORES.c.waiting_hours,
}
_FEEDS: Final[Mapping[Feed, sa.Table]] = {"current": CURRENT_SCORES, "night": SCORES}


def _rows(connection: sa.Connection, page: sa.Select[Any], limit: int) -> list[dict[str, Any]]:
    """Reads a page, and one more row where another page follows."""
    return [dict(row) for row in connection.execute(page.limit(limit + 1)).mappings()]


def _conditions(lead_filter: LeadFilter, now: int) -> list[sa.ColumnElement[bool]]:
    current = CURRENT_SCORES.c
    conditions: list[sa.ColumnElement[bool]] = [current.priority.is_not(None)]
    if lead_filter.order == "waiting":
        conditions.append(current.waiting_hours.is_not(None))
    among = {current.band: lead_filter.bands, current.stage: lead_filter.stages}
    conditions += [column.in_(values) for column, values in among.items() if values is not None]
    equal = {current[name]: getattr(lead_filter, name) for name in _EQUAL}
    conditions += [column == value for column, value in equal.items() if value is not None]
    if lead_filter.waiting_hours is not None:
        conditions.append(current.waiting_hours >= lead_filter.waiting_hours)
    if lead_filter.min_probability is not None:
        conditions.append(current.probability >= lead_filter.min_probability)
    is_set_aside = sa.func.coalesce(current.set_aside_until, 0) > now
    if lead_filter.set_aside != "with":
        conditions.append(is_set_aside if lead_filter.set_aside == "only" else ~is_set_aside)
    if lead_filter.text is not None:
        conditions.append(current.search_text.contains(lead_filter.text.casefold(), autoescape=True))
    return conditions


def _listed(row: Mapping[str, Any], rank: int, now: int) -> JsonObject:
    own = {name: row[name] for name in _LISTED}
    until = row["set_aside_until"]
    times = {
        "created_at": format_time(row["created_at"]),
        "set_aside_until": format_time(until) if until is not None and until > now else None,
    }
    return {**_score(row), "rank": rank, **own, **times}


def _score(row: Mapping[str, Any]) -> JsonObject:
    own: JsonObject = {name: row[name] for name in SCORE_COLUMNS}
    times = {name: format_time(row[name]) for name in INSTANTS}
    lists = {name: json.loads(row[name]) for name in LISTS}
    return {**own, **times, **lists, "notes": json.loads(row.get("notes", "[]"))}


def _quarantined(row: Mapping[str, Any]) -> JsonObject:
    return {
        "source": row["source"],
        "lead_id": row["lead_id"],
        "item": row["item"],
        "reason": row["reason"],
        "received_at": format_time(row["received_at"]),
        "sent": json.loads(row["body"])["sent"],
    }
