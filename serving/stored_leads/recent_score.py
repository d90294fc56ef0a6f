"""The current score of a lead, where it still says what a new one would say of what is stored.

It answers a request that accepts an older moment: nothing newer of the lead or its account may be stored,
and the version in use must have made it.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import sqlalchemy as sa
from pydantic_core import to_json

from features.sources.service_tables import LEAD_ALIASES
from features.times import format_time
from serving.database.schema import ACCOUNT_CHANGES
from serving.database.score_tables import CURRENT_SCORES
from serving.database.statements import CompiledStatement
from serving.scoring.arrow_rows import SCORE_COLUMNS
from serving.store.staleness import CHANGING

_STATUS: Final = SCORE_COLUMNS.index("status")
_BOOLEANS: Final = (SCORE_COLUMNS.index("prospect"), SCORE_COLUMNS.index("held_out"))
_AS_OF: Final = SCORE_COLUMNS.index("as_of")
_WRITTEN_AT: Final = SCORE_COLUMNS.index("scored_at")
# The two lists lie side by side, as JSON already.
_LISTS: Final = (SCORE_COLUMNS.index("reasons"), SCORE_COLUMNS.index("curve"))
# In a text every quote has a backslash before it, so that this stands at their place alone.
_PLACE: Final = b'"reasons":null,"curve":null'


class RecentScore(NamedTuple):
    """A current score.

    Attributes:
        status: of the lead.
        content: the score as a JSON object.
    """

    status: str
    content: bytes


def read_recent(
    connection: sa.Connection, *, lead_id: str, model_version: str, since: int
) -> RecentScore | None:
    """Reads the current score of a lead; None where it is older, or would be another one now.

    Args:
        connection: in a transaction.
        lead_id: the lead.
        model_version: the version in use.
        since: the earliest moment that it may be as of, microseconds UTC.
    """
    wanted = {"lead_id": lead_id, "model_version": model_version, "since": since}
    rows = _CURRENT.rows(connection, wanted)
    if not rows:
        return None
    *cells, notes, account_id, sequence = rows[0][: -len(CHANGING)]
    if max(filter(None, rows[0][-len(CHANGING) :]), default=0) > sequence:
        later = {"lead_id": lead_id, "account_id": account_id, "sequence": sequence}
        if _NEWER.rows(connection, later)[0][0]:
            return None
    return RecentScore(cells[_STATUS], _content(cells, notes))


def _content(cells: list[Any], notes: str) -> bytes:
    # SQLite stores a boolean as a number.
    for place in _BOOLEANS:
        cells[place] = None if cells[place] is None else bool(cells[place])
    cells[_AS_OF], cells[_WRITTEN_AT] = format_time(cells[_AS_OF]), format_time(cells[_WRITTEN_AT])
    reasons, curve = (cells[place] for place in _LISTS)
    for place in _LISTS:
        cells[place] = None
    lists = f'"reasons":{reasons},"curve":{curve}'.encode()
    written = to_json(dict(zip(SCORE_COLUMNS, cells, strict=True))).replace(_PLACE, lists, 1)
    return b'%s,"notes":%s}' % (written[:-1], notes.encode())


def _newer() -> sa.Select[bool]:
    """Selects whether rows that the score of a lead depends on were written after a transaction.

    The leads of an account are all that ever belonged to it, each with its aliases, and theirs.
    """
    lead_id: sa.BindParameter[str] = sa.bindparam("lead_id")
    account_id: sa.BindParameter[str] = sa.bindparam("account_id")
    sequence: sa.BindParameter[int] = sa.bindparam("sequence", type_=sa.BigInteger)
    changes = ACCOUNT_CHANGES.c
    members = sa.union(
        sa.select(sa.cast(lead_id, changes.lead_id.type).label("id")),
        sa.select(changes.lead_id).where(changes.account_id == account_id),
    ).cte("members")
    ids = sa.select(members.c.id).cte("ids", recursive=True)
    ids = ids.union(
        sa.select(LEAD_ALIASES.c.alias_id).join_from(LEAD_ALIASES, ids, LEAD_ALIASES.c.lead_id == ids.c.id)
    )
    found = [
        sa.exists(
            sa.select(sa.literal(1))
            .join_from(ids, table, table.c.lead_id == ids.c.id)
            .where(table.c.sequence > sequence)
        )
        for table in CHANGING
    ]
    return sa.select(sa.or_(*found))


_CURRENT: Final = CompiledStatement(
    sa.select(
        *(CURRENT_SCORES.c[name] for name in SCORE_COLUMNS),
        CURRENT_SCORES.c.notes,
        CURRENT_SCORES.c.account_id,
        CURRENT_SCORES.c.sequence,
        # Whether anything at all is newer; the end of an index says it.
        *(sa.select(sa.func.max(table.c.sequence)).scalar_subquery() for table in CHANGING),
    ).where(
        CURRENT_SCORES.c.lead_id == sa.bindparam("lead_id"),
        CURRENT_SCORES.c.model_version == sa.bindparam("model_version"),
        CURRENT_SCORES.c.as_of >= sa.bindparam("since", type_=sa.BigInteger),
    )
)
_NEWER: Final = CompiledStatement(_newer())
