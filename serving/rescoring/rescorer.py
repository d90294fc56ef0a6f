"""Keeps the current scores current: the newest changes first, and what aged or has another version beside.

It runs in a process beside the server, on the engine that scores at night: a turn scores a few thousand
leads, whole accounts together. Their rows are written in short transactions while the next turn reads. A lead
that waits keeps its older row, which states its moment and its version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import Final

import sqlalchemy as sa

from features.progress import Progress, silent
from features.times import US_PER_HOUR
from serving.clock import Clock
from serving.database.schema import STORE
from serving.intake.leads import with_their_accounts
from serving.rescoring.chunk_scores import score_chunk
from serving.scoring.live_model import LiveModel
from serving.scoring.predictor import Predictor
from serving.store.staleness import read_staleness
from serving.store.store import Store
from serving.stored_leads.current_scores import (
    CurrentRow,
    aged_leads,
    all_leads,
    changed_leads,
    write_current,
)

# Scores change slowly with time alone.
REFRESH_HOURS: Final = 6.0

# Leads of one turn, and how many of them aged, at least, where as many changed.
LEADS_PER_TURN: Final = 2_500
_AGED_AT_LEAST: Final = 500
# Rows of one transaction: the server's own writer waits for no longer than these take.
_ROWS_AT_ONCE: Final = 250
_IDS_AT_ONCE: Final = 500
_WAIT_SECONDS: Final = 0.5


class Rescorer:
    """Scores the leads that need it, in turns; one process of a service does it for all."""

    def __init__(self, store: Store, live: LiveModel, *, clock: Clock) -> None:
        self._store = store
        self._live = live
        self._clock = clock
        # The leads that changed last stand at the end.
        self._pending: dict[str, None] = {}
        self._scanned: int | None = None
        # Writes the rows of a turn during the next one.
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="leadodds-rescored")
        self._unwritten: set[str] = set()
        self._written: Future[None] | None = None

    def catch_up(self, *, progress: Progress = silent, wait: Callable[[float], object] = time.sleep) -> None:
        """Works until no lead needs a new score, or waits until another process has done so.

        Args:
            progress: called with the share of the leads that are scored.
            wait: called with seconds while another process works.
        """
        begun = 1
        while (turned := self.turn()) or (left := self.leads_pending()):
            if turned:
                left = len(self._pending)
            else:
                wait(_WAIT_SECONDS)
            begun = max(begun, turned + left)
            progress("rescore", 1 - left / begun)

    def leads_pending(self) -> int:
        """Counts the leads whose rows are missing, or older than a change or the version in use."""
        version = self._live.predictor.model_version
        return self._store.read(lambda connection: read_staleness(connection, version).leads_pending)

    def forget(self) -> None:
        """Forgets what is pending, after a fault: it is found again from the database."""
        self._pending, self._scanned = {}, None
        self._unwritten, self._written = set(), None

    def close(self) -> None:
        """Ends its thread."""
        self._writing.shutdown()

    def turn(self) -> int:
        """Scores some leads, while the rows of the turn before are written.

        Returns:
            Number of leads in this turn; 0 where all rows are written and no lead needs a new score, or
            another process leads.
        """
        if not self._store.is_leader():
            self._end_writing()
            self.forget()
            return 0
        predictor, now = self._live.predictor, self._clock()
        taken = self._store.read(lambda connection: self._take(connection, predictor, now))
        if not taken:
            self._end_writing()
            return 0
        rows = self._store.read(partial(score_chunk, predictor=predictor, lead_ids=taken, now=now))
        self._end_writing()
        # With these rows the leads of all changes up to the last look are written.
        reached = None if self._pending else self._scanned
        self._unwritten = {*taken}
        self._written = self._writing.submit(write_rows, self._store, rows, reached=reached)
        return len(taken)

    def _end_writing(self) -> None:
        """Waits until the rows of the turn before are written."""
        written, self._written = self._written, None
        if written is not None:
            written.result()
        self._unwritten = set()

    def _take(self, connection: sa.Connection, predictor: Predictor, now: int) -> list[str]:
        """Takes the next leads: those that changed last, and some that aged."""
        self._scan(connection)
        taken = list(islice(reversed(self._pending), LEADS_PER_TURN - _AGED_AT_LEAST))
        for lead_id in taken:
            del self._pending[lead_id]
        limit = LEADS_PER_TURN - len(taken)
        before = now - round(REFRESH_HOURS * US_PER_HOUR)
        # The rows that are being written may still look old.
        aged = aged_leads(
            connection, version=predictor.model_version, before=before, limit=limit + len(self._unwritten)
        )
        taken += [lead_id for lead_id in aged if lead_id not in self._unwritten][:limit]
        parts = [taken[start : start + _IDS_AT_ONCE] for start in range(0, len(taken), _IDS_AT_ONCE)]
        if not predictor.reads_account:
            return taken
        others = {lead_id: None for part in parts for lead_id in with_their_accounts(connection, part)}
        return list(dict.fromkeys(taken) | others)

    def _scan(self, connection: sa.Connection) -> None:
        """Adds what changed since the last look; after many changes, all leads in the order of accounts."""
        sequence, rescored = connection.execute(sa.select(STORE.c.sequence, STORE.c.rescored)).one()
        since = rescored if self._scanned is None else self._scanned
        if sequence > since:
            changed = changed_leads(connection, since=since)
            for lead_id in all_leads(connection) if changed is None else changed:
                # Again at the end, where the newest are.
                self._pending.pop(lead_id, None)
                self._pending[lead_id] = None
        self._scanned = sequence


def write_rows(
    store: Store,
    rows: Sequence[CurrentRow],
    *,
    reached: int | None = None,
    rows_at_once: int = _ROWS_AT_ONCE,
) -> None:
    """Writes the rows of a turn in short transactions.

    Args:
        store: gets the rows.
        rows: of the turn.
        reached: number of a transaction; the rows of all leads that changed up to it are written then.
        rows_at_once: rows of a transaction.
    """
    for start in range(0, len(rows), rows_at_once):
        part = rows[start : start + rows_at_once]
        # One after the other: the writer would run those that wait in one long transaction.
        store.write(partial(write_current, rows=part, rescored=None)).result()
    if reached is not None:
        store.write(partial(write_current, rows=(), rescored=reached)).result()
