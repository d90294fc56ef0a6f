"""Keeps the current scores current: the newest changes first, and what aged or has another version beside.

It runs in a process beside the server, on the engine that scores at night: a turn scores a few thousand
leads. Their rows are written in short transactions while the next turn reads. Where very many leads wait,
several turns are scored in processes of their own. A lead that waits keeps its older row, which states its
moment and its version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

import sqlalchemy as sa

from features.partitions.pool import ProcessLostError
from features.progress import Progress, silent
from features.times import US_PER_HOUR
from serving.clock import Clock
from serving.database.schema import STORE
from serving.intake.leads import with_their_accounts
from serving.rescoring.chunk_scores import score_chunk
from serving.rescoring.scoring_processes import ScoringProcesses
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

# How many of the next leads aged, at least, where more changed.
_AGED_SHARE: Final = 0.2
# From so many waiting leads on processes are worth their start. They work on so many turns before the leads
# that changed meanwhile are seen.
MANY_LEADS: Final = 10_000
_TURNS_AT_ONCE: Final = 16
_IDS_AT_ONCE: Final = 500
_WAIT_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done at once.

    Attributes:
        leads_per_turn: leads that are read and scored together.
        rows_at_once: rows of one transaction: other writers wait for no longer than these take.
    """

    leads_per_turn: int
    rows_at_once: int


BESIDE_A_SERVER: Final = Pace(leads_per_turn=2_500, rows_at_once=250)
# Nobody waits for the writer, and each transaction waits for the disk.
AFTER_A_LOADING: Final = Pace(leads_per_turn=5_000, rows_at_once=5_000)


class Rescorer:
    """Scores the leads that need it, in turns; one process of a service does it for all."""

    def __init__(
        self,
        store: Store,
        live: LiveModel,
        *,
        clock: Clock,
        pace: Pace = BESIDE_A_SERVER,
        processes: ScoringProcesses | None = None,
    ) -> None:
        """Prepares a thread that writes, and starts nothing yet.

        Args:
            store: holds the leads, and gets the scores.
            live: the model in use.
            clock: of the moments of scoring.
            pace: how much is done at once.
            processes: score where very many leads wait; None: this process scores all.
        """
        self._store = store
        self._live = live
        self._clock = clock
        self._pace = pace
        self._processes = processes
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
        """Scores some leads, while the rows of the turn before are written; several turns where many wait.

        Returns:
            Number of leads; 0 where all rows are written and no lead needs a new score, or another process
            leads.
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
        size = self._pace.leads_per_turn
        turns = [taken[start : start + size] for start in range(0, len(taken), size)]
        for turn, rows in zip(turns, self._scored(turns, predictor, now), strict=True):
            self._end_writing()
            # With the last rows the leads of all changes up to the last look are written.
            reached = self._scanned if turn is turns[-1] and not self._pending else None
            self._unwritten = {*turn}
            self._written = self._writing.submit(self._write, rows, reached)
        return len(taken)

    def _scored(
        self, turns: Sequence[Sequence[str]], predictor: Predictor, now: int
    ) -> Iterator[list[CurrentRow]]:
        if self._processes is None or len(turns) == 1:
            for turn in turns:
                yield self._store.read(partial(score_chunk, predictor=predictor, lead_ids=turn, now=now))
            return
        try:
            yield from self._processes.score(turns, self._live.folder, now=now)
        except ProcessLostError:
            # Slower, but it needs no more memory.
            self._processes = None
            raise

    def _write(self, rows: Sequence[CurrentRow], reached: int | None) -> None:
        """Writes the rows of a turn in short transactions.

        Args:
            rows: of the turn.
            reached: number of a transaction; the rows of all leads that changed up to it are written then.
        """
        size = self._pace.rows_at_once
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            # One after the other: the writer would run those that wait in one long transaction.
            self._store.write(partial(write_current, rows=part, rescored=None)).result()
        if reached is not None:
            self._store.write(partial(write_current, rows=(), rescored=reached)).result()

    def _end_writing(self) -> None:
        """Waits until the rows of the turn before are written."""
        written, self._written = self._written, None
        if written is not None:
            written.result()
        self._unwritten = set()

    def _take(self, connection: sa.Connection, predictor: Predictor, now: int) -> list[str]:
        """Takes the next leads: those that changed last, and some that aged."""
        self._scan(connection, predictor)
        count = self._pace.leads_per_turn
        most = count if self._processes is None else count * _TURNS_AT_ONCE
        before = now - round(REFRESH_HOURS * US_PER_HOUR)
        # The rows that are being written may still look old.
        limit = most + len(self._unwritten)
        aged = aged_leads(connection, version=predictor.model_version, before=before, limit=limit)
        aged = [lead_id for lead_id in aged if lead_id not in self._unwritten]
        if len(self._pending) + len(aged) >= MANY_LEADS:
            count = most
        changed_count = count - min(len(aged), round(_AGED_SHARE * count))
        changed = list(islice(reversed(self._pending), changed_count))
        for lead_id in changed:
            del self._pending[lead_id]
        return list(dict.fromkeys(changed + aged[: count - len(changed)]))

    def _scan(self, connection: sa.Connection, predictor: Predictor) -> None:
        """Adds what changed since the last look; after many changes, all leads in the order of accounts."""
        sequence, rescored = connection.execute(sa.select(STORE.c.sequence, STORE.c.rescored)).one()
        since = rescored if self._scanned is None else self._scanned
        if sequence > since:
            changed = changed_leads(connection, since=since)
            if changed is None:
                changed = all_leads(connection)
            elif predictor.reads_account:
                changed = _with_accounts(connection, changed)
            for lead_id in changed:
                # Again at the end, where the newest are.
                self._pending.pop(lead_id, None)
                self._pending[lead_id] = None
        self._scanned = sequence


def _with_accounts(connection: sa.Connection, lead_ids: Sequence[str]) -> list[str]:
    """Adds the other leads of the accounts of leads, whose scores change with them; the leads stand last."""
    others: dict[str, None] = {}
    for start in range(0, len(lead_ids), _IDS_AT_ONCE):
        others |= dict.fromkeys(with_their_accounts(connection, lead_ids[start : start + _IDS_AT_ONCE]))
    for lead_id in lead_ids:
        others.pop(lead_id, None)
    return [*others, *lead_ids]
