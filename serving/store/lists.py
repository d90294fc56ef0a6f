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
from serving.database.schema import CURRENT_SCORES, INSTANTS, LISTS, QUARANTINE, SCORES
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.scoring.json_rows import JsonObject

Order = Literal["rank", "waiting"]
Feed = Literal["current", "night"]
Cursor = tuple[Any, ...]

_LISTED: Final = ("account_id", "source")
_WRITTEN: Final = ("scored_at", "lead_id", "horizon_days", "as_of", "model_version")


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
        text: occurs in the id, the id of the account or an attribute that is a text, in either case.
    """

    order: Order = "rank"
    bands: Sequence[str] | None = None
    stages: Sequence[str] | None = None
    waiting_hours: float | None = None
    min_probability: float | None = None
    source: str | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list.

    Attributes:
        rows: as JSON objects.
        following: cursor of the next page; None at the end.
        total: number of rows of the whole list, where they are counted.
    """

    rows: Sequence[JsonObject]
    following: Cursor | None
    total: int | None = None


def list_leads(
    connection: sa.Connection, lead_filter: LeadFilter, *, limit: int, after: Cursor | None
) -> Page:
    """Reads open leads, the ones to call first before the others.

    Args:
        connection: in a transaction.
        lead_filter: which leads, and in which order.
        limit: rows of a page.
        after: (place, priority or hours, lead_id) of the last row of the page before.
    """
    where = _conditions(lead_filter)
    total = connection.scalar(sa.select(sa.func.count()).select_from(CURRENT_SCORES).where(*where)) or 0
    first = _ORDERS[lead_filter.order]
    page = sa.select(CURRENT_SCORES).where(*where).order_by(first.desc(), CURRENT_SCORES.c.lead_id)
    place = 0
    if after is not None:
        place, last, lead_id = after
        # The first condition alone bounds the index.
        page = page.where(first <= last, (first < last) | (CURRENT_SCORES.c.lead_id > lead_id))
    found = _rows(connection, page, limit)
    rows = [_listed(row, rank) for rank, row in enumerate(found[:limit], start=place + 1)]
    following = None
    if len(found) > limit:
        following = (place + limit, found[limit - 1][first.name], found[limit - 1]["lead_id"])
    return Page(rows, following, total)


def list_scores(
    connection: sa.Connection, feed: Feed, *, since: int, limit: int, after: Cursor | None
) -> Page:
    """Reads scores that were made at a moment or later, the oldest first.

    Args:
        connection: in a transaction.
        feed: the current score of every lead, or the scores that the nightly job wrote.
        since: microseconds UTC; inclusive, because several scores may have the same time.
        limit: rows of a page.
        after: key of the last row of the page before.
    """
    table = _FEEDS[feed]
    key = [table.c[name] for name in _WRITTEN]
    # The nightly table has the columns of a score alone.
    names = [name for name in (*SCORE_COLUMNS, "notes") if name in table.c]
    page = sa.select(*(table.c[name] for name in names)).where(table.c.scored_at >= since)
    if after is not None:
        page = page.where(table.c.scored_at >= after[0], sa.tuple_(*key) > sa.tuple_(*after))
    found = _rows(connection, page.order_by(*key), limit)
    last = None if len(found) <= limit else tuple(found[limit - 1][name] for name in _WRITTEN)
    return Page([_score(row) for row in found[:limit]], last)


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


def _conditions(lead_filter: LeadFilter) -> list[sa.ColumnElement[bool]]:
    current = CURRENT_SCORES.c
    conditions: list[sa.ColumnElement[bool]] = [current.priority.is_not(None)]
    if lead_filter.order == "waiting":
        conditions.append(current.waiting_hours.is_not(None))
    if lead_filter.bands is not None:
        conditions.append(current.band.in_(lead_filter.bands))
    if lead_filter.stages is not None:
        conditions.append(current.stage.in_(lead_filter.stages))
    if lead_filter.waiting_hours is not None:
        conditions.append(current.waiting_hours >= lead_filter.waiting_hours)
    if lead_filter.min_probability is not None:
        conditions.append(current.probability >= lead_filter.min_probability)
    if lead_filter.source is not None:
        conditions.append(current.source == lead_filter.source)
    if lead_filter.text is not None:
        conditions.append(current.search_text.contains(lead_filter.text.casefold(), autoescape=True))
    return conditions


def _listed(row: Mapping[str, Any], rank: int) -> JsonObject:
    own = {name: row[name] for name in _LISTED}
    return {**_score(row), "rank": rank, **own, "created_at": format_time(row["created_at"])}


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
