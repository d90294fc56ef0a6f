"""How far the loading of a history got: a row of the database, written with the rows of the history."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from features.history.settings import HistorySettings
from features.sources.history_settings import SETTINGS_TABLE, settings_rows
from features.times import parse_time
from serving.database.schema import HISTORY_SETTINGS, LOADS
from serving.database.statements import replacing
from serving.loading.prepared import Counts, added
from serving.loading.row_fates import DUPLICATE, OTHER_CONTENT, STORED

_EXPORTED: Final = "exported_at"


@dataclass(frozen=True, slots=True)
class LoadState:
    """The state of one loading.

    Attributes:
        load_id: of the loading.
        started_at: microseconds UTC.
        partition: that is being written; those before it are complete.
        leads: number of leads of the partition that are written; of links after the last partition.
        counts: what became of the rows so far.
        finished_at: microseconds UTC; None while it goes on.
    """

    load_id: str
    started_at: int
    partition: int = 0
    leads: int = 0
    counts: Counts | None = None
    finished_at: int | None = None

    def with_counts(self, counts: Counts) -> LoadState:
        """Gives the state with other counts."""
        return replace(self, counts=counts)


def read_load(connection: sa.Connection, load_id: str) -> LoadState | None:
    """Reads the state of a loading; None where nothing of it was committed."""
    found = connection.execute(sa.select(LOADS).where(LOADS.c.load_id == load_id)).mappings().first()
    if found is None:
        return None
    return LoadState(
        load_id,
        found["started_at"],
        found["partition"],
        found["leads"],
        json.loads(found["counts"]),
        found["finished_at"],
    )


def write_load(connection: sa.Connection, state: LoadState, *, now: int) -> None:
    """Writes the state of a loading in place of the earlier one."""
    row = {
        "load_id": state.load_id,
        "partition": state.partition,
        "leads": state.leads,
        "counts": json.dumps(state.counts or {}),
        "started_at": state.started_at,
        "written_at": now,
        "finished_at": state.finished_at,
    }
    connection.execute(replacing(connection, LOADS), row)


def write_settings(connection: sa.Connection, settings: HistorySettings) -> Counts:
    """Writes what a history says of itself; what was said before stays, and is counted where it differs.

    Of two moments of export the later one counts: a history grows export by export.
    How its cells are written is left out: the rows of the store have one form.
    """
    rows = dict(settings_rows(replace(settings, zone=None, formats={})))
    said = {row.key: row.value for row in connection.execute(sa.select(*HISTORY_SETTINGS.c))}
    if said.get(_EXPORTED) and _EXPORTED in rows:
        last = max(said[_EXPORTED], rows[_EXPORTED], key=parse_time)
        if last != said[_EXPORTED]:
            connection.execute(sa.delete(HISTORY_SETTINGS).where(HISTORY_SETTINGS.c.key == _EXPORTED))
            del said[_EXPORTED]
        rows[_EXPORTED] = last
    if new := [{"key": key, "value": value} for key, value in rows.items() if key not in said]:
        connection.execute(sa.insert(HISTORY_SETTINGS), new)
    others = sum(said.get(key, value) != value for key, value in rows.items())
    counts = {STORED: len(new), DUPLICATE: len(rows) - len(new) - others, OTHER_CONTENT: others}
    return added({SETTINGS_TABLE: counts}) if rows else {}
