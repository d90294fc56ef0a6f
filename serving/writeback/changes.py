"""Which leads have news for a CRM: their fields differ from those that were written last.

Of what was written only a hash is kept, by target and lead; an erasure removes it with the lead.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from pydantic_core import to_json

from serving.database.schema import SYNCED
from serving.database.score_tables import CURRENT_SCORES
from serving.database.statements import replacing
from serving.database.writer import Receipt
from serving.outgoing.addresses import lead_page
from serving.store.store import Store
from serving.writeback.target import Record
from serving.writeback.target_map import TargetMap
from serving.writeback.values import Cell

_ROWS_PER_READ: Final = 2000
_DIGEST_BYTES: Final = 16
# Control characters and what is no character at all: one of them would have a whole batch refused.
_UNSENDABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Change:
    """A record to write.

    Attributes:
        record: its fields.
        digest: hash of the fields that are news where they change.
        place: number of the score among those that are looked at, from 1.
    """

    record: Record
    digest: bytes
    place: int


def changed_records(store: Store, target_map: TargetMap, *, since: int | None) -> Iterator[Change]:
    """Finds the leads whose fields differ from those that were written last, in the order of their ids.

    A lead that was never written, and of which every field would be empty, is left alone.

    Args:
        store: of the scores.
        target_map: what is written where.
        since: microseconds UTC; only scores made then or later are looked at. None looks at all.
    """
    after, seen = "", 0
    while True:
        rows = store.read(partial(_read, target=target_map.target, since=since, after=after))
        for place, row in enumerate(rows, start=seen + 1):
            change = _change(row, target_map, place=place)
            written = row["digest"]
            if bytes(written) != change.digest if written is not None else _has_news(change, target_map):
                yield change
        if len(rows) < _ROWS_PER_READ:
            return
        after, seen = rows[-1]["lead_id"], seen + len(rows)


def count_scores(connection: sa.Connection, *, since: int | None) -> int:
    """Counts the scores that are looked at."""
    count = sa.select(sa.func.count()).select_from(CURRENT_SCORES)
    return (
        connection.scalar(count if since is None else count.where(CURRENT_SCORES.c.scored_at >= since)) or 0
    )


def note_written(
    connection: sa.Connection, receipt: Receipt, *, target: str, changes: Sequence[Change]
) -> None:
    """Notes what was written, for as long as the leads are there."""
    ids = [change.record.lead_id for change in changes]
    # A lead that was erased meanwhile leaves nothing behind.
    left = set(
        connection.scalars(sa.select(CURRENT_SCORES.c.lead_id).where(CURRENT_SCORES.c.lead_id.in_(ids)))
    )
    rows = [
        {
            "target": target,
            "lead_id": change.record.lead_id,
            "digest": change.digest,
            "written_at": receipt.at,
        }
        for change in changes
        if change.record.lead_id in left
    ]
    if rows:
        connection.execute(replacing(connection, SYNCED), rows)


def _read(connection: sa.Connection, *, target: str, since: int | None, after: str) -> list[dict[str, Any]]:
    current = CURRENT_SCORES.c
    is_same = (SYNCED.c.lead_id == current.lead_id) & (SYNCED.c.target == target)
    page = (
        sa.select(CURRENT_SCORES, SYNCED.c.digest)
        .select_from(CURRENT_SCORES.outerjoin(SYNCED, is_same))
        .where(current.lead_id > after)
        .order_by(current.lead_id)
        .limit(_ROWS_PER_READ)
    )
    if since is not None:
        page = page.where(current.scored_at >= since)
    return [dict(row) for row in connection.execute(page).mappings()]


def _change(row: Mapping[str, Any], target_map: TargetMap, *, place: int) -> Change:
    page = lead_page(target_map.page, row["lead_id"]) if target_map.page else None
    read = {**row, "link": page}
    values = target_map.values
    cells = {own: _cut(value.read(read), target_map.text_length) for own, value in values.items()}
    news = {own: cell for own, cell in cells.items() if not values[own].is_stamp}
    digest = hashlib.blake2b(to_json(news), digest_size=_DIGEST_BYTES).digest()
    return Change(Record(row["lead_id"], cells), digest, place)


def _has_news(change: Change, target_map: TargetMap) -> bool:
    values = target_map.values
    return any(cell is not None and not values[own].is_stamp for own, cell in change.record.cells.items())


def _cut(cell: Cell, length: int) -> Cell:
    """Cuts a text that is too long for its field; what no XML holds becomes a blank."""
    if not isinstance(cell, str):
        return cell
    text = _UNSENDABLE.sub(" ", cell)
    return f"{text[: length - 1]}…" if len(text) > length else text
