"""How far the current scores were looked at, and how the leads stood then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from features.sources.service_tables import INTERACTIONS, LEAD_ALIASES
from serving.alerts.transitions import NOTHING, LeadState
from serving.database.schema import ALERT_FEED, ALERT_LEADS
from serving.database.score_tables import CURRENT_SCORES
from serving.database.statements import replacing
from serving.store.staleness import CHANGING

_CURRENT: Final = CURRENT_SCORES.c
_STATES: Final = ALERT_LEADS.c
# By their names in the code.
_ROW: Final = tuple(column.label(column.key) for column in _CURRENT)


class Feed(NamedTuple):
    """How far alerts were looked for.

    Attributes:
        steps: how often this was written.
        written: number of the transaction of the last score that was looked at.
        lead_id: of this score.
        model_version: whose bands the leads are known in; empty until all leads were looked at once.
        waiting_hours: the limit that the leads were compared with.
        verdicts: what the monitoring advised, as JSON.
    """

    steps: int = 0
    written: int = -1
    lead_id: str = ""
    model_version: str = ""
    waiting_hours: float | None = None
    verdicts: str = "[]"


def read_feed(connection: sa.Connection) -> Feed | None:
    """Reads how far alerts were looked for; None before the first time."""
    row = connection.execute(sa.select(*(ALERT_FEED.c[name] for name in Feed._fields))).first()
    return None if row is None else Feed(*row)


def write_feed(connection: sa.Connection, before: Feed | None, after: Feed) -> bool:
    """Writes how far alerts were looked for; whether nobody else did so since it was read."""
    if before is None:
        if read_feed(connection) is not None:
            return False
        connection.execute(sa.insert(ALERT_FEED).values(**after._asdict()))
        return True
    step = sa.update(ALERT_FEED).where(ALERT_FEED.c.steps == before.steps)
    reached = after._replace(steps=before.steps + 1)._asdict()
    return bool(connection.execute(step.values(**reached)).rowcount)


def read_scores(connection: sa.Connection, feed: Feed, *, limit: int) -> list[dict[str, Any]]:
    """Reads the current scores that were written after those that were looked at, in the order of commits."""
    place = sa.tuple_(_CURRENT.written, _CURRENT.lead_id)
    page = (
        sa.select(*_ROW)
        # The first condition alone bounds the index.
        .where(_CURRENT.written >= feed.written, place > sa.tuple_(feed.written, feed.lead_id))
        .order_by(_CURRENT.written, _CURRENT.lead_id)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(page).mappings()]


def read_states(connection: sa.Connection, lead_ids: Sequence[str]) -> dict[str, LeadState]:
    """Reads how leads stood."""
    found = sa.select(_STATES.lead_id, _STATES.is_top, _STATES.waiting_since, _STATES.is_reported).where(
        _STATES.lead_id.in_(lead_ids)
    )
    return {lead_id: LeadState(*rest) for lead_id, *rest in connection.execute(found)}


def write_states(connection: sa.Connection, states: Mapping[str, LeadState]) -> None:
    """Writes how leads stand."""
    gone = [lead_id for lead_id, state in states.items() if state._replace(is_reported=False) == NOTHING]
    if gone:
        connection.execute(sa.delete(ALERT_LEADS).where(_STATES.lead_id.in_(gone)))
    rows = [
        {"lead_id": lead_id, **state._asdict()} for lead_id, state in states.items() if lead_id not in gone
    ]
    if rows:
        connection.execute(replacing(connection, ALERT_LEADS), rows)


def read_waiting(connection: sa.Connection, feed: Feed, *, before: int, limit: int) -> list[dict[str, Any]]:
    """Reads the scores of leads that wait since a moment, or for longer, and were not told of.

    A lead that changed after its score is left out until it is scored anew and looked at: the change may be
    the answer.
    """
    since = _STATES.waiting_since
    is_looked_at = sa.tuple_(_CURRENT.written, _CURRENT.lead_id) <= sa.tuple_(feed.written, feed.lead_id)
    page = (
        sa.select(*_ROW, since.label("waiting_since"), _STATES.is_top)
        .join_from(CURRENT_SCORES, ALERT_LEADS, _STATES.lead_id == _CURRENT.lead_id)
        .where(_STATES.is_reported.is_(False), since <= before, is_looked_at, ~_has_changed())
        .order_by(since)
        .limit(limit)
    )
    return [dict(row) for row in connection.execute(page).mappings()]


def _has_changed() -> sa.ColumnElement[bool]:
    """Tells whether a lead, or an alias of it, has a row that its current score was made without."""
    aliases = sa.select(LEAD_ALIASES.c.alias_id).where(LEAD_ALIASES.c.lead_id == _CURRENT.lead_id)
    of_alias = sa.exists().where(
        INTERACTIONS.c.lead_id.in_(aliases), INTERACTIONS.c.sequence > _CURRENT.sequence
    )
    own = [
        sa.exists().where(table.c.lead_id == _CURRENT.lead_id, table.c.sequence > _CURRENT.sequence)
        for table in CHANGING
    ]
    return sa.or_(*own, of_alias)


def report_waiting(connection: sa.Connection, *, before: int) -> None:
    """Lets all leads that wait since a moment, or for longer, count as told of."""
    connection.execute(sa.update(ALERT_LEADS).where(_STATES.waiting_since <= before).values(is_reported=True))


def existing_leads(connection: sa.Connection, lead_ids: Sequence[str]) -> set[str]:
    """Gives those of some leads that still have a current score: none is told of after its erasure."""
    return set(connection.scalars(sa.select(_CURRENT.lead_id).where(_CURRENT.lead_id.in_(lead_ids))))


def is_settled(connection: sa.Connection, version: str) -> bool:
    """Whether every open lead has a score of a version."""
    is_open = _CURRENT.priority.is_not(None)
    for is_other in (_CURRENT.model_version < version, _CURRENT.model_version > version):
        if connection.execute(sa.select(_CURRENT.lead_id).where(is_open, is_other).limit(1)).first():
            return False
    return True
